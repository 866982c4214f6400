"""The mails about accounts: written by the worker, in the account's language.

What a mail says is decided when it is written and not when it was asked for: whether
an address has an account already is looked up here, so that the page that asked took
as long, and said the same, either way.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from babel.dates import format_datetime
from flask import current_app, render_template

from app.accounts import mail_links
from app.accounts.claims import same_mailbox
from app.accounts.disclosures import MAIL_ABOUT_ACCOUNT
from app.accounts.mailing import post
from app.accounts.models import Account, MailLink
from app.accounts.names import account_named
from app.accounts.registering import forget_requests
from app.accounts.words import NEWS, device_words, role_word
from app.core.database import db
from app.core.languages import current_locale, gettext, use_language
from app.core.mail import make_message
from app.core.outbox import handles
from app.core.vault import PersonUnknown
from app.web.pages import Site, settings

_EXISTS, _TAKEN = "exists", "taken"


@handles("account-mail")
def send_mail(payload: dict[str, Any], now: datetime) -> None:
    """Write and send one message; none for a link that was used or replaced since."""
    link = db.session.get(MailLink, payload["link_id"])
    if link is None or link.used_at is not None or link.expires_at <= now:
        return
    try:
        to = link.to
    except PersonUnknown:
        return
    if not to:
        return
    kind = link.purpose
    known = account_named(to) if kind in (mail_links.VERIFY, mail_links.EMAIL) else None
    if known is not None:
        kind = _EXISTS if kind == mail_links.VERIFY else _TAKEN
    whose = known or link.account
    # The index takes "voß" for "voss": whoever has that other mailbox learns nobody's name.
    nameless = known is not None and not same_mailbox(known.person.email, to)
    _deliver(kind, link, whose, to, job=payload["job"], nameless=nameless, now=now)
    if kind == _EXISTS:
        forget_requests([link.account])


@handles("account-way-in")
def send_way_in(payload: dict[str, Any], now: datetime) -> None:
    """Mail a way in to whoever has the account that was named, if anybody has."""
    account = db.session.get(Account, payload["account_id"]) if payload["account_id"] else None
    if account is None or account.suspended_at is not None or account.verified_at is None:
        return
    try:
        email = account.person.email
    except PersonUnknown:
        return
    if email:
        mail_links.send(account, mail_links.WAY_IN, to=email, now=now)


def _deliver(
    kind: str,
    link: MailLink,
    account: Account,
    to: str,
    *,
    job: int,
    nameless: bool,
    now: datetime,
) -> None:
    base = settings().site_url
    language = account.language
    with use_language(language), current_app.test_request_context(base_url=base):
        site: Site = current_app.extensions["site"]()
        text = render_template(
            f"mail/account_{kind}.txt",
            site=site,
            url=mail_links.address(link, language=language),
            account=account,
            nameless=nameless,
            news=gettext(NEWS[link.news]) if link.news else "",
            news_code=link.news,
            device=device_words(link.detail) if link.news == "signed_in" else "",
            role=role_word(account.role),
            at=_at(link.created_at),
            home=base,
        )
        # An address to be may be mistyped: its owner isn't told whose account it was for.
        hidden = nameless or kind == mail_links.EMAIL
        name = "" if hidden else account.person.name or ""
    message = make_message(
        text,
        sender=(site.name, site.email or f"no-reply@{urlsplit(base).hostname}"),
        to=(name, to),
        message_id=f"<account.{kind}.{job}@{urlsplit(base).hostname or 'localhost'}>",
        language=language,
        now=now,
    )
    post(
        message,
        person_id=account.person_id,
        what=MAIL_ABOUT_ACCOUNT,
        name=f"account-{kind}-{job}",
        now=now,
    )


def _at(instant: datetime) -> str:
    return str(format_datetime(instant, "long", locale=current_locale()))
