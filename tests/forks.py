"""gdcli in a process that starts at once: a fork of one that has imported torch and gdcli, which takes seconds.

What happens before ``main()`` is called needs ``python -m gdcli``.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import termios
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NoReturn, Self, TextIO

# What a terminal would tell: none is there, and the width is always the same.
ENVIRONMENT = {"COLUMNS": "80", "NO_COLOR": "", "FORCE_COLOR": "", "TTY_COMPATIBLE": "", "GDCLI_DEBUG": ""}
PATIENCE = 300.0  # seconds; a machine may be busy


class Fork:
    """``gdcli WORDS`` in a process of its own, whose standard streams are these descriptors.

    If it has a ``session`` of its own, standard output is the terminal that controls it. The words ``python -m MODULE``
    and ``python -c TEXT`` run something else, which finds torch imported.
    """

    def __init__(
        self, *words: str, streams: tuple[int, int, int], env: Mapping[str, str], session: bool = False
    ) -> None:
        self._keeper = _asked(_server(), words, streams, env, session=session)
        self._answers = self._keeper.makefile("r")
        self.pid = int(self._answers.readline())
        self._code: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def poll(self) -> int | None:
        """The exit code, if it has ended; that of a signal is negative."""
        if self._code is None and select.select([self._keeper], [], [], 0)[0]:
            self.wait()
        return self._code

    def wait(self, timeout: float = PATIENCE) -> int:
        """The exit code, when it has ended."""
        if self._code is None:
            self._keeper.settimeout(timeout)
            self._code = int(self._answers.readline())
            self._answers.close()
            self._keeper.close()
        return self._code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self.send_signal(signal.SIGKILL)
        self.wait()


@functools.cache
def _server() -> socket.socket:
    """The socket on which the server waits for forks to make; it ends when the socket is closed."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        words = [sys.executable, "-m", "tests.forks", "serve", str(its.fileno())]
        process = subprocess.Popen(words, cwd=Path(__file__).parents[1], pass_fds=[its.fileno()])
    atexit.register(lambda: (ours.close(), process.wait()))
    return ours


def _asked(
    server: socket.socket, words: Sequence[str], streams: Sequence[int], env: Mapping[str, str], *, session: bool
) -> socket.socket:
    """Ask for a fork; the socket on which its process and its exit code are told, a line each."""
    about = {"words": words, "env": dict(env), "folder": os.getcwd(), "session": session}
    ours, its = socket.socketpair()
    with its:
        socket.send_fds(server, [json.dumps(about).encode()], [*streams, its.fileno()])
    return ours


def shell(command: str) -> tuple[str, int]:
    """What a shell prints on both streams, with nothing on standard input, and its exit code; gdcli is a fork in it."""
    its = _server().fileno()
    path = f"{Path(__file__).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "GDCLI_PYTHON": sys.executable, "GDCLI_FORKS": str(its)}
    done = subprocess.run(
        command,
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=environment,
        pass_fds=[its],
    )
    return done.stdout.decode(), done.returncode


class Piped(Fork):
    """A process, and our ends of the pipes that are its standard streams."""

    def __init__(self, *words: str, env: Mapping[str, str] | None = None, out: IO[bytes] | None = None) -> None:
        """Start it; ``out`` is another place for its standard output."""
        (its_in, ours_in), (ours_out, its_out), (ours_err, its_err) = (os.pipe() for _ in range(3))
        streams = (its_in, its_out if out is None else out.fileno(), its_err)
        super().__init__(*words, streams=streams, env={**os.environ, **ENVIRONMENT, **(env or {})})
        for descriptor in (its_in, its_out, its_err):
            os.close(descriptor)
        self.stdin = os.fdopen(ours_in, "w")
        self.stdout, self.stderr = os.fdopen(ours_out), os.fdopen(ours_err)

    def ended(self, stdin: str = "") -> tuple[int, str, str]:
        """The exit code and what both streams printed, when it has ended; all its standard input is given at once."""
        with ThreadPoolExecutor(1) as beside:  # a full pipe waits for its reader
            errors = beside.submit(self.stderr.read)
            with contextlib.suppress(BrokenPipeError), self.stdin:
                self.stdin.write(stdin)
            out = self.stdout.read()
            return self.wait(), out, errors.result()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        for stream in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


# The server


def _serve(requests: socket.socket) -> None:
    """Fork for every request."""
    import gdcli
    from gdcli.cli.app import group
    from gdcli.torch_import import import_torch

    group()
    import_torch()
    importlib.import_module("torch._dynamo")  # as the first optimizer of torch.optim does, for seconds
    for module in pkgutil.walk_packages(gdcli.__path__, "gdcli."):
        if module.name != "gdcli.__main__":
            importlib.import_module(module.name)
    gc.freeze()  # a visit would copy every page that forks share
    while True:
        text, descriptors, _, _ = socket.recv_fds(requests, 1_000_000, 4)
        with contextlib.suppress(ChildProcessError):  # nobody else waits for the keepers that have ended
            while os.waitpid(-1, os.WNOHANG if text else 0)[0]:
                pass
        if not text:
            return
        if os.fork() == 0:
            requests.close()
            _keep(json.loads(text), descriptors[:3], socket.socket(fileno=descriptors[3]))
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(about: Any, streams: list[int], client: socket.socket) -> None:
    """Start gdcli, tell the number of its process, and tell its exit code when it has ended."""
    child = os.fork()
    if child == 0:
        client.close()
        _become(about, streams)
    for stream in streams:
        os.close(stream)
    client.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(about: Any, streams: list[int]) -> None:
    """Be ``gdcli WORDS``."""
    if about["session"]:
        os.setsid()
        fcntl.ioctl(streams[1], termios.TIOCSCTTY, 0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(about["env"])
    sys.stdin, sys.stdout, sys.stderr = map(_opened, range(3))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):  # the tests themselves may run under nohup
        signal.signal(number, signal.SIG_DFL)
    os.chdir(about["folder"])
    try:
        _run(about["words"])
    finally:
        os._exit(70)  # main() ends the process itself


def _run(words: list[str]) -> NoReturn:
    from gdcli.cli.main import main

    sys.argv = ["gdcli", *words]
    if words[:1] != ["python"]:
        main()
    code: object = 0
    try:
        if words[1] == "-c":
            sys.argv = ["-c", *words[3:]]
            exec(compile(words[2], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = words[2:]
            runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 -- as Python ends a script
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 1)


def _opened(number: int) -> TextIO:
    """A standard stream, as Python opens it when it starts."""
    by_line = number == 2 or os.isatty(number)
    encoding = os.environ.get("PYTHONIOENCODING")
    return open(number, "r" if number == 0 else "w", 1 if by_line else -1, encoding=encoding, closefd=False)


if __name__ == "__main__":
    what, number, *words = sys.argv[1:]
    server = socket.socket(fileno=int(number))
    if what == "serve":
        _serve(server)
    else:
        _process, code = _asked(server, words, (0, 1, 2), os.environ, session=False).makefile("r")
        sys.exit(int(code))
