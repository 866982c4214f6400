"""The certificate of an erasure: what went, what stays until when, signed by the house.

It is canonical JSON (RFC 8785 for the values used) with an Ed25519 signature (RFC 8032)
beside it, so that whoever has it can verify it without us. No name, address or number of a
person is in it.
"""

import base64
import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import current_app

from app.config import Settings
from app.consent.canonical import canonical
from app.core import erasures as ledger
from app.core.vault import derive
from app.privacy.archiving import day_here
from app.privacy.models import Erasure

FORMAT = "reserved erasure certificate 1"
KEY_FILE, FILE, SIGNATURE_FILE = (
    "erasure-key.pem",
    "erasure-certificate.json",
    "erasure-certificate.sig",
)
COMMANDS = f"""openssl pkey -pubin -in {KEY_FILE} -outform DER | openssl dgst -sha256
openssl pkeyutl -verify -pubin -inkey {KEY_FILE} -rawin -in {FILE} -sigfile {SIGNATURE_FILE}"""
"""What verifies a certificate without us (OpenSSL 3.0 and later)."""


class Certificate(NamedTuple):
    """A statement as its canonical JSON, and the signature of its bytes (UTF-8)."""

    statement: str
    signature: bytes

    @property
    def said(self) -> dict[str, Any]:
        """What it states."""
        found: dict[str, Any] = json.loads(self.statement)
        return found


def _key() -> Ed25519PrivateKey:
    settings: Settings = current_app.extensions["settings"]
    seed = derive(settings.master_key, "reserved: certificates of erasures")
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_key() -> Ed25519PublicKey:
    """Return the key with which everybody can verify the house's certificates."""
    return _key().public_key()


def public_pem() -> bytes:
    """Return the public key as openssl and others read it (PEM, SubjectPublicKeyInfo)."""
    return public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint() -> str:
    """Return the SHA-256 of the public key (DER), hexadecimal."""
    der = public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).hexdigest()


def keys_days() -> int:
    """Return for how many days a backup of the keys stays."""
    settings: Settings = current_app.extensions["settings"]
    return settings.keys_backup_days


def absent_from(done: date) -> date:
    """Return the first day on which no backup holds anything that was erased on a day."""
    settings: Settings = current_app.extensions["settings"]
    return done + timedelta(days=max(settings.backup_days, keys_days()) + 1)


def unreadable_from(done: date) -> date:
    """Return the first day on which no backup opens what was sealed, and erased on a day.

    Backups of the book have the sealed values for longer; those of the keys don't stay.
    """
    return done + timedelta(days=keys_days() + 1)


def certify(erasure: Erasure) -> str:
    """Return the certificate of an erasure that is done, as the text that is kept.

    To be called while the erasure knows its persons: the ledger is asked for them.
    """
    assert erasure.done_at is not None
    assert erasure.begun_at is not None
    settings: Settings = current_app.extensions["settings"]
    done = day_here(erasure.done_at)
    kept = [{key: part for key, part in one.items() if part} for one in erasure.left]
    statement = {
        "site": settings.site_url,
        "cause": erasure.cause,
        "asked_at": instant(erasure.asked_at),
        "begun_at": instant(erasure.begun_at),
        "done_at": instant(erasure.done_at),
        "erased": [{"what": name, "rows": count} for name, count in sorted(erasure.counts.items())],
        "kept": kept,
        "keys_destroyed": len(erasure.person_ids),
        "ledger_positions": sorted(ledger.entered(erasure.person_ids).values()),
        "keys_backup_days": settings.keys_backup_days,
        "no_backup_opens_it_from": unreadable_from(done).isoformat(),
        "no_backup_holds_it_from": absent_from(done).isoformat(),
    }
    return sign(statement)


def instant(at: datetime) -> str:
    """Return an instant as certificates say it: RFC 3339, in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sign(statement: dict[str, Any]) -> str:
    """Return a statement with its signature, as the text that is kept."""
    text = canonical({**statement, "format": FORMAT, "key_sha256": fingerprint()})
    signature = base64.b64encode(_key().sign(text.encode())).decode()
    return canonical({"signature": signature, "statement": text})


def opened(kept: str) -> Certificate:
    """Return a certificate from the text that was kept."""
    both = json.loads(kept)
    return Certificate(both["statement"], base64.b64decode(both["signature"]))
