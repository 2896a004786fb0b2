"""The session of a live view: timing, keys and frames between two steps."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Protocol

from gdcli.cli.live.keys import Key, Keyboard
from gdcli.cli.live.screen import Screen
from gdcli.cli.output import Output
from gdcli.render.live import Scene, Stage
from gdcli.render.text import PlainConsole
from gdcli.unfinished import undone_by

_FRAME_SECONDS = 0.05  # 20 frames a second at most
_SHARE = 30  # at full speed, frames take one part in this many of the time
_SHARE_OF_DELAY = 2  # the same with a delay, which leaves time for frames
_LATE_SECONDS = 0.5  # steps that are later than this are not made up for
_LOOK_SECONDS = 0.01  # between two looks at the keys
_PAUSED_SECONDS = 0.05
FASTER, SLOWER = 1.25, 0.8


class View(Protocol):
    """What a session shows. ``goes_back``: its earlier iterations can be shown, and it can go on by single ones."""

    has_rate: bool
    goes_back: bool

    @property
    def head(self) -> int:
        """The last iteration that was computed."""

    def beside(self, iteration: int, direction: int) -> int:
        """The iteration after (1) or before (-1) a given one, among those that can be shown."""

    def scene(self, iteration: int, stage: Stage, status: str, keys: str) -> Scene:
        """What a frame shows at an iteration."""

    def change_rate(self, iteration: int, factor: float) -> None:
        """Multiply the learning rate from an iteration on; raises the exception that restarts the run."""


class Session:
    """Called after steps: shows frames, handles keys, and waits for the delay.

    It is called after every step from the time ``next_look`` on, and after iteration ``replay_to``. ``shown`` is the
    earlier iteration that is shown, None for the last one. ``ended`` says that the user has stopped the run,
    ``interrupted`` that a signal has.
    """

    def __init__(self, view: View, output: Output, share: int = _SHARE) -> None:
        """Without a delay, frames take one part in ``share`` of the time."""
        console = PlainConsole()
        self.view = view
        self.delay = output.delay
        self._share = _SHARE_OF_DELAY if self.delay else share
        self.paused = False
        self.shown: int | None = None
        self.ended = False
        self.interrupted = False
        self.replay_to = -1
        self._keyboard = Keyboard()
        self._screen = Screen(console, alternate=output.screen)
        self._stage = Stage(console)
        self._steps_on = 0
        self._is_over = False
        self._stale = True
        self._size = console.size
        self._cost = 0.0
        self.next_look = self._due = self._last_frame = self._next_frame = 0.0

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """The terminal for the session; it is restored at the end, and while the process is suspended.

        Messages on standard error are held until the view has closed.
        """
        held = io.StringIO()
        with contextlib.ExitStack() as stack:
            if sys.stderr.isatty():
                stack.callback(lambda out=sys.stderr: out.write(held.getvalue()))  # type: ignore[misc]
                stack.enter_context(contextlib.redirect_stderr(held))
            stack.callback(self._leave)
            if threading.current_thread() is threading.main_thread():
                before = signal.signal(signal.SIGTSTP, self._suspend)
                stack.callback(signal.signal, signal.SIGTSTP, before)
            stack.enter_context(undone_by(self._abandon))
            self._enter()
            self._due = time.monotonic()
            yield

    def _enter(self) -> None:
        self._keyboard.take()
        self._screen.open()
        self._stale = True

    def _leave(self) -> None:
        self._screen.close()
        self._keyboard.release()

    def _abandon(self) -> None:
        """The process ends at once: restore the terminal, whatever it was doing."""
        self._keyboard.release()
        self._screen.abandon()

    def _suspend(self, *_: object) -> None:
        """Ctrl-Z: restore the terminal until the process continues."""
        self._leave()
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._enter()

    def interrupt(self, _by: str = "") -> None:
        """Ctrl-C, or another signal that ends a run."""
        self.interrupted = True

    def after_step(self, iteration: int) -> None:
        """Handle keys and frames; returns when the next step is due."""
        if iteration < self.replay_to:
            self._replay(time.monotonic())
            return
        self.replay_to = -1
        self._stale = True
        due = self._due + self.delay
        while not (self._is_done() or self._steps_on):
            now = time.monotonic()
            if not self.paused and now >= due and now < self._next_frame:
                break
            self._frame(now, spare=_PAUSED_SECONDS if self.paused else due - now)
            if not self.paused and now >= due:
                break
            wait = _PAUSED_SECONDS if self.paused else max(0.0, min(_FRAME_SECONDS, due - time.monotonic()))
            self._do(self._keyboard.pressed(wait))
        if not self.delay and not self.paused:
            self._do(self._keyboard.pressed())
        self._steps_on = max(0, self._steps_on - 1)
        now = time.monotonic()
        self._due = max(due, now - _LATE_SECONDS) if self.delay and not self.paused else now
        self.next_look = 0.0 if self.delay or self.paused else now + _LOOK_SECONDS

    def at_end(self) -> None:
        """The run is over: stay while it is paused or an earlier iteration is shown."""
        self._is_over, self._stale, self.replay_to = True, True, -1
        while (self.paused or self.shown is not None) and self._keyboard.is_there and not self._is_done():
            self._frame(time.monotonic(), spare=_PAUSED_SECONDS)
            self._do(self._keyboard.pressed(_PAUSED_SECONDS))

    def begin_anew(self, replay_to: int) -> None:
        """The run restarts, and is shown again from an iteration on."""
        self.replay_to, self.shown, self._is_over = replay_to, None, False
        self.next_look = time.monotonic() + 2 * _FRAME_SECONDS

    def _is_done(self) -> bool:
        return self.ended or self.interrupted

    def _replay(self, now: float) -> None:
        """Replay to the iteration at which the rate was changed."""
        self._stale = True
        self._frame(now, spare=0.0)
        self._do(self._keyboard.pressed())
        self.next_look = time.monotonic() + _LOOK_SECONDS

    # Keys

    def _do(self, keys: list[Key]) -> None:
        """Handle keys; several changes of the rate are combined."""
        rate = 1.0
        for key in keys:
            match key:
                case Key.END:
                    self.ended = True
                case Key.PAUSE:
                    self.paused, self.shown = not self.paused, None
                case Key.FASTER | Key.SLOWER:
                    rate *= FASTER if key is Key.FASTER else SLOWER
                case _ if self.view.goes_back and self.replay_to < 0:
                    self._go(key)
            self._stale = True
        if rate != 1.0 and self.view.has_rate and not self.ended:
            self.view.change_rate(self.replay_to if self.replay_to >= 0 else self._iteration, rate)

    def _go(self, key: Key) -> None:
        """Go to another iteration; from the last one, make one step."""
        self.paused = True
        head, here = self.view.head, self._iteration
        if key is Key.FORWARD and here == head:
            self._steps_on += not self._is_over
        elif key in (Key.FORWARD, Key.BACK):
            here = self.view.beside(here, 1 if key is Key.FORWARD else -1)
        else:
            here = head if key is Key.LAST else self.view.beside(-1, 1)
        self.shown = None if here == head else here

    @property
    def _iteration(self) -> int:
        return self.view.head if self.shown is None else self.shown

    # Frames

    def _frame(self, now: float, spare: float) -> None:
        """Show a frame if it is due, or if there is spare time for it."""
        if not (self._stale or self._stage.console.size != self._size):
            return
        if now < self._last_frame + _FRAME_SECONDS or (now < self._next_frame and spare < self._cost):
            return
        self._size = self._stage.console.size
        self._screen.show(self._stage.lines(self.view.scene(self._iteration, self._stage, self._status, self._keys)))
        self._stale = False
        done = time.monotonic()
        # The first frame also loads what drawing needs.
        self._cost = done - now if self._last_frame else min(done - now, _FRAME_SECONDS)
        self._last_frame = now
        self._next_frame = done + max(_FRAME_SECONDS, self._share * self._cost)

    @property
    def _status(self) -> str:
        if self.replay_to >= 0:
            return f"replaying to {self.replay_to:,}"
        if self.shown is not None:
            return f"looking back from {self.view.head:,}"
        return "finished" if self._is_over else "paused" if self.paused else "running"

    @property
    def _keys(self) -> str:
        if not self._keyboard.is_there:
            return "no keys: standard input is not a terminal; Ctrl-C stops it"
        space = "space close" if self._is_over else "space resume" if self.paused else "space pause"
        rate = ["+ - lr"] if self.view.has_rate else []
        step, ends = (["← → step"], ["Home End first, last"]) if self.view.goes_back else ([], [])
        return "   ".join([space, *step, *rate, "q stop", *ends])
