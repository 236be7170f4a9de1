"""Keys, and what is sealed with them: everything people or models wrote, wherever it is kept.

Rules of the file: AES-256-GCM with a fresh nonce each time; what is sealed says by which key, and
is bound to its place (queue, kind, id), so that it opens nowhere else; the first key seals, all of
them open. Dropping a key erases whatever was sealed with it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import zlib
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guard.errors import SettingsError, StoreError

KEY_BYTES = 32
NONCE_BYTES = 12  # what GCM takes; random ones are safe for some 4 billion seals with one key
FAST = 1  # of zlib: replies shrink to about half, in some 20 µs

_LINE = re.compile(r"([A-Za-z0-9_-]{1,32}):([0-9a-fA-F]{64})")


class Vault:
    """Seals and opens."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys` by their id; the first one seals."""
        self._raw = dict(keys)
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self.current = next(iter(keys))

    @classmethod
    def fresh(cls) -> Vault:
        """With a key that nobody else has."""
        return cls({"k1": secrets.token_bytes(KEY_BYTES)})

    def seal(self, plain: bytes, place: str) -> bytes:
        """Seals for a place; it opens only there."""
        head = self.current.encode("ascii") + b":"
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._ciphers[self.current]
        return head + nonce + cipher.encrypt(nonce, zlib.compress(plain, FAST), place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises StoreError where the key is not here, or it was sealed for another place."""
        head, _, rest = sealed.partition(b":")
        name = head.decode("ascii", "replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise StoreError(
                f"it is sealed with the key {name[:32]!r}, which is not here: put that key back "
                "into the file of keys, or it was erased on purpose"
            )
        try:
            plain = cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            raise StoreError(
                f"what is kept for {place!r} was changed, or belongs to another place"
            ) from error
        return zlib.decompress(plain)

    def digest(self, use: str, plain: bytes, *, key: str = "") -> str:
        """A keyed digest: equal for equal texts, and a riddle for who has no key.

        Raises StoreError where `key` is not here.
        """
        raw = self._raw.get(key or self.current)
        if raw is None:
            raise StoreError(f"the key {key[:32]!r} is not here: put it back into the file of keys")
        own = hmac.digest(raw, use.encode(), hashlib.sha256)  # no use can stand for another
        return hmac.new(own, plain, hashlib.sha256).hexdigest()


def load_vault(given: str, data: Path) -> Vault:
    """The keys in a file, or given as `id:64 hex digits`; else those in the data folder, made if
    need be. Raises SettingsError."""
    if _LINE.match(given):
        return Vault(_keys(given.split(","), "review_keys"))
    file = Path(given) if given else data / "keys"
    try:
        if not given and not file.exists():
            _make(file)
        return Vault(_keys(file.read_text("ascii").split(), str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{file}: the keys that seal reviews cannot be read; each line is `id:64 hex digits`, "
            "and the first one seals"
        ) from error


def _make(file: Path) -> None:
    """A file with one new key. Of two processes at once, one makes it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(f"k1:{secrets.token_hex(KEY_BYTES)}\n")
        out.flush()
        os.fsync(out.fileno())
    try:
        file.hardlink_to(part)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _keys(lines: list[str], place: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for line in filter(None, lines):
        found = _LINE.fullmatch(line)
        if found is None or found[1] in keys:
            raise SettingsError(
                f"{place}: a key is `id:64 hex digits`, each id once, the first one seals"
            )
        keys[found[1]] = bytes.fromhex(found[2])
    if not keys:
        raise SettingsError(f"{place}: there is no key; delete an empty file to get a new one")
    return keys
