"""Files that are written completely or not at all, and targets that cannot be replaced: devices, pipes, descriptors."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gdcli.cli.interrupt import raise_if_interrupted
from gdcli.errors import OutsideError
from gdcli.unfinished import undone_by

_MOST_BYTES = 200  # of the name of a target in that of its temporary file; file systems allow 255 in all
_MOST_LINKS = 40  # what Linux follows
_LOOK_SECONDS = 0.02


def check_file(path: str) -> None:
    """Check that a file can be written.

    Raises:
        OutsideError: when it cannot be written.
    """
    with _reported(path):
        if path.endswith(("/", os.sep)):
            raise IsADirectoryError(0, "it is the name of a folder")
        descriptor = _descriptor(path)
        if descriptor is None:
            _check(Path(os.path.realpath(path)))
        else:
            _check_descriptor(descriptor)


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[IO[bytes]]:
    """A file that appears once all is written; an old one is kept until then.

    A link stays, and its file is replaced. A device, a pipe or an open descriptor is written to.

    Raises:
        OutsideError: when it cannot be written.
    """
    with _reported(path):
        descriptor = _descriptor(path)
        if descriptor is not None:
            _check_descriptor(descriptor)
            sys.stdout.flush()
            with os.fdopen(os.dup(descriptor), "wb") as file:
                yield file
            return
        real = Path(os.path.realpath(path))
        mode = _check(real)
        if mode is None or stat.S_ISREG(mode):
            with _replacing(real, mode) as file:
                yield file
        else:
            with os.fdopen(_opened_pipe(real) if stat.S_ISFIFO(mode) else os.open(real, os.O_WRONLY), "wb") as file:
                yield file


@contextlib.contextmanager
def _reported(path: str) -> Iterator[None]:
    """Report what the system says as an error; that a reader has closed a pipe is none."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutsideError("output", f"cannot write {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _replacing(path: Path, mode: int | None) -> Iterator[IO[bytes]]:
    """A temporary file next to ``path`` that replaces it at the end; a file of this ``mode`` is there already."""
    _remove_leftovers(path)
    temporary = path.with_name(f"{_prefix(path)}{os.getpid()}-{os.urandom(4).hex()}.tmp")

    def remove() -> None:
        with contextlib.suppress(OSError):
            temporary.unlink()

    with undone_by(remove):
        try:
            with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                with contextlib.suppress(OSError):  # not every file system has locks
                    _lock(file.fileno())
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(stat.S_IMODE(mode) if mode is not None else 0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            remove()
            raise


def _prefix(path: Path) -> str:
    """The first part of the names of the temporary files of a target, which the number of a process follows."""
    return f".{os.fsdecode(os.fsencode(path.name)[:_MOST_BYTES])}.gdcli-"


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote this target."""
    if sys.platform == "win32":
        return
    pattern = re.compile(re.escape(_prefix(path)) + r"(\d+)-[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            match = pattern.fullmatch(entry.name)
            if match and (int(match[1]) == os.getpid() or not _is_alive(int(match[1]))):
                with contextlib.suppress(OSError):
                    _remove_leftover(Path(entry.path))


def _remove_leftover(path: Path) -> None:
    """Remove a file that is ours, unless a process holds its lock: one in another container has a number of its own."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        about = os.fstat(descriptor)
        if stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid():
            _lock(descriptor)
            path.unlink()
    finally:
        os.close(descriptor)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True


def _lock(descriptor: int) -> None:
    """Lock an open file, until it is closed; raises OSError if another process has."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _check(path: Path) -> int | None:
    """The mode of the file, None when there is none yet; raises OSError when it cannot be written."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise FileNotFoundError(0, f"there is no folder {path.parent}") from None
        mode = None
    if mode is None or stat.S_ISREG(mode):
        _check_folder(path.parent)
    if mode is None:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(0, "it is a folder")
    if stat.S_ISREG(mode) and not mode & 0o222:
        raise PermissionError(0, "the file is read-only")
    return mode


def _check_folder(folder: Path) -> None:
    """Raise OSError if no file can be made there; the one that is written beside the target, before it replaces it."""
    if not os.access(folder, os.W_OK | os.X_OK):
        if os.statvfs(folder).f_flag & getattr(os, "ST_RDONLY", 0):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        raise PermissionError(0, f"the folder {folder} is read-only")


def _descriptor(path: str) -> int | None:
    """The number of the descriptor of this process that a path names, as /dev/stdout does."""
    names = re.compile(rf"(?:/dev/fd|/proc/(?:self|thread-self|{os.getpid()})/fd)/(\d+)")
    place = Path(path)
    if not place.is_absolute():
        place = Path.cwd() / place
    for _ in range(_MOST_LINKS):
        for folder in (place.parent, Path(os.path.realpath(place.parent))):
            if match := names.fullmatch(str(folder / place.name)):
                return int(match[1])
        if not place.is_symlink():
            return None
        place = place.parent / place.readlink()
    return None


def _check_descriptor(descriptor: int) -> None:
    """Raise OSError if it cannot be written to."""
    if sys.platform != "win32":
        import fcntl

        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "it is open for reading only")


def _opened_pipe(path: Path) -> int:
    """A named pipe, open for writing once somebody reads it; a signal ends the wait."""
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            raise_if_interrupted()
            time.sleep(_LOOK_SECONDS)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
