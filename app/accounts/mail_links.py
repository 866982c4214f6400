"""Links in mails about an account: for one purpose, once, for a while.

A link's token is made from the site's secret and its row, so it lies in no table and
in no queue: who steals the database can't open one. Opening a link's page consumes
nothing, because mail scanners open pages too; its button does.
"""

import base64
import hmac
from datetime import datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa

from app.accounts.models import Account, MailLink
from app.core.database import changed, db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.outbox import enqueue
from app.web.pages import outside_url, settings

VERIFY, WAY_IN, EMAIL, CLAIM, INVITE, TOLD = (
    "verify",
    "way_in",
    "email",
    "claim",
    "invite",
    "told",
)
LIFE = {
    VERIFY: timedelta(days=1),
    WAY_IN: timedelta(hours=1),
    EMAIL: timedelta(days=1),
    CLAIM: timedelta(days=1),
    INVITE: timedelta(days=3),
    TOLD: timedelta(days=14),
}
ENDPOINTS = {
    VERIFY: "accounts.verify",
    WAY_IN: "accounts.way_in_by_link",
    EMAIL: "accounts.change_email_by_link",
    CLAIM: "accounts.claim_by_link",
    INVITE: "accounts.invited",
    TOLD: "accounts.not_me",
}
_PROOF_BYTES = 18  # 144 bits


class LinkUseless(DomainError):
    """The link was used, has expired, was replaced, or never existed: we don't say which."""

    message = N_("This link doesn’t open anything, or not any more.")


def send(
    account: Account,
    purpose: str,
    *,
    to: str,
    now: datetime,
    news: str = "",
    detail: str = "",
) -> MailLink:
    """Write a link and have the worker mail it to the address `to`.

    `news` is what the mail tells, for TOLD; `detail` says more, such as with what
    device. Flushes; the caller commits, and nothing is sent if it doesn't.
    """
    link = MailLink(
        account=account,
        person_id=account.person_id,
        purpose=purpose,
        news=news,
        created_at=now,
        expires_at=now + LIFE[purpose],
    )
    link.to = to
    link.detail = detail or None
    db.session.add(link)
    db.session.flush()
    enqueue("account-mail", {"link_id": link.id}, now=now)
    return link


def tell(account: Account, news: str, *, now: datetime, detail: str = "", to: str = "") -> None:
    """Tell a person what happened to their account, with a link that undoes the harm.

    Goes to `to`, or to the account's verified address; who has none can't be told.
    """
    address = to or (account.verified_at and account.person.email) or ""
    if address:
        send(account, TOLD, to=address, now=now, news=news, detail=detail)


def find(purpose: str, token: str, *, now: datetime) -> MailLink:
    """Return the live link of a token, and consume nothing. Raises LinkUseless."""
    number, _, proof = token.partition("-")
    if not (number.isascii() and number.isdecimal() and len(number) <= 15):
        raise LinkUseless
    link = db.session.scalar(
        sa.select(MailLink).where(
            MailLink.id == int(number),
            MailLink.purpose == purpose,
            MailLink.used_at.is_(None),
            MailLink.expires_at > now,
        )
    )
    if link is None or not hmac.compare_digest(proof.encode(), _proof(link).encode()):
        raise LinkUseless
    return link


def use(link: MailLink, *, now: datetime) -> None:
    """Consume a link; of two who come at once only one succeeds. Raises LinkUseless."""
    used = db.session.execute(
        sa.update(MailLink)
        .where(MailLink.id == link.id, MailLink.used_at.is_(None))
        .values(used_at=now)
    )
    if not changed(used):
        raise LinkUseless


def end(account: Account, *purposes: str) -> None:
    """Make an account's links for some purposes worthless."""
    db.session.execute(
        sa.delete(MailLink).where(MailLink.account_id == account.id, MailLink.purpose.in_(purposes))
    )


def address(link: MailLink, *, language: str) -> str:
    """Return the whole address of a link, as a mail shows it."""
    token = f"{link.id}-{_proof(link)}"
    return outside_url(ENDPOINTS[link.purpose], token=token, lang=language)


def ran_out(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a link that it ran out, used or not."""
    return MailLink.expires_at <= now


def _proof(link: MailLink) -> str:
    secret: bytes = settings().secret_key
    # SQLite gives the number of a row that went to another one; its sealed address, with
    # a nonce in it, no row has had before. An old mail never opens somebody else's link.
    row = f"reserved: mail link\0{link.purpose}\0{link.id}\0".encode() + (link._to or b"")
    digest = hmac.digest(secret, row, sha256)
    return base64.urlsafe_b64encode(digest[:_PROOF_BYTES]).decode()
