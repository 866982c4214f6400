"""Accounts that nobody uses: warned by mail, and then erased (C12).

Signing in, or going on being signed in, is using it. Whoever runs the place is never
erased by a date, nor is anybody who is still expected.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from dateutil.relativedelta import relativedelta
from flask import current_app, render_template, url_for

from app.accounts.claims import persons_of
from app.accounts.disclosures import MAIL_ABOUT_ACCOUNT
from app.accounts.mailing import post
from app.accounts.models import GUEST, Account, Claim
from app.booking import wording
from app.booking.models import CONFIRMED, HELD, Reservation, ReservationLine
from app.core.database import db, table
from app.core.datamap import Retention
from app.core.erasures import INACTIVE
from app.core.languages import N_, current_locale, use_language
from app.core.mail import make_message
from app.core.outbox import enqueue, handles
from app.core.sweeps import DAY, Sweep, register
from app.core.vault import PersonUnknown
from app.policy.facts import Months, worded
from app.privacy.ending import end, is_ending
from app.privacy.retention import INACTIVE_MONTHS, INACTIVE_WARNING
from app.web.pages import Site, settings

JOB = "privacy.inactive-mail"

_account, _claim = table(Account), table(Claim)
_reservation, _line = table(Reservation), table(ReservationLine)


def goes_on(account: Account) -> date:
    """Return the first day on which an account that nobody uses any more is erased."""
    used = account.used_on or (account.verified_at or account.created_at).date()
    unused: date = used + relativedelta(months=INACTIVE_MONTHS)
    if account.warned_at is None:
        return unused
    return max(unused, (account.warned_at + INACTIVE_WARNING + timedelta(days=1)).date())


def _unused(now: datetime, *, ahead: timedelta = timedelta()) -> sa.ColumnElement[bool]:
    """Say that a guest's account will have been unused too long in `ahead`, and may go then."""
    day = (now + ahead).date() - relativedelta(months=INACTIVE_MONTHS)
    # Accounts from before uses were noted count from the day on which they were opened.
    began = sa.case(
        (_account.c.verified_at.is_not(None), _account.c.verified_at),
        else_=_account.c.created_at,
    )
    next_day = datetime.combine(day + timedelta(days=1), time(), UTC)
    return sa.and_(
        _account.c.role == GUEST,
        _account.c.verified_at.is_not(None),
        sa.or_(
            _account.c.used_on <= day,
            sa.and_(_account.c.used_on.is_(None), began < next_day),
        ),
        ~_is_expected(now),
        ~is_ending(_account.c.person_id),
    )


def _is_expected(now: datetime) -> sa.ColumnElement[bool]:
    """Say that the person of an account has a booking ahead, or in the making."""
    claimed = sa.select(_claim.c.person_id).where(_claim.c.account_id == _account.c.id)
    of_theirs = sa.or_(
        _reservation.c.person_id == _account.c.person_id, _reservation.c.person_id.in_(claimed)
    )
    later = sa.exists().where(
        _line.c.reservation_id == _reservation.c.id,
        sa.or_(_line.c.ends_at > now, _line.c.depart >= now.date()),
    )
    return sa.exists().where(
        of_theirs,
        _reservation.c.status.in_((CONFIRMED, HELD)),
        sa.or_(_reservation.c.first_start > now, later),
    )


# -- Warning --------------------------------------------------------------------------------


def _to_warn(now: datetime) -> sa.Select[Any]:
    return sa.select(_account.c.id).where(
        _unused(now, ahead=INACTIVE_WARNING), _account.c.warned_at.is_(None)
    )


def _warn(ids: Sequence[int], now: datetime) -> None:
    for account_id in ids:
        db.session.execute(
            sa.update(_account).where(_account.c.id == account_id).values(warned_at=now)
        )
        enqueue(JOB, {"account_id": account_id}, now=now)


@handles(JOB)
def send_warning(payload: dict[str, Any], now: datetime) -> None:
    """Write and send the warning; none to somebody who has signed in since."""
    account = db.session.get(Account, payload["account_id"])
    if account is None or account.warned_at is None:
        return
    try:
        to = account.person.email
    except PersonUnknown:
        return
    if not to:
        return
    base = settings().site_url
    host = urlsplit(base).hostname or "localhost"
    with use_language(account.language), current_app.test_request_context(base_url=base):
        site: Site = current_app.extensions["site"]()
        text = render_template(
            "mail/account_inactive.txt",
            site=site,
            account=account,
            unused=worded(Months(INACTIVE_MONTHS), current_locale()),
            day=wording.long_day(goes_on(account)),
            url=url_for("accounts.sign_in", lang=account.language, _external=True),
        )
        name = account.person.name or ""
    message = make_message(
        text,
        sender=(site.name, site.email or f"no-reply@{host}"),
        to=(name, to),
        message_id=f"<account.inactive.{payload['job']}@{host}>",
        language=account.language,
        now=now,
    )
    post(
        message,
        person_id=account.person_id,
        what=MAIL_ABOUT_ACCOUNT,
        name=f"account-inactive-{payload['job']}",
        now=now,
    )


# -- Going ----------------------------------------------------------------------------------


def _to_erase(now: datetime) -> sa.Select[Any]:
    # Warned before the day began from which the warning has run.
    return sa.select(_account.c.id).where(
        _unused(now), _account.c.warned_at < _midnight(now) - INACTIVE_WARNING
    )


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC)


def _erase(ids: Sequence[int], now: datetime) -> None:
    for account_id in ids:
        account = db.session.scalar(
            # Whoever signed in since the list was made stays.
            sa.select(Account).where(_account.c.id.in_(_to_erase(now)), Account.id == account_id)
        )
        if account is not None:
            end(persons_of(account), INACTIVE, language=account.language, now=now)


register(
    Sweep(
        name="inactive-warned",
        retention=Retention.ACCOUNT,
        words=N_("accounts that nobody uses: nothing goes yet, their persons are told by mail"),
        every=DAY,
        of=Account,
        due=_to_warn,
        remove=_warn,
    )
)
register(
    Sweep(
        name="inactive",
        retention=Retention.ACCOUNT,
        words=N_("accounts that nobody used, though we wrote to their persons"),
        every=DAY,
        of=Account,
        due=_to_erase,
        remove=_erase,
        batch=50,
        rank=2,  # with persons whose bookings are long over: they were counted before
    )
)
