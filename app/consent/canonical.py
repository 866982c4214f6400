"""One spelling for each JSON value, and its digest.

What is hashed must be spelled the same by everybody who checks it: keys in
order, no white space, UTF-8. For the values used here (texts, whole numbers,
true, false, null, and keys in ASCII) that is RFC 8785.
"""

import json
from hashlib import sha256
from typing import Any


def canonical(value: Any) -> str:
    """Return the canonical JSON of a value.

    Raises TypeError for a number that isn't whole, and for a key that isn't ASCII.
    """
    _refuse(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, hexadecimal."""
    return sha256(text.encode()).hexdigest()


def _refuse(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("Only whole numbers have one spelling that everybody agrees on.")
    if isinstance(value, dict):
        for key, inner in value.items():
            # RFC 8785 orders keys by UTF-16, Python by code point: the same in ASCII.
            if not isinstance(key, str) or not key.isascii():
                raise TypeError("Only keys in ASCII have one order that everybody agrees on.")
            _refuse(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse(inner)
