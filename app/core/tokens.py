"""Random keys of links and sessions: who reads the database can't open anything with it."""

from hashlib import sha256


def digest_of_token(token: str) -> bytes:
    """Return what the database keeps of a token.

    It is random in full, so a plain hash can't be searched back.
    """
    return sha256(token.encode("utf-8", "replace")).digest()
