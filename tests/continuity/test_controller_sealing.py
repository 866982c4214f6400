"""A hand-over opens with the one key it was sealed for, whole and unaltered, or not at all."""

import base64
import io
import json
from hashlib import sha256

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.consent.canonical import canonical
from app.continuity import controller_sealing as sealing
from app.continuity.controller_cli import handover_cli

pytestmark = pytest.mark.clause("C24")
CLEAR = [b'{"name": "one"}', b"two" * 100_000, b""]


@pytest.fixture(scope="module", params=["x25519", "rsa"])
def keys(request):
    """A pair of keys, of each kind."""
    if request.param == "x25519":
        public, private = sealing.make_pair()
        return sealing.read_public(public), sealing.read_private(private.encode())
    private = generate_private_key(65537, 2048)
    return private.public_key(), private


SITE = Ed25519PrivateKey.generate()


def made(public):
    """Return a whole file of three records, as parts."""
    header = canonical(
        {
            "format": sealing.FORMAT,
            "name": "http://localhost/controller-1",
            "site": "http://localhost",
            "from": "Haus",
            "to": "Pension",
            "changes_on": "2031-06-10",
            "for_key_sha256": sealing.fingerprint(public),
            "site_key": sealing.pem_of(SITE.public_key()),
            "schema": {},
        }
    ).encode()
    records = [sealing.seal(public, "http://localhost/controller-1", one) for one in CLEAR]
    digests = [sha256(one).hexdigest() for one in records]
    return (
        sealing.frame(sealing.HEAD, header),
        [sealing.frame(sealing.RECORD, one) for one in records],
        sealing.frame(sealing.MANIFEST, sealing.manifest(header, digests, SITE)),
    )


def whole(head, records, last):
    return sealing.MAGIC + head + b"".join(records) + last


def test_what_was_sealed_comes_back_in_its_order(keys):
    public, private = keys
    file = whole(*made(public))

    assert sealing.verify(io.BytesIO(file))["records"] == 3
    assert list(sealing.records(io.BytesIO(file), private)) == CLEAR
    assert b'"name": "one"' not in file


def test_another_key_opens_nothing(keys):
    public, _private = keys
    other = sealing.read_private(sealing.make_pair()[1].encode())
    file = whole(*made(public))

    with pytest.raises(sealing.OtherKey):
        list(sealing.records(io.BytesIO(file), other))


@pytest.mark.parametrize(
    "harm",
    ["flip", "cut", "drop", "swap", "add", "header", "no manifest", "tail", "signed by another"],
)
def test_whatever_is_done_to_it_is_noticed(harm):
    public = sealing.read_public(sealing.make_pair()[0])
    head, records, last = made(public)
    if harm == "flip":
        records[1] = records[1][:50] + bytes([records[1][50] ^ 1]) + records[1][51:]
    elif harm == "drop":
        del records[1]
    elif harm == "swap":
        records.reverse()
    elif harm == "add":
        records.append(records[0])
    elif harm == "header":
        head = head.replace(b"Pension", b"Pensiom")
    elif harm == "no manifest":
        last = b""
    elif harm == "tail":
        last += b"more"
    elif harm == "signed by another":
        both = json.loads(last[5:])
        both["signature"] = "AAAA" + both["signature"][4:]
        last = sealing.frame(sealing.MANIFEST, canonical(both).encode())
    file = whole(head, records, last)
    if harm == "cut":
        file = file[:-30]

    with pytest.raises(sealing.HandoverAltered):
        sealing.verify(io.BytesIO(file))


def test_every_byte_of_it_matters():
    public, private = sealing.make_pair()
    key, opens = sealing.read_public(public), sealing.read_private(private.encode())
    sealed = sealing.seal(key, "name", b"something of somebody")

    for place in range(len(sealed)):
        harmed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(sealing.HandoverAltered):
            sealing.unseal(opens, "name", harmed)
    with pytest.raises(sealing.HandoverAltered):
        sealing.unseal(opens, "another file", sealed)


def test_a_file_of_another_site_is_refused_where_its_key_is_named():
    public = sealing.read_public(sealing.make_pair()[0])
    file = whole(*made(public))
    mine = sealing.fingerprint(SITE.public_key())

    assert sealing.verify(io.BytesIO(file), signed_by=mine.upper())
    with pytest.raises(sealing.OtherSite):
        sealing.verify(io.BytesIO(file), signed_by="0" * 64)


@pytest.mark.parametrize(
    "pasted", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
)
def test_what_is_no_public_key_is_refused(pasted):
    with pytest.raises(sealing.NotAKey):
        sealing.read_public(pasted)


def pem(kind, der):
    """Return bytes in the frame of a key, whatever they are."""
    return (
        f"-----BEGIN {kind} KEY-----\n{base64.encodebytes(der).decode()}-----END {kind} KEY-----\n"
    )


# A kind of key that nobody knows, and a curve by its name; RFC 5480 has the shape of both.
UNKNOWN_KIND = X25519PrivateKey.generate().public_key()
CURVE = ec.generate_private_key(ec.SECP256R1())


def public_ders():
    """Return what looks like a public key from outside, and is none that can be sealed for."""
    spki = PublicFormat.SubjectPublicKeyInfo
    unknown = UNKNOWN_KIND.public_bytes(Encoding.DER, spki)
    curve = CURVE.public_key().public_bytes(Encoding.DER, spki)
    return {
        "a kind that isn't known": unknown.replace(b"\x2b\x65\x6e", b"\x2b\x65\x7f"),
        "an elliptic curve's": curve,
        "one of a curve that isn't known": curve.replace(b"\x03\x01\x07", b"\x03\x01\x7f"),
        "cut off": curve[:-1],
        "something else": b"\x30\x03\x02\x01\x00",
    }


@pytest.mark.parametrize("what", public_ders())
def test_a_public_key_of_another_kind_is_refused_in_words(what):
    with pytest.raises(sealing.NotAKey):
        sealing.read_public(pem("PUBLIC", public_ders()[what]))


@pytest.mark.parametrize("pasted", ["-----BEGIN PUBLIC KEY-----\0", "\ud800", "ключ"])
def test_signs_that_no_key_has_are_refused_in_words(pasted):
    with pytest.raises(sealing.NotAKey):
        sealing.read_public(pasted)


def test_a_private_key_behind_a_password_or_of_another_kind_is_refused_in_words():
    behind = BestAvailableEncryption(b"a password")
    x25519, rsa = X25519PrivateKey.generate(), generate_private_key(65537, 2048)
    clear = x25519.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    wrong = [
        x25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, behind),
        rsa.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, behind),
        CURVE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        pem("PRIVATE", clear.replace(b"\x2b\x65\x6e", b"\x2b\x65\x7f")).encode(),
        pem("PRIVATE", clear[:-1]).encode(),
        sealing.make_pair()[0].encode(),  # the public half
        b"\xff\xfe\x00",
        b"",
    ]

    for one in wrong:
        with pytest.raises(sealing.NotAPrivateKey):
            sealing.read_private(one)


def test_a_private_key_pasted_by_mistake_and_a_short_one_are_refused():
    short = generate_private_key(65537, 1024)  # noqa: S505 (it is to be refused)
    signs = Ed25519PrivateKey.generate()

    for wrong in (
        sealing.make_pair()[1],
        sealing.pem_of(short.public_key()),
        sealing.pem_of(signs.public_key()),
    ):
        with pytest.raises(sealing.NotAKey):
            sealing.read_public(wrong)


def test_the_command_makes_a_key_that_nobody_else_may_read_and_overwrites_none(tmp_path):
    file = tmp_path / "key.pem"
    first = CliRunner().invoke(handover_cli, ["key", str(file)])
    again = CliRunner().invoke(handover_cli, ["key", str(file)])

    assert first.exit_code == 0, first.output
    assert "BEGIN PUBLIC KEY" in first.output
    assert "PRIVATE" not in first.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert again.exit_code == 1
    assert "nothing was changed" in again.output


def test_the_command_refuses_an_altered_file_and_writes_nothing(tmp_path):
    public, private = sealing.make_pair()
    head, records, last = made(sealing.read_public(public))
    records[0] = records[0][:-1] + bytes([records[0][-1] ^ 1])
    file, key, into = tmp_path / "it", tmp_path / "key.pem", tmp_path / "into"
    file.write_bytes(whole(head, records, last))
    key.write_text(private)

    done = CliRunner().invoke(
        handover_cli, ["open", str(file), "--key", str(key), "--into", str(into)]
    )

    assert done.exit_code == 1
    assert "altered" in done.output
    assert not into.exists()


def test_a_key_with_a_form_of_its_own_is_read_too():
    private = generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())

    assert sealing.read_private(pem)
    with pytest.raises(sealing.NotAPrivateKey):
        sealing.read_private(b"no key")
