"""The hand-over's file: records sealed for the new controller's key, a manifest, a signature.

    RESERVED HANDOVER 1\\n
    H  length  canonical JSON: what the file is, for which key, and the site's own key
    R  length  one record: a person's JSON, sealed     (as many as there are)
    M  length  canonical JSON: {"statement": …, "signature": …}

A frame is one letter and a length (4 bytes, big-endian). The statement counts the records
and has the SHA-256 of each frame's body, in their order, and of the header; the signature is
Ed25519 over the statement's bytes (UTF-8), by the key in the header. So nothing can be left
out, added, exchanged or put in another order, and it is known whose it is: compare the
key's fingerprint with the one that the former controller's page shows.

Each record is sealed by itself, so that it can be written one after the other and one can be
taken out when its person is erased:

    X25519:  the record's own public key (32 bytes), nonce (12), AES-256-GCM
             key = HKDF-SHA-256(shared secret, salt = own key ‖ recipient's key, info)
    RSA:     length (2 bytes), key sealed by OAEP (MGF1 and SHA-256), nonce (12), AES-256-GCM

`info`, and what AES-GCM binds in, is "reserved handover 1:" and the file's name. Sources:
RFC 7748, RFC 5869, RFC 8017 (7.1), NIST SP 800-38D, RFC 8032.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from app.consent.canonical import canonical
from app.core.errors import DomainError
from app.core.languages import N_

MAGIC = b"RESERVED HANDOVER 1\n"
FORMAT = "reserved-handover-1"
HEAD, RECORD, MANIFEST = b"H", b"R", b"M"
_LONGEST = {HEAD: 100_000, RECORD: 1 << 30, MANIFEST: 1 << 30}
_LEAST_RSA = 2048  # bits
_NONCE = 12
_INFO = "reserved handover 1:"
# What reading a PEM raises: no key, one behind a password, one of a kind that isn't known.
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)

PublicKey = X25519PublicKey | RSAPublicKey
PrivateKey = X25519PrivateKey | RSAPrivateKey


class NotAKey(DomainError):
    """What was pasted is no public key that anything can be sealed for."""

    message = N_(
        "That is no public key that we can seal for: it begins with BEGIN PUBLIC KEY, and is "
        "X25519, or RSA with 2048 bits or more."
    )


class NotAPrivateKey(DomainError):
    """The key's file holds no private key that could open a hand-over."""

    message = N_("That file holds no private key (X25519 or RSA, PEM, without a password).")


class NoHandover(DomainError):
    """The file is no hand-over, or one of a newer version."""

    message = N_("That file is no hand-over of this software, or of a newer version of it.")


class HandoverAltered(DomainError):
    """A hand-over was cut off, edited, or put together from others."""

    message = N_("That hand-over was altered or is not whole. Nothing was taken from it.")


class OtherKey(DomainError):
    """A hand-over was sealed for another key."""

    message = N_("That hand-over was sealed for another key.")


class OtherSite(DomainError):
    """A hand-over was signed by another site than the one that was named."""

    message = N_("That hand-over was signed by another site’s key: %(found)s.")


# -- Keys ---------------------------------------------------------------------------------


def make_pair() -> tuple[str, str]:
    """Return a new pair (X25519) as PEM: the public key, and the private one."""
    private = X25519PrivateKey.generate()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem_of(private.public_key()), secret.decode()


def read_public(pem: str) -> PublicKey:
    """Return the key that a PEM holds. Raises NotAKey, for a private one too."""
    try:
        key = load_pem_public_key(pem.strip().encode())
    except _UNREADABLE as error:
        raise NotAKey from error
    if isinstance(key, X25519PublicKey):
        return key
    if isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_RSA:
        return key
    raise NotAKey


def read_private(pem: bytes) -> PrivateKey:
    """Return the private key that a PEM holds. Raises NotAPrivateKey."""
    try:
        key = load_pem_private_key(pem, None)
    except _UNREADABLE as error:
        raise NotAPrivateKey from error
    if isinstance(key, X25519PrivateKey | RSAPrivateKey):
        return key
    raise NotAPrivateKey


def pem_of(key: PublicKey | Ed25519PublicKey) -> str:
    """Return a public key as PEM (SubjectPublicKeyInfo)."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(key: PublicKey | Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key (DER), hexadecimal."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


# -- Records ------------------------------------------------------------------------------


def seal(key: PublicKey, name: str, clear: bytes) -> bytes:
    """Return a record, sealed; `name` is the file's, and is needed to open it."""
    info, nonce = (_INFO + name).encode(), secrets.token_bytes(_NONCE)
    if isinstance(key, X25519PublicKey):
        own = X25519PrivateKey.generate()
        front = own.public_key().public_bytes_raw()
        secret = _agreed(own.exchange(key), front + key.public_bytes_raw(), info)
    else:
        secret = AESGCM.generate_key(256)
        wrapped = key.encrypt(secret, _oaep(info))
        front = len(wrapped).to_bytes(2, "big") + wrapped
    return front + nonce + AESGCM(secret).encrypt(nonce, clear, info)


def unseal(key: PrivateKey, name: str, sealed: bytes) -> bytes:
    """Return what a record holds. Raises HandoverAltered."""
    info = (_INFO + name).encode()
    try:
        if isinstance(key, X25519PrivateKey):
            front, rest = sealed[:32], sealed[32:]
            shared = key.exchange(X25519PublicKey.from_public_bytes(front))
            secret = _agreed(shared, front + key.public_key().public_bytes_raw(), info)
        else:
            end = 2 + int.from_bytes(sealed[:2], "big")
            secret, rest = key.decrypt(sealed[2:end], _oaep(info)), sealed[end:]
        return AESGCM(secret).decrypt(rest[:_NONCE], rest[_NONCE:], info)
    except (InvalidTag, ValueError) as error:
        raise HandoverAltered from error


def _agreed(shared: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info).derive(shared)


def _oaep(info: bytes) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), info)


# -- The file -----------------------------------------------------------------------------


def frame(letter: bytes, body: bytes) -> bytes:
    """Return a frame: its letter, its length, and what is in it."""
    return letter + len(body).to_bytes(4, "big") + body


def manifest(header: bytes, digests: list[str], site_key: Ed25519PrivateKey) -> bytes:
    """Return the last frame's body: what the file has, and the site's signature of that."""
    said = {
        "format": FORMAT,
        "header_sha256": sha256(header).hexdigest(),
        "records": len(digests),
        "sha256": digests,
    }
    statement = canonical(said)
    signature = base64.b64encode(site_key.sign(statement.encode())).decode()
    return canonical({"signature": signature, "statement": statement}).encode()


def read_header(file: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Return what a file says of itself, and its bytes; believed only after `verify`.

    Raises NoHandover.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise NoHandover
    letter, words = _next(file)
    try:
        header = json.loads(words)
        known = letter == HEAD and header["format"] == FORMAT
    except (ValueError, TypeError, KeyError) as error:
        raise NoHandover from error
    if not known:
        raise NoHandover
    return header, words


def verify(file: BinaryIO, *, signed_by: str = "") -> dict[str, Any]:
    """Read a whole file and return its header: nothing is missing, added or changed.

    `signed_by` is the fingerprint of the key that must have signed it. Opens no record.
    Raises NoHandover, HandoverAltered or OtherSite.
    """
    header, words = read_header(file)
    digests: list[str] = []
    while True:
        letter, body = _next(file)
        if letter == MANIFEST:
            break
        if letter != RECORD:
            raise HandoverAltered
        digests.append(sha256(body).hexdigest())
    if file.read(1):
        raise HandoverAltered
    try:
        both = json.loads(body)
        site_key = load_pem_public_key(header["site_key"].encode())
        assert isinstance(site_key, Ed25519PublicKey)
        site_key.verify(base64.b64decode(both["signature"]), both["statement"].encode())
        said = json.loads(both["statement"])
        whole = said == {
            "format": FORMAT,
            "header_sha256": sha256(words).hexdigest(),
            "records": len(digests),
            "sha256": digests,
        }
    except (*_UNREADABLE, KeyError, AssertionError, InvalidSignature) as error:
        raise HandoverAltered from error
    if not whole:
        raise HandoverAltered
    if signed_by and fingerprint(site_key) != signed_by.lower().replace(":", "").strip():
        raise OtherSite(found=fingerprint(site_key))
    return {**header, "records": len(digests), "site_key_sha256": fingerprint(site_key)}


def records(file: BinaryIO, key: PrivateKey) -> Iterator[bytes]:
    """Yield what each record holds, opened; `verify` the file first.

    Raises NoHandover, OtherKey or HandoverAltered.
    """
    header, _ = read_header(file)
    if header.get("for_key_sha256") != fingerprint(key.public_key()):
        raise OtherKey
    while True:
        letter, body = _next(file)
        if letter != RECORD:
            return
        yield unseal(key, header["name"], body)


def _next(file: BinaryIO) -> tuple[bytes, bytes]:
    front = file.read(5)
    letter, length = front[:1], int.from_bytes(front[1:], "big")
    if len(front) != 5 or length > _LONGEST.get(letter, -1):
        raise HandoverAltered
    body = file.read(length)
    if len(body) != length:
        raise HandoverAltered
    return letter, body
