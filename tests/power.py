"""A disk that keeps only what was synced: runs a program and copies each file aside as `fsync` and
`fdatasync` find it, and nothing else. What stands aside is what a power cut would leave.

No compiler is needed: the program is traced (ptrace, with a seccomp filter so that only these two
calls stop it). What it covers: the contents of files. What it takes for granted: that names, made,
moved and removed, are kept in order with whatever is synced next, as journalling file systems do,
and that the disk does not lie.

    python -m tests.power FOLDER ASIDE -- COMMAND…
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

_NUMBERS = {"x86_64": (74, 75), "aarch64": (82, 83)}  # fsync, fdatasync
_TRACEME, _CONT, _SYSCALL, _SETOPTIONS, _SYSCALL_INFO = 0, 7, 24, 0x4200, 0x420E
# A good system call stop has bit 7 set; clones, forks and execs are followed; all end with us.
_OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000
_EVENT_SECCOMP = 7
_ENTRY = 3  # of a call, as a seccomp stop tells it
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000
_WALL = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long] * 4
_libc.ptrace.restype = ctypes.c_long


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def works() -> bool:
    """Whether this machine lets a program trace its own children."""
    if sys.platform != "linux" or platform.machine() not in _NUMBERS:
        return False
    child = os.fork()
    if child == 0:
        os._exit(0 if _libc.ptrace(_TRACEME, 0, 0, 0) == 0 else 1)
    return os.waitpid(child, 0)[1] in (0,)


def run(folder: Path, aside: Path, command: list[str]) -> int:
    """Runs a command; what it syncs under `folder` goes to `aside`. Its exit code."""
    child = os.fork()
    if child == 0:
        _become(command)
    os.waitpid(child, _WALL)
    _libc.ptrace(_SETOPTIONS, child, 0, _OPTIONS)
    _libc.ptrace(_CONT, child, 0, 0)
    syncing: dict[int, _Synced | None] = {}
    while True:
        try:
            process, status = os.waitpid(-1, _WALL)
        except ChildProcessError:
            return 0
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if process == child:
                return os.waitstatus_to_exitcode(status)
            continue
        stopped, event = os.WSTOPSIG(status), status >> 16
        way, passed = _CONT, 0
        if event == _EVENT_SECCOMP:
            syncing[process] = _seen(process, folder)
            way = _SYSCALL
        elif stopped == signal.SIGTRAP | 0x80:  # the call has returned
            found = syncing.pop(process, None)
            if found is not None and _returned(process) == 0:
                _keep(found, folder, aside)
        elif stopped not in (signal.SIGTRAP, signal.SIGSTOP):
            passed = stopped
        _libc.ptrace(way, process, 0, passed)


@dataclass(frozen=True)
class _Synced:
    """A file about to be synced, and its bytes from some place on, as they are now."""

    inode: int
    start: int
    content: bytes


_known: dict[int, tuple[Path, int]] = {}
"""By inode: where a file stands aside, and how many bytes of it."""


def _seen(process: int, folder: Path) -> _Synced | None:
    """What a call is about to sync; of a folder, no bytes."""
    info = (ctypes.c_ubyte * 88)()
    _libc.ptrace(_SYSCALL_INFO, process, len(info), ctypes.addressof(info))
    number = struct.unpack_from("<Q", bytes(info), 32)[0]
    link = Path(f"/proc/{process}/fd/{number}")
    try:
        path = link.readlink()
        if not path.is_relative_to(folder):
            return None
        inode = link.stat().st_ino
        if path.is_dir():
            return _Synced(0, 0, b"")
        grows = path.suffix in (".aof", ".jsonl")  # the others are kept whole
        start = _known[inode][1] if grows and inode in _known else 0
        with link.open("rb") as file:
            file.seek(start)
            return _Synced(inode, start, file.read())
    except OSError:
        return None


def _returned(process: int) -> int:
    info = (ctypes.c_ubyte * 88)()
    _libc.ptrace(_SYSCALL_INFO, process, len(info), ctypes.addressof(info))
    return int(struct.unpack_from("<q", bytes(info), 24)[0])


def _keep(synced: _Synced, folder: Path, aside: Path) -> None:
    names = {file.stat().st_ino: file for file in _files(folder)}
    for inode, (path, size) in list(_known.items()):
        now = names.get(inode)
        if now is None:
            path.unlink(missing_ok=True)
            del _known[inode]
        elif (moved := aside / now.relative_to(folder)) != path:
            moved.parent.mkdir(parents=True, exist_ok=True)
            path.replace(moved)
            _known[inode] = moved, size
    for inode, file in names.items():
        if inode not in _known and inode != synced.inode:  # named, and nothing in it yet
            path = aside / file.relative_to(folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            _known[inode] = path, 0
    if synced.inode in names:
        path = aside / names[synced.inode].relative_to(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if path.exists() else "w+b") as out:
            out.seek(synced.start)
            out.write(synced.content)
            out.truncate()
        _known[synced.inode] = path, synced.start + len(synced.content)


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def _become(command: list[str]) -> None:
    """What the child does: it asks to be traced, and becomes the program."""
    first, second = _NUMBERS[platform.machine()]
    # Load the call's number; trace these two; let all others through.
    steps = [
        (0x20, 0, 0, 0), (0x15, 1, 0, first), (0x15, 0, 1, second), (0x06, 0, 0, _TRACE),
        (0x06, 0, 0, _ALLOW),
    ]  # fmt: skip
    code = b"".join(struct.pack("<HBBI", *step) for step in steps)
    kept = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(steps), ctypes.addressof(kept))
    _libc.ptrace(_TRACEME, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program)) != 0:
        os._exit(71)
    os.execvp(command[0], command)


if __name__ == "__main__":
    place = sys.argv.index("--")
    sys.exit(run(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[place + 1 :]))
