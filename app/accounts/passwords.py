"""Passwords: long rather than strange, never a common one, kept as an Argon2id hash.

NIST SP 800-63B-4 (2025), 3.1.1: fifteen characters where the password is all there
is, eight where a second factor stands beside it; any character; nothing truncated;
compared with a list of what is commonly chosen; no rules of composition, no hints,
no expiry. The list is in `common-passwords.txt`, so nothing of a password leaves
this machine to be checked.
"""

import os
import unicodedata
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidKey
from flask import has_app_context

from app.config import USUAL_PASSWORD_MEMORY
from app.core.errors import DomainError
from app.core.languages import N_
from app.web.pages import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

LEAST_ALONE = 15
LEAST_BESIDE = 8
MOST = 256

# OWASP's first choice of memory, and one turn more: 0.09 s on the machine it was measured
# on (README). An installation may give it another memory (`Settings.password_memory`).
# Parallel hashes are bounded, as each takes that much.
TURNS = 2
_LANES = 1
_SALT, _LENGTH = 16, 32
_AT_ONCE = 2
_PATIENCE = 10.0  # seconds that somebody waits for their turn

_turns = BoundedSemaphore(_AT_ONCE)


class TooShort(DomainError):
    """Shorter than the standard asks of a password that stands alone, or beside a code."""

    message = N_(
        "Please choose %(least)d characters or more. A few words in a row are easy to remember."
    )


class TooCommon(DomainError):
    """On the list of what is commonly chosen, or made of what everybody knows of the person."""

    message = N_("Many people choose this one, so it is guessed first. Please choose another.")


class TooBusy(DomainError):
    """More people sign in at this moment than can be checked at once."""

    message = N_("Many people are signing in right now. Please try again in a moment.")


def normalised(password: str) -> str:
    """Return a password as it is hashed: however a keyboard composes its signs (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def refuse_weak(password: str, *, second_factor: bool, known: tuple[str, ...] = ()) -> None:
    """Raise TooShort or TooCommon for a password that shouldn't be taken.

    `known` are texts that a guesser would try first: the site's name, the person's
    name, user name and address. A password that is one of them, or one of them with
    up to three signs around it, is refused.
    """
    text = normalised(password)
    least = LEAST_BESIDE if second_factor else LEAST_ALONE
    if len(text) < least:
        raise TooShort(least=least)
    plain = text.casefold()
    if plain in _common() or _is_pattern(plain):
        raise TooCommon
    bare = "".join(sign for sign in plain if sign.isalnum())
    for word in known:
        for part in (word, word.partition("@")[0]):
            said = "".join(sign for sign in normalised(part).casefold() if sign.isalnum())
            if len(said) >= 4 and said in bare and len(bare) - len(said) <= 3:
                raise TooCommon


def hash_of(password: str) -> str:
    """Return the hash of a password as a PHC string. Takes about 0.1 s. Raises TooBusy."""
    with _turn():
        return _function(os.urandom(_SALT)).derive_phc_encoded(normalised(password).encode())


def is_right(password: str, kept: str | None) -> bool:
    """Tell whether a password is the one behind a hash.

    Without a hash one is computed all the same, so that the answer takes as long.
    Raises TooBusy.
    """
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # lazily, see _function

    given = normalised(password[: 2 * MOST]).encode()
    with _turn():
        try:
            Argon2id.verify_phc_encoded(given, kept or _nobodys_hash(_memory()))
        except InvalidKey:
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Tell whether a hash was made with other parameters than those of today."""
    return f"$m={_memory()},t={TURNS},p={_LANES}$" not in kept


def _function(salt: bytes) -> "Argon2id":
    # Lazily: only who signs in needs it, and a worker starts sooner without.
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(
        salt=salt, length=_LENGTH, iterations=TURNS, lanes=_LANES, memory_cost=_memory()
    )


def _memory() -> int:
    # Without a site at hand, as a fresh installation does.
    return settings().password_memory if has_app_context() else USUAL_PASSWORD_MEMORY


@cache
def _nobodys_hash(_memory: int) -> str:
    return _function(os.urandom(_SALT)).derive_phc_encoded(os.urandom(32))


@contextmanager
def _turn() -> "Iterator[None]":
    if not _turns.acquire(timeout=_PATIENCE):
        raise TooBusy
    try:
        yield
    finally:
        _turns.release()


@cache
def _common() -> frozenset[str]:
    path = Path(__file__).with_name("common-passwords.txt")
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("# "))


def _is_pattern(text: str) -> bool:
    """Tell whether a text is one short piece said again and again, or a row of neighbours."""
    for size in range(1, 5):
        if text == (text[:size] * len(text))[: len(text)]:
            return True
    steps = {ord(second) - ord(first) for first, second in pairwise(text)}
    return steps in ({1}, {-1})
