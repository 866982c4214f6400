"""Signals that something may be wrong with a booking: hints, and never a decision.

Each is computed from what is held anyway, as a page is shown, and is kept nowhere. It says
its reason in words. What becomes of it a person decides, and that decision alone is noted;
nothing happens to a guest by itself (GDPR, Article 22).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from app.booking.models import CANCELLED, CONFIRMED, HELD, Reservation
from app.core.database import db
from app.core.datamap import Kind
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import vault
from app.owner.masking import hidden
from app.payments.models import Dispute, Payment
from app.payments.states import FAILED

FINE, REFUSED = "fine", "refused"
DECISIONS: Final = (FINE, REFUSED)

# Somebody who books for friends makes a few; who tries out stolen cards makes many.
MANY_BOOKINGS, WITHIN = 4, timedelta(hours=24)
MANY_FAILURES = 3
# Beyond this much of the average, and only once there is something to compare with.
FAR_BEYOND, ENOUGH, A_YEAR = 5, 20, timedelta(days=365)
NEWEST = 1000
SOON = timedelta(hours=6)
# More persons under one address than this are a travel agent, and known to the house.
_MOST_ALIKE = 200


class UnknownDecision(DomainError):
    """Neither fine nor refused."""

    message = N_("Please choose whether this reservation is fine or refused.")


@dataclass(frozen=True, slots=True)
class Signal:
    """One hint. `count` or `minor` is what its sentence tells."""

    code: str
    count: int = 0
    minor: int = 0


def signals_of(
    reservations: Sequence[Reservation], *, now: datetime
) -> dict[int, tuple[Signal, ...]]:
    """Return the signals of each reservation, by a few statements however many there are."""
    looked_at = [one for one in reservations if one.status in (HELD, CONFIRMED, CANCELLED)]
    if not looked_at:
        return {}
    alike = _alike(looked_at)
    failures = _failures([one.id for one in looked_at])
    usual = _usual(now=now)
    others = {person_id for persons in alike.values() for person_id in persons}
    made = _made(others)
    disputed = _disputed(others)
    found: dict[int, tuple[Signal, ...]] = {}
    for one in looked_at:
        persons = alike.get(one.person_id or "", set())
        near = _near(one, persons, made)
        back = sum(1 for who, which in disputed if who in persons and which != one.id)
        beyond = usual.get(one.currency, 0) * FAR_BEYOND
        found[one.id] = tuple(
            signal
            for signal, holds in (
                (Signal("many_bookings", count=near), near >= MANY_BOOKINGS),
                (
                    Signal("failed_payments", count=failures.get(one.id, 0)),
                    failures.get(one.id, 0) >= MANY_FAILURES,
                ),
                (
                    Signal("large_sum", minor=usual.get(one.currency, 0)),
                    0 < beyond < one.total_minor,
                ),
                (Signal("arrives_soon"), _arrives_soon(one)),
                (Signal("chargeback", count=back), back > 0),
            )
            if holds
        )
    return found


def decide(reservation: Reservation, decision: str, *, now: datetime) -> bool:
    """Note what somebody of the house decided; tell whether it is another decision.

    It has no effect by itself. The caller locks the reservation and commits. Raises
    UnknownDecision.
    """
    if decision not in DECISIONS:
        raise UnknownDecision
    if reservation.risk_decision == decision:
        return False
    reservation.risk_decision, reservation.risk_decided_at = decision, now
    return True


def _arrives_soon(one: Reservation) -> bool:
    # Who stands at the door always arrives soon.
    return one.source == "web" and one.first_start - one.created_at < SOON


def _alike(reservations: Iterable[Reservation]) -> dict[str, set[str]]:
    """Return who gave the same address as the person of each of these."""
    persons = {one.person_id for one in reservations if one.person_id}
    persons -= hidden(persons)  # whose address isn't to be used, not to compare it either
    found = vault().alike(persons, Kind.EMAIL) if persons else {}
    return {
        person_id: set(sorted(others)[:_MOST_ALIKE]) | {person_id}
        for person_id, others in found.items()
    }


def _made(person_ids: Collection[str]) -> list[tuple[str, datetime]]:
    if not person_ids:
        return []
    query = sa.select(Reservation.person_id, Reservation.created_at).where(
        Reservation.person_id.in_(person_ids)
    )
    return [(str(row[0]), row[1]) for row in db.session.execute(query)]


def _near(one: Reservation, persons: Collection[str], made: Iterable[tuple[str, datetime]]) -> int:
    """Count what was made under one address around the time of a reservation, it included."""
    return sum(1 for who, when in made if who in persons and abs(when - one.created_at) <= WITHIN)


def _failures(reservation_ids: Collection[int]) -> dict[int, int]:
    query = (
        sa.select(Payment.reservation_id, sa.func.count())
        .where(Payment.reservation_id.in_(reservation_ids), Payment.state == FAILED)
        .group_by(Payment.reservation_id)
    )
    return {row[0]: int(row[1]) for row in db.session.execute(query)}


def _usual(*, now: datetime) -> dict[str, int]:
    """Return the average of the last year's bookings in each currency, in minor units.

    Of the newest of them, where they are very many: the average is no better for reading more.
    """
    newest = (
        sa.select(Reservation.currency, Reservation.total_minor, Reservation.created_at)
        .where(Reservation.status == CONFIRMED)
        .order_by(Reservation.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    query = (
        sa.select(newest.c.currency, sa.func.avg(newest.c.total_minor))
        .where(newest.c.created_at > now - A_YEAR)
        .group_by(newest.c.currency)
        .having(sa.func.count() >= ENOUGH)
    )
    return {row[0]: int(row[1]) for row in db.session.execute(query)}


def _disputed(person_ids: Collection[str]) -> list[tuple[str, int]]:
    """Return whose money a bank was asked to take back: the person, and the reservation."""
    if not person_ids:
        return []
    query = (
        sa.select(Reservation.person_id, Reservation.id)
        .join(Payment, Payment.reservation_id == Reservation.id)
        .join(Dispute, Dispute.payment_id == Payment.id)
        .where(Reservation.person_id.in_(person_ids), Dispute.state.in_(("open", "lost")))
        .distinct()
    )
    return [(str(row[0]), int(row[1])) for row in db.session.execute(query)]
