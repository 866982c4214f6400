"""What goes to the new controller: decided purpose by purpose, and derived from the data map.

Only what is needed for what is still owed: a booking that isn't over, and an account that
goes on. No purpose rides along that the person didn't give their data for; what they said
yes to was said to the former controller and ends with it. A column that somebody adds goes,
or stays, by the purposes that it declares.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Final

import sqlalchemy as sa

from app.booking.models import BOOKING, CONFIRMED, Reservation, ReservationLine
from app.core.database import db
from app.core.datamap import Kind, Purpose
from app.core.languages import N_
from app.privacy.archiving import day_here
from app.privacy.export.reading import MARK, Reader, Row
from app.privacy.tables import Field, PersonTable, person_tables
from app.privacy.words import purposes_of

GOES: Final = (
    Purpose.RESERVATION,
    Purpose.INVOICE,
    Purpose.POSTING,
    Purpose.ACCOUNT,
    Purpose.SERVICE,
    Purpose.ARRIVAL,
)
"""Purposes that go on under the new controller: they are what a booking or an account is."""

STAYS: Final = {
    Purpose.SIGN_IN: N_("Passwords, codes and passkeys stay; the new one asks you to set your own"),
    Purpose.SECURITY: N_("Where you were signed in, and who looked at your details"),
    Purpose.AGREEMENT: N_("What you agreed to with us; the new one shows you its own"),
    Purpose.PROOF: N_("What you chose about cookies was said to us"),
    Purpose.STATISTICS: N_("Which pages were opened was counted with your yes to us"),
    Purpose.SUGGESTIONS: N_("What you looked at was noted with your yes to us"),
    Purpose.RIGHTS: N_("What you asked about your data, we answered"),
    Purpose.SURVEY: N_("What you told us about your stay was for us"),
    Purpose.NOTICE: N_("What we had to tell you, we told you"),
    Purpose.PARTNER: N_("What you allowed us to pass on was allowed to us"),
    Purpose.PUBLIC: N_("What you allowed us to publish was allowed to us"),
}
"""Purposes that don't go, and why, in words for people."""

HELD_BACK: Final = {
    "saved_means": N_("a kept card is kept at our payment provider, for us alone"),
    "dispute": N_("what a bank asks, it asks whom it paid"),
    "mail_link": N_("links that were mailed open nothing there"),
    "payment.provider_ref": N_("a payment’s number at our provider"),
    "refund.provider_ref": N_("a payment’s number at our provider"),
    "refund.note": N_("what the house noted for itself"),
    "refund.made_good": N_("what the house noted for itself"),
    "reservation.risk_decision": N_("what the house noted for itself"),
    "reservation.risk_decided_at": N_("what the house noted for itself"),
    "stay_wish.diet": N_(
        "what you eat was told us with your express consent, which was given to us"
    ),
    "account.role": N_("how somebody signs in here"),
    "account.totp_at": N_("how somebody signs in here"),
    "account.totp_step": N_("how somebody signs in here"),
    "account.suspended_at": N_("how somebody signs in here"),
    "account.warned_at": N_("how somebody signs in here"),
    "account.used_on": N_("how somebody signs in here"),
}
"""Tables and columns that stay although their purpose goes, and why."""


@dataclass(frozen=True, slots=True)
class Going:
    """A table that goes, for the page: its name, and the kinds and purposes of what goes."""

    table: str
    kinds: tuple[Kind, ...]
    purposes: tuple[Purpose, ...]


@cache
def tables_for(without: frozenset[Purpose] = frozenset()) -> tuple[PersonTable, ...]:
    """Return the tables that go, each with the columns that go, parents before children.

    `without` are purposes that a person has restricted: nothing goes for them.
    """
    purposes = set(GOES) - without
    found = []
    for table in person_tables():
        if table.name in HELD_BACK or not purposes.intersection(purposes_of(table)):
            continue
        columns = tuple(column for column in table.columns if _goes(column, purposes))
        if any(column.declared for column in columns) or not table.personal:
            found.append(replace(table, columns=columns))
    return tuple(found)


def _goes(column: Field, purposes: Collection[Purpose]) -> bool:
    if column.path in HELD_BACK:
        return False
    declared = column.declared
    if declared is None:
        return True  # it tells nothing by itself, and goes along with the row
    return declared.kind is not Kind.CREDENTIAL and not set(declared.purposes).isdisjoint(purposes)


def going() -> list[Going]:
    """Return what goes, table by table, for people to read."""
    return [
        Going(
            table.name,
            tuple(dict.fromkeys(one.declared.kind for one in table.personal if one.declared)),
            tuple(purpose for purpose in GOES if purpose in purposes_of(table)),
        )
        for table in tables_for()
        if table.personal
    ]


# -- Which rows ---------------------------------------------------------------------------


def owed(person_ids: Collection[str], day: date) -> dict[str, list[int]]:
    """Return the bookings of these persons that are firm and not over on a day, by person.

    What was used or cancelled is owed no more: its papers stay with whom the law asks.
    """
    query = (
        sa.select(
            Reservation.person_id,
            Reservation.id,
            sa.func.max(ReservationLine.depart, type_=ReservationLine.depart.type),
            sa.func.max(ReservationLine.ends_at, type_=ReservationLine.ends_at.type),
        )
        .join(ReservationLine)
        .where(
            Reservation.person_id.in_(person_ids),
            Reservation.status == CONFIRMED,
            Reservation.kind == BOOKING,
        )
        .group_by(Reservation.id, Reservation.person_id)
        .order_by(Reservation.id)
    )
    found: dict[str, list[int]] = {}
    for person_id, reservation_id, depart, ends_at in db.session.execute(query):
        last = max((d for d in (depart, ends_at and day_here(ends_at)) if d), default=None)
        if last is not None and last >= day:
            found.setdefault(str(person_id), []).append(reservation_id)
    return found


class OwedReader(Reader):
    """Reads of a subject what goes: bookings that are owed, and what hangs on them."""

    def __init__(self, person_ids: list[str], reservation_ids: Collection[int]) -> None:
        super().__init__(person_ids, step=lambda rows: None)
        self._owed = {self._mark("reservation", [one]) for one in reservation_ids}
        self._left_out: set[str | None] = set()

    def rows(self, table: PersonTable) -> Iterator[Row]:
        """Yield the rows that go; ask for tables in their order, parents first."""
        for row in super().rows(table):
            if self._stays(table, row):
                self._left_out.add(row.marks[MARK])
            else:
                yield row

    def _stays(self, table: PersonTable, row: Row) -> bool:
        if table.name == "reservation":
            return row.marks[MARK] not in self._owed
        return any(mark in self._left_out for name, mark in row.marks.items() if name != MARK)
