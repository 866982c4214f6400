"""What of a person went to whom outside: noted as it is sent, shown to whom it concerns.

With it a person who corrects a value, or has it erased, is told who got the old one
(GDPR, Articles 15(1)(c) and 19).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.models import Disclosure
from app.core.database import db, table
from app.core.datamap import Kind
from app.core.languages import N_

MAIL_ABOUT_BOOKING, MAIL_ABOUT_ACCOUNT, MAIL_ABOUT_RIGHTS, PAYMENT, KEPT_CARD = (
    "mail_booking",
    "mail_account",
    "mail_rights",
    "payment",
    "kept_card",
)
MAIL_NOTICE, PUSHED = "mail_notice", "push"
MAIL_TO_PARTNER = "mail_partner"
HANDED_OVER = "handed_over"
WHAT: dict[str, tuple[str, tuple[Kind, ...]]] = {
    MAIL_ABOUT_BOOKING: (
        N_("a mail about a reservation: your name, your address, and what it says"),
        (Kind.NAME, Kind.EMAIL, Kind.BOOKING),
    ),
    MAIL_ABOUT_ACCOUNT: (
        N_("a mail about your account: your address, and what it says"),
        (Kind.EMAIL,),
    ),
    MAIL_ABOUT_RIGHTS: (
        N_("a mail about your own data: your name, your address, and what we answered"),
        (Kind.NAME, Kind.EMAIL, Kind.MESSAGE),
    ),
    MAIL_NOTICE: (
        N_("a mail that everybody concerned got: your name, your address, and what it says"),
        (Kind.NAME, Kind.EMAIL, Kind.NOTICE),
    ),
    PUSHED: (
        N_("your browser’s address at its push service, and a text that only it can open"),
        (Kind.PUSH, Kind.NOTICE),
    ),
    PAYMENT: (
        N_("an amount, a reservation’s reference and a random number"),
        (Kind.PAYMENT,),
    ),
    KEPT_CARD: (N_("your wish that your card be kept"), (Kind.PAYMENT,)),
    HANDED_OVER: (
        N_("what is needed for what you still have with this house, as its new responsible party"),
        (
            Kind.NAME,
            Kind.TITLE,
            Kind.EMAIL,
            Kind.PHONE,
            Kind.WECHAT_ID,
            Kind.COMPANY,
            Kind.BILLING_ADDRESS,
            Kind.SHIPPING_ADDRESS,
            Kind.BOOKING,
            Kind.PAYMENT,
            Kind.MESSAGE,
            Kind.WISH,
        ),
    ),
    MAIL_TO_PARTNER: (
        N_("a mail to somebody whom you allowed to get what is in it"),
        (Kind.NAME, Kind.EMAIL, Kind.PHONE, Kind.BOOKING),
    ),
    # One row each, so that everybody sees exactly what a partner was given.
    "partner_name": (N_("your name"), (Kind.NAME,)),
    "partner_email": (N_("your e-mail address"), (Kind.EMAIL,)),
    "partner_phone": (N_("your telephone number"), (Kind.PHONE,)),
    "partner_dates": (N_("the days of your stay"), (Kind.BOOKING,)),
    "partner_guests": (N_("how many of you come"), (Kind.BOOKING,)),
}
"""What goes out, in words, and which kinds of data are in it."""

_disclosure = table(Disclosure)
# Both know ON CONFLICT; neither knows the other's.
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Disclosed(NamedTuple):
    """Who got what, how often, and when first and last."""

    recipient: str
    what: str
    times: int
    first_at: datetime
    last_at: datetime


def note(person_id: str | None, recipient: str, what: str, *, now: datetime) -> None:
    """Note that something of a person went to a recipient. The caller commits."""
    if person_id is None:
        return
    connection = db.session.connection()
    statement = _INSERTS[connection.dialect.name](Disclosure).values(
        person_id=person_id, recipient=recipient, what=what, times=1, first_at=now, last_at=now
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id", "recipient", "what"],
            set_={
                "times": _disclosure.c.times + 1,
                "last_at": statement.excluded.last_at,
            },
        )
    )


def of_persons(person_ids: Collection[str]) -> list[Disclosed]:
    """Return who got something of these persons, the latest first."""
    last = sa.func.max(_disclosure.c.last_at, type_=_disclosure.c.last_at.type)
    query = (
        sa.select(
            _disclosure.c.recipient,
            _disclosure.c.what,
            sa.func.sum(_disclosure.c.times),
            sa.func.min(_disclosure.c.first_at, type_=_disclosure.c.first_at.type),
            last,
        )
        .where(_disclosure.c.person_id.in_(person_ids))
        .group_by(_disclosure.c.recipient, _disclosure.c.what)
        .order_by(last.desc(), _disclosure.c.what)
    )
    return [Disclosed(*row) for row in db.session.execute(query)]


def who_got(person_ids: Collection[str], kind: Kind) -> list[Disclosed]:
    """Return who got a kind of value of these persons: whoever may hold an old one."""
    return [one for one in of_persons(person_ids) if kind in WHAT[one.what][1]]
