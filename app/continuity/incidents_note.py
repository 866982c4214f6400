"""The owner's note about an incident, sealed under a key that is the house's own (C14, C15)."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

from app.continuity.incidents_models import Incident
from app.core.vault import NONCE, derive

_BOUND = b"incident.note"


def sealed(text: str) -> bytes | None:
    """Return a note as it is stored; None for an empty one."""
    if not text.strip():
        return None
    nonce = secrets.token_bytes(NONCE)
    return nonce + _key().encrypt(nonce, text.strip().encode(), _BOUND)


def opened(incident: Incident) -> str:
    """Return an incident's note; "" for none, or where the master key is another one."""
    if incident.note is None:
        return ""
    nonce, text = incident.note[:NONCE], incident.note[NONCE:]
    try:
        return _key().decrypt(nonce, text, _BOUND).decode()
    except InvalidTag:
        return ""


def _key() -> AESGCM:
    secret: bytes = current_app.extensions["settings"].master_key
    return AESGCM(derive(secret, "reserved: notes of incidents"))
