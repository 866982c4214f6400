"""What must be true of the books whatever happened: read from the databases by the test itself."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from email import message_from_bytes

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Person
from app.booking.models import (
    CONFIRMED,
    HELD,
    Night,
    OfferRow,
    Reservation,
    ReservationLine,
    Seating,
    SessionPlaces,
    UnitRow,
)
from app.booking.reservations import prove
from app.booking.shop import shop
from app.core.database import KEYS, db
from app.core.outbox import Job
from app.core.vault import PersonKey
from app.payments.demo.models import BankRefund
from app.payments.ledger import SIGNED
from app.payments.models import LedgerEntry, Payment, Refund
from tests.conftest import SettableClock

LIVE = (HELD, CONFIRMED)


@dataclass
class Books:
    """The databases and the mail folder of the place, and the test's clock."""

    app: Flask
    clock: SettableClock

    @contextmanager
    def open(self) -> Iterator[sa.orm.Session]:
        """Look at the databases as they are now, for as long as the block."""
        with self.app.app_context():
            yield db.session  # type: ignore[misc]

    def assert_in_order(self) -> None:
        """Fail unless counters, lines, units, holds and keys agree with each other."""
        with self.open() as session:
            assert prove(now=self.clock()) == [], "counters and lines differ"
            assert _seated(session) == _to_be_seated(session), "units and lines differ"
            _assert_within_capacity(session)
            held = sa.select(Reservation.basket_id).where(Reservation.status == HELD)
            baskets = Counter(filter(None, session.scalars(held)))
            assert all(count == 1 for count in baskets.values()), "two holds of one basket"
            persons = set(session.scalars(sa.select(Person.id)))
            with db.engines[KEYS].connect() as keys:
                known = set(keys.scalars(sa.select(PersonKey.person_id)))
            assert persons <= known, "a person without a key"

    # -- Places ---------------------------------------------------------------------------

    def nights(self, days_ahead: int, nights: int) -> tuple[str, str]:
        """Return arrival and departure, so many days from now, as forms have them."""
        arrive = self.clock().date() + timedelta(days=days_ahead)
        return arrive.isoformat(), (arrive + timedelta(days=nights)).isoformat()

    def start_of_session(self, slug: str, days_ahead: int) -> str:
        """Return when the first session starts so many days ahead, or later, as its form does."""
        return self.starts_of_sessions(slug, days_ahead, most=1)[0]

    def starts_of_sessions(self, slug: str, days_ahead: int, *, most: int) -> list[str]:
        """Return when so many sessions start, from so many days ahead on, as forms do."""
        with self.open():
            offer = shop().catalogue.session(slug)
            assert offer is not None
            first = self.clock().date() + timedelta(days=days_ahead)
            found = offer.schedule.occurrences(first, first + timedelta(days=14 * most))
            return [one.starts_at.isoformat() for one in found][:most]

    def taken(self, slug: str, night: date) -> int:
        """Return the counter of one night."""
        with self.open() as session:
            query = sa.select(Night.taken).join(OfferRow, OfferRow.id == Night.offer_id)
            return session.scalar(query.where(OfferRow.slug == slug, Night.night == night)) or 0

    def seats_taken(self, slug: str) -> list[int]:
        """Return the counters of a session offer, by their time."""
        with self.open() as session:
            query = sa.select(SessionPlaces.taken).join(
                OfferRow, OfferRow.id == SessionPlaces.offer_id
            )
            query = query.where(OfferRow.slug == slug).order_by(SessionPlaces.starts_at)
            return list(session.scalars(query))

    def live_stays(self, slug: str) -> list[tuple[date, date]]:
        """Return the stays that live lines take, sorted."""
        with self.open() as session:
            lines = (
                sa.select(ReservationLine.arrive, ReservationLine.depart)
                .join(Reservation)
                .join(OfferRow, OfferRow.id == ReservationLine.offer_id)
                .where(OfferRow.slug == slug, Reservation.status.in_(LIVE))
                .where(ReservationLine.kind == "stay")
            )
            return sorted((line.arrive, line.depart) for line in session.execute(lines))

    def seating_rows(self, slug: str) -> list[date]:
        """Return the nights for which units of an offer are given away, sorted."""
        with self.open() as session:
            rows = sa.select(Seating.night).join(UnitRow).join(OfferRow)
            return sorted(session.scalars(rows.where(OfferRow.slug == slug)))

    # -- Reservations, money, mail --------------------------------------------------------

    def statuses(self) -> Counter[str]:
        """Return how many reservations there are of each status."""
        with self.open() as session:
            return Counter(session.scalars(sa.select(Reservation.status)))

    def live_count(self) -> int:
        """Return how many reservations are held or confirmed."""
        return sum(self.statuses()[status] for status in LIVE)

    def persons(self) -> int:
        """Return how many persons the site knows."""
        with self.open() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(Person)) or 0

    def status(self, reference: str) -> str:
        """Return the status of one reservation."""
        with self.open() as session:
            query = sa.select(Reservation.status).where(Reservation.reference == reference)
            return session.scalars(query).one()

    def attempts(self, reference: str) -> list[str]:
        """Return the states of a reservation's attempts to pay, sorted."""
        with self.open() as session:
            query = sa.select(Payment.state).join(Reservation)
            return sorted(session.scalars(query.where(Reservation.reference == reference)))

    def ledger(self, reference: str) -> list[tuple[str, int]]:
        """Return (kind, effect on what the provider has of ours) of each line, oldest first."""
        with self.open() as session:
            query = (
                sa.select(LedgerEntry.kind, SIGNED)
                .join(Payment, Payment.id == LedgerEntry.payment_id)
                .join(Reservation)
                .where(Reservation.reference == reference)
                .order_by(LedgerEntry.id)
            )
            return [tuple(row) for row in session.execute(query)]

    def refunds(self, reference: str) -> list[tuple[str, str]]:
        """Return (reason, state) of each refund."""
        with self.open() as session:
            query = sa.select(Refund.reason, Refund.state).join(Payment).join(Reservation)
            rows = session.execute(query.where(Reservation.reference == reference))
            return sorted(tuple(row) for row in rows)

    def bank_refunds(self, reference: str) -> int:
        """Return how often the bank has sent money back for a reservation."""
        with self.open() as session:
            query = (
                sa.select(sa.func.count())
                .select_from(BankRefund)
                .join(Payment, Payment.provider_ref == BankRefund.payment_ref)
                .join(Reservation)
                .where(Reservation.reference == reference)
            )
            return int(session.scalar(query) or 0)

    def jobs_left(self) -> list[str]:
        """Return the topics of what is to be done and isn't."""
        with self.open() as session:
            return list(session.scalars(sa.select(Job.topic).where(Job.done_at.is_(None))))

    def mail_jobs(self, reference: str) -> list[str]:
        """Return the templates of the mails that were ordered for a reservation, sorted."""
        with self.open() as session:
            query = sa.select(Reservation.id).where(Reservation.reference == reference)
            reservation_id = session.scalars(query).one()
            ordered = session.scalars(sa.select(Job.payload).where(Job.topic == "mail"))
            return sorted(
                payload["template"]
                for payload in ordered
                if payload["reservation_id"] == reservation_id
            )

    def letters(self, reference: str) -> list[str]:
        """Return the templates of the mails that were sent for a reservation, sorted."""
        folder = self.app.extensions["settings"].instance_dir / "mail"
        messages = [message_from_bytes(file.read_bytes()) for file in folder.glob("*.eml")]
        ids = [message["Message-ID"].strip("<>").split(".") for message in messages]
        return sorted(template for booked, template, *_ in ids if booked == reference)


def _to_be_seated(session: sa.orm.Session) -> set[tuple[int, date, int]]:
    """Return what live lines ask for: (line, night, offer)."""
    lines = (
        sa.select(ReservationLine)
        .join(Reservation)
        .where(ReservationLine.kind == "stay", Reservation.status.in_(LIVE))
    )
    return {
        (line.id, line.arrive + timedelta(days=n), line.offer_id)
        for line in session.scalars(lines)
        for n in range((line.depart - line.arrive).days)
    }


def _seated(session: sa.orm.Session) -> set[tuple[int, date, int]]:
    """Return what units are given for: (line, night, the unit's offer)."""
    query = sa.select(Seating.line_id, Seating.night, UnitRow.offer_id)
    rows = session.execute(query.join(UnitRow, UnitRow.id == Seating.unit_id)).all()
    seated = {tuple(row) for row in rows}
    assert len(seated) == len(rows), "one line has two units for one night"
    return seated


def _assert_within_capacity(session: sa.orm.Session) -> None:
    for counter in (Night, SessionPlaces):
        wrong = sa.or_(counter.taken < 0, counter.taken > counter.capacity)
        assert session.scalars(sa.select(counter).where(wrong)).all() == []
