"""A backup's file: a header, then the copy in chunks, each sealed with AES-256-GCM.

The key of a file is derived from the site's master key and the file's own salt, so that
a chunk of one file opens in no other. A chunk's nonce is its number and whether it is the
last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), and the
header is bound into every chunk: what was cut off, edited, reordered or taken from another
backup does not open. Memory is flat: one chunk at a time, however large the copy is.

Whoever restores needs MASTER_KEY anyway: without it the values inside stay sealed. So no
second secret guards a backup, and a backup without MASTER_KEY is worth nothing.
"""

import hmac
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import derive

MAGIC = b"RESERVED BACKUP\n"
FORMAT = 1
CHUNK = 256 * 1024  # bytes of a copy in one chunk
TAG = 16
LONGEST_HEADER = 10_000  # bytes
_PURPOSE = "reserved: backups"


class Writable(Protocol):
    """What a backup is written to."""

    def write(self, piece: bytes, /) -> object:
        """Take some bytes."""

    def writelines(self, pieces: Iterable[bytes], /) -> object:
        """Take many, one after the other."""


class NoBackup(DomainError):
    """The file is none of our backups, or is of a newer format."""

    message = N_("That file is no backup of this software, or of a newer version of it.")


class BackupAltered(DomainError):
    """A backup was cut off, edited or put together from others."""

    message = N_("That backup was altered or is not whole. Nothing was restored from it.")


class OtherMasterKey(DomainError):
    """A backup was sealed under another master key."""

    message = N_(
        "That backup was made with another MASTER_KEY. Only with that key can it be opened."
    )


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says of itself, in the clear: nothing of any person."""

    kind: str  # "book" or "keys"
    at: str  # when it was begun: ISO 8601, UTC
    database: str  # "sqlite" or "postgresql"
    migration: str  # the newest one of the copied tables
    ledger: int  # how many erasures the ledger had
    fingerprint: str = ""  # of the master key
    salt: str = ""  # of the file's own key, hexadecimal
    format: int = FORMAT

    @property
    def made_at(self) -> datetime:
        """When it was begun, aware, in UTC."""
        return datetime.fromisoformat(self.at)


def fingerprint(master_key: bytes) -> str:
    """Return what tells one master key from another, and nothing about either."""
    key = derive(master_key, _PURPOSE)
    return hmac.digest(key, b"which key", sha256).hex()[:16]


def _cipher(master_key: bytes, salt: str) -> AESGCM:
    return AESGCM(derive(derive(master_key, _PURPOSE), salt))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def write(file: Writable, header: dict[str, Any], pieces: Iterable[bytes], key: bytes) -> None:
    """Write a backup: the fields of a `Header`, then the pieces, of any length, sealed."""
    whole = Header(**header, fingerprint=fingerprint(key), salt=secrets.token_hex(16))
    words = json.dumps(asdict(whole), sort_keys=True).encode()
    file.write(MAGIC + len(words).to_bytes(4, "big") + words)
    cipher = _cipher(key, whole.salt)
    file.writelines(
        cipher.encrypt(_nonce(number, last), chunk, words)
        for number, (chunk, last) in enumerate(_chunks(pieces))
    )


def _chunks(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield the pieces in chunks of one size, the last one shorter, each with whether it is it."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) > CHUNK:
            yield bytes(held[:CHUNK]), False
            del held[:CHUNK]
    yield bytes(held), True


def read_header(file: BinaryIO) -> Header:
    """Return what a backup says of itself; believed only once `read` has opened it.

    Raises NoBackup.
    """
    return _header(file)[0]


def _header(file: BinaryIO) -> tuple[Header, bytes]:
    if file.read(len(MAGIC)) != MAGIC:
        raise NoBackup
    length = int.from_bytes(file.read(4), "big")
    if length > LONGEST_HEADER:
        raise NoBackup
    words = file.read(length)
    try:
        header = Header(**json.loads(words))
        made = header.made_at
    except (ValueError, TypeError, AttributeError) as error:
        raise NoBackup from error
    if header.format != FORMAT or made.tzinfo is None:
        raise NoBackup
    return header, words


def read(file: BinaryIO, key: bytes) -> Iterator[bytes]:
    """Yield the copy that a backup holds; it is whole only when this has come to its end.

    Raises NoBackup, OtherMasterKey or BackupAltered.
    """
    header, words = _header(file)
    if not hmac.compare_digest(header.fingerprint, fingerprint(key)):
        raise OtherMasterKey
    cipher = _cipher(key, header.salt)
    number, sealed = 0, file.read(CHUNK + TAG)
    while True:
        following = file.read(CHUNK + TAG)
        try:
            yield cipher.decrypt(_nonce(number, not following), sealed, words)
        except (InvalidTag, ValueError) as error:
            raise BackupAltered from error
        if not following:
            return
        number, sealed = number + 1, following
