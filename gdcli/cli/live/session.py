"""The clock, the keys and the frames of a live view: what happens between two steps."""

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

from rich.console import Console

from gdcli.cli.live.keys import Key, Keyboard
from gdcli.cli.live.screen import Screen
from gdcli.cli.output import Output
from gdcli.render.live import Scene, Stage

_FRAME_SECONDS = 0.05  # 20 frames a second at most
_SHARE = 30  # a frame takes one part of time in so many at full speed
_SHARE_OF_DELAY = 2  # and where there is a delay, which makes up for it
_LATE_SECONDS = 0.5  # steps that are late by more do not hurry
_LOOK_SECONDS = 0.01  # from one look at the keys to the next
_PAUSED_SECONDS = 0.05
FASTER, SLOWER = 1.25, 0.8


class View(Protocol):
    """What a session shows."""

    has_rate: bool

    @property
    def head(self) -> int:
        """The last iteration that was computed."""

    def beside(self, iteration: int, direction: int) -> int:
        """The iteration after (1) or before (-1) a given one, among those that can be shown."""

    def scene(self, iteration: int, stage: Stage, status: str, keys: str) -> Scene:
        """What a frame shows at an iteration."""

    def change_rate(self, iteration: int, factor: float) -> None:
        """Multiply the learning rate from an iteration on; raises what makes the run begin anew."""


class Session:
    """Is asked after steps, shows frames, does what keys ask for, and takes its time.

    That is after every step from the time ``next_look`` on, and after that of iteration ``replay_to``. ``shown`` is the
    iteration that is shown while one looks back, None at the head. ``ended`` says that the user has seen enough,
    ``interrupted`` that Ctrl-C was pressed.
    """

    def __init__(self, view: View, output: Output) -> None:
        console = Console(highlight=False, markup=False, emoji=False)
        self.view = view
        self.delay = output.delay
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
        """The terminal for the session; it is as it was before at the end, and when the process is suspended.

        What goes to standard error meanwhile comes when the view has closed.
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

    def _suspend(self, *_: object) -> None:
        """Ctrl-Z: give the terminal back until the process goes on."""
        self._leave()
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._enter()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.interrupted = True

    def after_step(self, iteration: int) -> None:
        """Look after keys and frames; returns when the next step is to be made."""
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
        """The run is over: stay as long as somebody looks at it."""
        self._is_over, self._stale, self.replay_to = True, True, -1
        while (self.paused or self.shown is not None) and self._keyboard.is_there and not self._is_done():
            self._frame(time.monotonic(), spare=_PAUSED_SECONDS)
            self._do(self._keyboard.pressed(_PAUSED_SECONDS))

    def begin_anew(self, replay_to: int) -> None:
        """The run starts again, and is not shown before an iteration."""
        self.replay_to, self.shown, self._is_over = replay_to, None, False
        self.next_look = time.monotonic() + 2 * _FRAME_SECONDS

    def _is_done(self) -> bool:
        return self.ended or self.interrupted

    def _replay(self, now: float) -> None:
        """On the way to the iteration at which the rate was changed."""
        self._stale = True
        self._frame(now, spare=0.0)
        self._do(self._keyboard.pressed())
        self.next_look = time.monotonic() + _LOOK_SECONDS

    # Keys

    def _do(self, keys: list[Key]) -> None:
        """Do what the keys ask for; several changes of the rate are one."""
        rate = 1.0
        for key in keys:
            match key:
                case Key.END:
                    self.ended = True
                case Key.PAUSE:
                    self.paused, self.shown = not self.paused, None
                case Key.FASTER | Key.SLOWER:
                    rate *= FASTER if key is Key.FASTER else SLOWER
                case _ if self.replay_to < 0:
                    self._go(key)
            self._stale = True
        if rate != 1.0 and self.view.has_rate and not self.ended:
            self.view.change_rate(self.replay_to if self.replay_to >= 0 else self._iteration, rate)

    def _go(self, key: Key) -> None:
        """To another iteration; at the head, one step on."""
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
        """Show a frame if it is time: when it may cost something, or fits into the time that is left anyway."""
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
        share = _SHARE_OF_DELAY if self.delay else _SHARE
        self._last_frame = now
        self._next_frame = done + max(_FRAME_SECONDS, share * self._cost)

    @property
    def _status(self) -> str:
        if self.replay_to >= 0:
            return f"replaying up to {self.replay_to:,}"
        if self.shown is not None:
            return f"looking back from {self.view.head:,}"
        return "the end" if self._is_over else "paused" if self.paused else "running"

    @property
    def _keys(self) -> str:
        if not self._keyboard.is_there:
            return "no keys: standard input is no terminal; Ctrl-C ends it"
        space = "space close" if self._is_over else "space go on" if self.paused else "space pause"
        rate = ["+ - lr"] if self.view.has_rate else []
        return "   ".join([space, "← → step", *rate, "q end", "Home End first, last"])
