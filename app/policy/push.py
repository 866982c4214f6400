"""Web push: telling a browser whose person asked for it, on that very device (C13).

Off until somebody presses the button there. What a browser hands over — its address at its
maker's push service, and the keys that only it can open with (RFC 8291) — is sealed under
the person's key. What is pushed is a text that everybody gets and a link, encrypted; the
service sees an address and a time. It is signed with a key of ours (VAPID, RFC 8292), so
that nobody else can push in our name.

Only somebody whom the house knows can ask for it, by an account or by their reservation's
page: a device of nobody's could be shown to nobody, and taken away by nobody.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import http_ece
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import current_app
from py_vapid import Vapid02

from app.accounts import disclosures
from app.accounts.sessions import session_ended
from app.config import Settings
from app.consent import permissions
from app.consent.ending import every_yes_ended
from app.core import withdrawals
from app.core.clock import utcnow
from app.core.database import db
from app.core.datamap import Kind, Purpose
from app.core.egress import PUSH_HOSTS, PUSH_SERVICE, Egress
from app.core.errors import DomainError
from app.core.languages import N_, gettext
from app.core.vault import vault
from app.policy import facts
from app.policy.notice_models import PushSubscription
from app.policy.recipients import Listed, also, name_recipient
from app.web.pages import settings

Say = Callable[[str], Mapping[str, str]]
"""Words for a language: title, text, url, lang, tag."""

KEPT_THERE = timedelta(days=7)
"""How long a push service keeps what it can't deliver, as to a laptop that is shut."""
MOST_DEVICES = 10
LONGEST = 2000
"""Characters of what a browser hands over."""
_SIGNED_FOR = timedelta(hours=12)  # RFC 8292 §2 allows 24
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256

facts.declare("push_kept", KEPT_THERE)  # the privacy policy says so

_KEPT = N_("Until it has delivered the notice, %(kept)s at most")
_GROUND = N_("your consent (GDPR, Article 6(1)(a))")
name_recipient(PUSH_SERVICE, N_("Push service of your browser"), kept=_KEPT, ground=_GROUND)


@also
def _listed() -> list[Listed]:
    """Return the push services for the list of recipients, where pushes go out at all."""
    if not settings().push_leaves:
        return []
    return [
        Listed(
            name=N_("Push service of your browser"),
            gets=PUSH_SERVICE.gets,
            why=PUSH_SERVICE.why,
            host=", ".join(PUSH_HOSTS),
            kept=gettext(_KEPT, kept=facts.say("push_kept")),
            ground=_GROUND,
            clause=PUSH_SERVICE.clause,
            only_with_consent=True,
            code=PUSH_SERVICE.code,
        )
    ]


class NotASubscription(DomainError):
    """What came isn't what a browser hands over, or is at no push service that is known."""

    message = N_(
        "Your browser gave us an address that isn’t one of a push service we know. Nothing was "
        "kept; you get mails as before."
    )


class TooManyDevices(DomainError):
    """A person has as many devices as can be kept."""

    message = N_("More devices can’t be kept. Please take one away first.")


class PushFailed(RuntimeError):
    """A push service didn't take something; it is tried again."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser hands over, looked through."""

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class Device:
    """A device that is told, for its person's page."""

    id: int
    code: str  # the families of a browser and a system
    since: datetime
    mark: str  # by which a script finds out whether it is the one at hand


# -- Our key ------------------------------------------------------------------------------


def offered() -> bool:
    """Whether this installation can push at all: it has a key to sign with."""
    return bool(settings().push_key)


@cache
def _key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(sha512(b"reserved: web push\0" + secret).digest())
    return ec.derive_private_key(number % (_ORDER - 1) + 1, ec.SECP256R1())


def public_key() -> str:
    """Return the key that browsers are told to accept pushes by, as they want it written."""
    point = _key(settings().push_key).public_key()
    return _to_text(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _to_text(found: bytes) -> str:
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()


def _to_bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


# -- Asking for it ------------------------------------------------------------------------


def read(text: str) -> Subscription:
    """Return what a browser handed over. Raises NotASubscription for anything else.

    An address at a host that isn't a push service's is refused: nobody makes us call one.
    """
    try:
        said = json.loads(text[:LONGEST])
        found = Subscription(
            str(said["endpoint"]), str(said["keys"]["p256dh"]), str(said["keys"]["auth"])
        )
        point, auth = _to_bytes(found.p256dh), _to_bytes(found.auth)
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise NotASubscription from error
    if len(point) != 65 or len(auth) != 16 or not found.endpoint.isascii():
        raise NotASubscription
    if not _known(found.endpoint):
        raise NotASubscription
    return found


def _egress() -> Egress:
    found: Egress = current_app.extensions["egress"]
    return found


def hosts_of(settings: Settings) -> tuple[str, ...]:
    """Return where pushes may go: nowhere in a demo that was given no key."""
    if not settings.push_leaves:
        return ()
    return (*PUSH_HOSTS, settings.push_service_base) if settings.push_service_base else PUSH_HOSTS


def _known(endpoint: str) -> bool:
    # The demo sends nothing out; what a browser may hand over is the same there.
    hosts = {PUSH_SERVICE.code: PUSH_HOSTS}
    return _egress().allows(PUSH_SERVICE, endpoint) or Egress({}, hosts).allows(
        PUSH_SERVICE, endpoint
    )


def subscribe(
    person_id: str,
    found: Subscription,
    *,
    device: str,
    language: str,
    how: str,
    session_id: int | None = None,
    now: datetime,
) -> None:
    """Keep a device that its person wants to be told on. The caller commits.

    The same device again takes its former place, whosever it was: who holds it now decides.
    `how` is the page it was asked for on (`permissions`). Raises TooManyDevices.
    """
    mark = vault().digest(Kind.PUSH, found.endpoint)
    before = _forget(PushSubscription.digest == mark, now=now)
    _end_permissions(before - {person_id}, how=permissions.CHANGED, now=now)
    mine = sa.select(sa.func.count()).where(PushSubscription.person_id == person_id)
    if (db.session.scalar(mine) or 0) >= MOST_DEVICES:
        raise TooManyDevices
    row = PushSubscription(
        person_id=person_id, digest=mark, made_at=now, language=language, session_id=session_id
    )
    row.endpoint, row.device = found.endpoint, device
    row.keys = json.dumps({"p256dh": found.p256dh, "auth": found.auth})
    db.session.add(row)
    db.session.flush()
    permissions.give(person_id, Purpose.NOTICE, how=how, now=now, recipient=PUSH_SERVICE.code)


def devices(person_ids: Collection[str]) -> list[Device]:
    """Return the devices that these persons are told on, the latest first."""
    query = (
        sa.select(PushSubscription)
        .where(PushSubscription.person_id.in_(person_ids))
        .order_by(PushSubscription.made_at.desc(), PushSubscription.id.desc())
    )
    vault().unlock(person_ids)
    return [
        Device(row.id, row.device or "", row.made_at, mark_of(row.endpoint or ""))
        for row in db.session.scalars(query)
    ]


def mark_of(endpoint: str) -> str:
    """Return what a script can make of its own address, to find itself on the page."""
    return sha256(endpoint.encode()).hexdigest()


def end(person_ids: Collection[str], device_id: int, *, how: str, now: datetime) -> bool:
    """Tell these persons nothing on a device any more; whether it was one of theirs.

    With the last of a person's devices the permission ends. The caller commits.
    """
    its_own = PushSubscription.person_id.in_(person_ids)
    gone = _forget(PushSubscription.id == device_id, its_own, now=now)
    if gone:
        _end_permissions(person_ids, how=how, now=now)
    return bool(gone)


def _forget(*which: sa.ColumnElement[bool], now: datetime) -> set[str]:
    """Forget the devices that meet these conditions; return whose they were."""
    known = (PushSubscription.digest, PushSubscription.made_at, PushSubscription.person_id)
    gone = db.session.execute(sa.delete(PushSubscription).where(*which).returning(*known)).all()
    withdrawals.note(withdrawals.DEVICE, [(row.digest, row.made_at) for row in gone], now=now)
    return {row.person_id for row in gone}


@withdrawals.carries_out(withdrawals.DEVICE)
def _forget_again(wanted: withdrawals.Wanted) -> None:
    for row in db.session.scalars(sa.select(PushSubscription)).all():
        if wanted.since(row.digest, row.made_at) is not None:
            db.session.delete(row)


def _end_permissions(person_ids: Collection[str], *, how: str, now: datetime) -> None:
    still = set(
        db.session.scalars(
            sa.select(PushSubscription.person_id).where(PushSubscription.person_id.in_(person_ids))
        )
    )
    if over := set(person_ids) - still:
        permissions.take_back(over, Purpose.NOTICE, now=now, recipient=PUSH_SERVICE.code, how=how)


@session_ended.connect
def _signed_out(_sender: object, row_ids: Collection[int], **_more: Any) -> None:
    """End what was asked for in sessions that somebody ends.

    Signing out has the browser drop all that it keeps of this site, and so its address at
    the push service too: nothing would arrive there any more.
    """
    now = utcnow()
    persons = _forget(PushSubscription.session_id.in_(row_ids), now=now)
    if persons:
        _end_permissions(persons, how=permissions.ACCOUNT, now=now)


@every_yes_ended.connect
def _handed_over(_sender: object, **_more: Any) -> None:
    """Forget every device: they were named to whoever was responsible before."""
    _forget(sa.true(), now=utcnow())


# -- Telling ------------------------------------------------------------------------------


def send_to(person_id: str, say: Say, *, now: datetime) -> bool:
    """Push to every device of a person; whether there is one that it went to.

    A device that is no more (404 or 410) is forgotten. Commits before anything is sent: it
    is noted that it goes. Raises PushFailed where a service didn't take it: once all were
    tried, so that one that fails keeps no other waiting.
    """
    allowed = permissions.permitted([person_id], Purpose.NOTICE, recipient=PUSH_SERVICE.code)
    rows = db.session.scalars(
        sa.select(PushSubscription).where(PushSubscription.person_id == person_id)
    ).all()
    if not rows or not allowed:
        return False
    wanted = [
        (row.id, row.endpoint or "", json.loads(row.keys or "{}"), dict(say(row.language)))
        for row in rows
    ]
    if settings().push_leaves:
        disclosures.note(person_id, PUSH_SERVICE.code, disclosures.PUSHED, now=now)
    db.session.commit()
    reached, failed = 0, 0
    for row_id, endpoint, keys, words in wanted:
        status = _deliver(row_id, endpoint, keys, words, now=now)
        if status in (404, 410):
            end([person_id], row_id, how=permissions.CHANGED, now=now)
            db.session.commit()
        elif 200 <= status < 300:
            reached += 1
        else:
            failed += 1
    if failed:
        raise PushFailed
    return bool(reached)


def _deliver(
    row_id: int, endpoint: str, keys: Mapping[str, str], words: Mapping[str, str], *, now: datetime
) -> int:
    """Hand one message over and return the answer's status; 0 where nobody answered."""
    topic = sha256(words["tag"].encode()).hexdigest()[:32]
    body = json.dumps(dict(words), ensure_ascii=False).encode()
    if not settings().push_leaves:
        return _keep(f"push-{topic[:8]}-{row_id}", body)
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(int(KEPT_THERE.total_seconds())),
        "Urgency": "normal",
        # A second try takes the place of the first, where that still waits (RFC 8030 §5.4).
        "Topic": topic,
        **_signature(endpoint, now=now),
    }
    try:
        return _egress().post(PUSH_SERVICE, endpoint, encrypt(body, keys), headers)
    except OSError:
        return 0


def encrypt(body: bytes, keys: Mapping[str, str]) -> bytes:
    """Return a message that only the browser with these keys can open (RFC 8291)."""
    sealed: bytes = http_ece.encrypt(
        body,
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=_to_bytes(keys["p256dh"]),
        auth_secret=_to_bytes(keys["auth"]),
        version="aes128gcm",
    )
    return sealed


def _signature(endpoint: str, *, now: datetime) -> dict[str, str]:
    """Return the header that says who pushes, good for this service and a few hours."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((now + _SIGNED_FOR).timestamp()),
        "sub": settings().site_url,
    }
    # Without its rule for `sub`, which knows no site on this machine.
    signer = Vapid02(_key(settings().push_key), {"no-strict": True})
    signed: dict[str, str] = signer.sign(claims)
    return signed


def _keep(name: str, body: bytes) -> int:
    """Keep what would be pushed as a file, for the demo, where nothing leaves."""
    folder: Path = settings().instance_dir / "push"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{name}.{secrets.token_hex(4)}"
    draft.touch(mode=0o600)
    draft.write_bytes(body)
    draft.replace(folder / f"{name}.json")
    return 201
