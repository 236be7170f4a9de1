"""The audit trail: every step of the queue in files, chained so that nobody changes them unseen.

Rules of the file: each line's code is made with our key over the line and the code before it, and
the head says how many lines there are: a changed, lost, added or swapped line, a cut tail or a lost
file is found. A line is synced before the head counts it. No line holds a word of any text.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from guard.errors import StoreError
from guard.review.sealing import Vault

FILE_BYTES = 64 * 2**20  # a trail of some 250,000 steps; an editor still opens it
START = "0" * 64  # the code before the first line

_MARK = ', "code": "'
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Head:
    """How far the trail reaches."""

    lines: int = 0
    code: str = START
    position: str = "0-0"  # of the last line, in Redis's stream
    n: int = 0  # of the last line, by the queue's own count


class Trail:
    """The trail in a folder, for writing. One process at a time."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault
        self._lock: IO[bytes] | None = None
        self._file: IO[bytes] | None = None
        self.head = Head()

    def open(self) -> bool:
        """Takes up the trail where it ends; False while another process writes it.

        Raises StoreError.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self._folder / "lock").open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            self._lock = lock
            self._take_up()
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        return True

    def close(self) -> None:
        for file in (self._file, self._lock):
            if file is not None:
                file.close()
        self._file = self._lock = None

    def append(self, entries: Iterable[tuple[str, Mapping[str, str]]]) -> None:
        """Adds steps, each with its position in Redis's stream. Raises StoreError."""
        head, lines = self.head, []
        for position, fields in entries:
            n = int(fields.get("n", 0))
            if n <= head.n:  # Redis came back with less than it had
                told = {"event": "rolled_back", "from_n": str(head.n)}
                head, line = self._line(head, position, n - 1, told)
                lines.append(line)
            head, line = self._line(head, position, n, fields)
            lines.append(line)
        if not lines:
            return
        try:
            file = self._current()
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
            self._write_head(head)
        except OSError as error:
            self._file = None
            raise _unwritable(self._folder, error) from error
        self.head = head

    def _line(
        self, head: Head, position: str, n: int, fields: Mapping[str, str]
    ) -> tuple[Head, bytes]:
        body = {"line": head.lines + 1, "position": position, **fields}
        words = json.dumps({**body, "n": n, "key": self._vault.current}, ensure_ascii=True)
        code = self._vault.digest("audit", (head.code + words).encode())
        line = f'{words[:-1]}{_MARK}{code}"}}\n'.encode()
        return Head(head.lines + 1, code, position, n), line

    def _take_up(self) -> None:
        self.head = _read_head(self._folder, self._vault) or Head()
        files = _files(self._folder)
        if not files:
            return
        with files[-1].open("r+b") as last:
            text = last.read()
            whole = text.rfind(b"\n") + 1
            if whole < len(text):
                _log.warning("%s was torn at its end by a crash: it goes on before", files[-1])
                last.truncate(whole)
        for line in text[:whole].splitlines():
            fields = json.loads(line)
            if fields["line"] == self.head.lines + 1:  # a crash came before the head
                self.head = Head(
                    fields["line"], fields["code"], fields["position"], int(fields["n"])
                )

    def _current(self) -> IO[bytes]:
        """The file to write to: the last, or a new one where that is long."""
        if self._file is None or self._file.tell() > FILE_BYTES:
            files = _files(self._folder)
            number = len(files) or 1
            if files and files[-1].stat().st_size > FILE_BYTES:
                number += 1
            path = self._folder / f"audit-{number:06}.jsonl"
            path.touch(mode=0o600)
            if self._file is not None:
                self._file.close()
            self._file = path.open("ab")
            _sync_folder(self._folder)
        return self._file

    def _write_head(self, head: Head) -> None:
        words = json.dumps(
            {"lines": head.lines, "code": head.code, "position": head.position, "n": head.n,
             "key": self._vault.current}
        )  # fmt: skip
        seal = self._vault.digest("audit head", words.encode())
        part = self._folder / "head.part"
        with part.open("wb") as out:
            out.write(f"{words}\n{seal}\n".encode())
            out.flush()
            os.fsync(out.fileno())
        part.replace(self._folder / "head")
        _sync_folder(self._folder)


def verify(folder: Path, vault: Vault) -> tuple[Head, list[str]]:
    """How far a trail reaches, and what is wrong with it: nothing, where nobody touched it."""
    try:
        head = _read_head(folder, vault)
        if head is None:
            return Head(), [f"{folder}: there is no head: no audit trail, or it was removed"]
        return _verified(folder, vault, head)
    except (OSError, StoreError) as error:
        return Head(), [str(error)]


def _verified(folder: Path, vault: Vault, head: Head) -> tuple[Head, list[str]]:
    seen, problems = Head(), list[str]()
    for number, file in enumerate(_files(folder), 1):
        if file.name != f"audit-{number:06}.jsonl":
            return seen, [f"{file}: file {number} is missing, or has another name"]
        for place, line in _lines(file):
            found = _checked(line, seen, vault)
            if isinstance(found, str):
                return seen, [*problems, f"{place}: {found}"]
            if seen.lines and found.n > seen.n + 1:
                problems.append(f"{place}: steps {seen.n + 1} to {found.n - 1} are missing")
            seen = found
            if seen.lines == head.lines and seen.code != head.code:
                return seen, [*problems, f"{place}: is not the line that the head counted"]
    if seen.lines < head.lines:
        problems.append(f"{folder}: the tail is cut: {seen.lines} lines of {head.lines}")
    return seen, problems


def _checked(line: bytes, before: Head, vault: Vault) -> Head | str:
    """How far the trail reaches with this line, or what is wrong with it."""
    if not line.endswith(b'"}\n'):
        return "the line is torn"
    words, mark, rest = line.decode("utf-8", "replace").rpartition(_MARK)
    words += "}"
    try:
        fields: dict[str, Any] = json.loads(words)
        code = vault.digest("audit", (before.code + words).encode(), key=str(fields["key"]))
        reached = Head(int(fields["line"]), code, str(fields["position"]), int(fields["n"]))
    except StoreError as error:
        return str(error)
    except (ValueError, KeyError, TypeError):
        return "the line cannot be read"
    if not mark or rest != f'{code}"}}\n' or reached.lines != before.lines + 1:
        return "the line, or one before it, was changed, removed or added"
    return reached


def _lines(file: Path) -> Iterator[tuple[str, bytes]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            yield f"{file}:{number}", line


def _read_head(folder: Path, vault: Vault) -> Head | None:
    """Raises StoreError for a head that we did not write."""
    try:
        text = (folder / "head").read_text("ascii")
    except FileNotFoundError:
        return None
    except ValueError:
        text = ""
    words, _, seal = text.partition("\n")
    try:
        fields = json.loads(words)
        expected = vault.digest("audit head", words.encode(), key=str(fields.pop("key")))
        head = Head(**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        expected, head = "", Head()
    if seal != f"{expected}\n" or not expected:
        raise StoreError(f"{folder / 'head'}: the head of the audit trail was changed")
    return head


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("audit-*.jsonl"))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(f"the audit trail in {folder} cannot be written: {error.strerror or error}")
