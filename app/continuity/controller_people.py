"""Whom a change of controller concerns, one subject after the other, and what becomes of each.

A subject is an account with the persons that it has claimed, or a guest of a booking. One
who said no stays out whole: an account's no counts for everybody that it is.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.accounts.models import Account, Claim, Person, Restriction
from app.booking.models import Reservation
from app.continuity.controller_models import DATA, ControllerChange, ControllerObjection
from app.continuity.controller_scope import GOES, owed
from app.core.database import db
from app.core.datamap import Purpose
from app.privacy.models import POSTPONED, RUNNING, Erasure

STAYS, NOTHING, OBJECTED, ERASING, RESTRICTED, HOUSE = FATES = (
    "stays",
    "nothing",
    "objected",
    "erasing",
    "restricted",
    "house",
)
"""Handed over; nothing of theirs is owed; said no; is being erased; keeps their data from every
use; of those who run the place, who are asked by their employer and not by a page."""

BATCH = 200


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody, with everybody in the books that they are, and what becomes of them."""

    lead: str  # the person that signs in, or made the booking
    person_ids: tuple[str, ...]
    fate: str
    language: str
    going: tuple[str, ...] = ()  # those of the persons whose data are needed
    reservation_ids: tuple[int, ...] = ()
    without: frozenset[Purpose] = frozenset()

    def goes(self, way: str) -> bool:
        """Whether something of them comes to the new controller."""
        if way == DATA:
            return self.fate == STAYS
        # The whole house goes: what is at rest in it stays at rest.
        return self.fate in (STAYS, NOTHING, RESTRICTED)


def subjects(change: ControllerChange, *, after: str = "", most: int = BATCH) -> list[Subject]:
    """Return the next subjects after a person, in the order of their leads."""
    claimed = sa.exists().where(Claim.person_id == Person.id)
    query = sa.select(Person.id).where(Person.id > after, ~claimed).order_by(Person.id)
    leads = [str(one) for one in db.session.scalars(query.limit(most))]
    return _described(change, leads)


def everybody(change: ControllerChange) -> Iterator[Subject]:
    """Yield all subjects, a batch at a time. Reads only."""
    after = ""
    while found := subjects(change, after=after):
        yield from found
        after = found[-1].lead


def _described(change: ControllerChange, leads: list[str]) -> list[Subject]:
    accounts = {
        str(one.person_id): one
        for one in db.session.scalars(sa.select(Account).where(Account.person_id.in_(leads)))
    }
    persons = {lead: [lead] for lead in leads}
    of_account = {one.id: lead for lead, one in accounts.items()}
    claims = sa.select(Claim.account_id, Claim.person_id).where(Claim.account_id.in_(of_account))
    for account_id, person_id in db.session.execute(claims.order_by(Claim.person_id)):
        persons[of_account[account_id]].append(str(person_id))
    every = [person_id for group in persons.values() for person_id in group]
    no, erasing = objectors(change, every), _being_erased(every)
    due, limited = owed(every, change.changes_on), _limited(every)
    languages = _languages(leads)
    found = []
    for lead, group in persons.items():
        account = accounts.get(lead)
        purposes = frozenset(p for one in group for p in limited.get(one, ()))
        fate = _fate(account, group, no, erasing, due, purposes)
        keeps = [one for one in group if one in due or (one == lead and _is_open(account))]
        found.append(
            Subject(
                lead,
                tuple(group),
                fate,
                account.language if account else languages.get(lead, "en"),
                tuple(keeps),
                tuple(one for person_id in keeps for one in due.get(person_id, ())),
                purposes,
            )
        )
    return found


def _fate(
    account: Account | None,
    group: list[str],
    no: set[str],
    erasing: set[str],
    due: dict[str, list[int]],
    limited: frozenset[Purpose],
) -> str:
    if account is not None and account.of_the_house:
        return HOUSE
    if not erasing.isdisjoint(group):
        return ERASING
    if not no.isdisjoint(group):
        return OBJECTED
    if Purpose.RESERVATION in limited:
        return RESTRICTED  # kept, and used for nothing: handing over would be a use
    return STAYS if _is_open(account) or any(one in due for one in group) else NOTHING


def _is_open(account: Account | None) -> bool:
    return account is not None and account.verified_at is not None


def objectors(change: ControllerChange, person_ids: Collection[str] | None = None) -> set[str]:
    """Return those of the persons, or of all, whose no stands."""
    query = sa.select(ControllerObjection.person_id).where(
        ControllerObjection.change_id == change.id, ControllerObjection.withdrawn_at.is_(None)
    )
    if person_ids is not None:
        query = query.where(ControllerObjection.person_id.in_(person_ids))
    return set(db.session.scalars(query))


def _being_erased(person_ids: Collection[str]) -> set[str]:
    live = sa.select(Erasure.person_ids).where(Erasure.state.in_((POSTPONED, RUNNING)))
    # Few at any time: those of a day, and who waits for a booking to be over.
    return {one for group in db.session.scalars(live) for one in group} & set(person_ids)


def _limited(person_ids: Collection[str]) -> dict[str, set[Purpose]]:
    query = sa.select(Restriction.person_id, Restriction.purpose).where(
        Restriction.person_id.in_(person_ids),
        Restriction.ended_at.is_(None),
        Restriction.purpose.in_([purpose.value for purpose in GOES]),
    )
    found: dict[str, set[Purpose]] = {}
    for person_id, purpose in db.session.execute(query):
        found.setdefault(str(person_id), set()).add(Purpose(purpose))
    return found


def _languages(leads: Collection[str]) -> dict[str, str]:
    query = sa.select(Reservation.person_id, Reservation.language).where(
        Reservation.person_id.in_(leads)
    )
    return {str(person_id): language for person_id, language in db.session.execute(query)}


# -- The dry run --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would become of everybody if it were the day: nothing is changed by counting."""

    by_fate: dict[str, int]
    bookings: int
    handed_over: int  # subjects that the new controller gets


def forecast(change: ControllerChange, *, now: datetime) -> Forecast:
    """Count what would become of everybody, as things stand. Reads only."""
    counted, bookings, handed = dict.fromkeys(FATES, 0), 0, 0
    for one in everybody(change):
        counted[one.fate] += 1
        if one.goes(change.way):
            handed += 1
            bookings += len(one.reservation_ids)
    return Forecast(counted, bookings, handed)
