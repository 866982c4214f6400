"""A device with passkeys, made of software: it answers as browsers do, or not quite.

What it says of itself can be bent (`origin`, `rp_id`, `verified`, `counter`), to see whether
the site notices.
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Key(NamedTuple):
    """One passkey: the half that never leaves the device."""

    credential_id: bytes
    private: ec.EllipticCurvePrivateKey
    handle: bytes


def text(raw):
    """Return bytes in base64url, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(said):
    """Return the bytes behind base64url."""
    return urlsafe_b64decode(said + "===")


class Authenticator:
    """Something with a finger on it."""

    def __init__(self, origin="http://localhost", rp_id="localhost", *, counts=True):
        """Make a device that has no passkey yet."""
        self.origin = origin
        self.rp_id = rp_id
        self.verified = True
        self.counts = counts  # synchronised passkeys always say zero
        self.counter = 0
        self.keys = []

    def make(self, options, credential_id=None, **bent):
        """Answer a question for a new passkey, as the JSON that a page sends."""
        key = Key(
            credential_id or secrets.token_bytes(16),
            ec.generate_private_key(ec.SECP256R1()),
            raw(options["user"]["id"]),
        )
        self.keys.append(key)
        point = key.private.public_key().public_numbers()
        public = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )
        size = len(key.credential_id).to_bytes(2, "big")
        attested = bytes(16) + size + key.credential_id + public
        data = self._data(ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": text(self._client("webauthn.create", options, bent)),
            "attestationObject": text(attestation),
        }
        return self._json(key, response)

    def answer(self, options, *, key=None, **bent):
        """Answer a question for a proof with the newest passkey, or another."""
        key = key or self.keys[-1]
        data = self._data()
        client = self._client("webauthn.get", options, bent)
        signature = key.private.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": text(client),
            "authenticatorData": text(data),
            "signature": text(signature),
            "userHandle": text(key.handle),
        }
        return self._json(key, response)

    def _client(self, kind, options, bent):
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps({**said, "crossOrigin": False, **bent}).encode()

    def _data(self, more=0):
        self.counter += self.counts
        flags = PRESENT | (VERIFIED if self.verified else 0) | more
        site = sha256(self.rp_id.encode()).digest()
        return site + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _json(self, key, response):
        name = text(key.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
