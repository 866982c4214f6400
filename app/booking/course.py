"""The course of a history: its bookings and cancellations, made by the verbs of the site.

Each day its creations come first and then its cancellations, both in the order of the
file. A stay is accepted exactly when each of its nights has a unit left. The file names
nobody: its guests are made up here, and sealed like everybody.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise
from time import perf_counter

import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.cancellation import CancellationPolicy
from app.booking.catalogue import Catalogue
from app.booking.history import NIGHTS_MOST, History, PastStay, days_of, peaks
from app.booking.holds import Held, hold
from app.booking.inventory import PlacesTaken
from app.booking.models import (
    CANCELLED,
    CONFIRMED,
    Night,
    OfferRow,
    RateRow,
    Reservation,
    UnitRow,
    VenueRow,
)
from app.booking.prices import Quote, QuoteLine
from app.booking.reservations import cancel_one, confirm_one, prove
from app.booking.seating import misseated
from app.booking.shop import shop
from app.core.database import db, table
from app.core.datamap import Kind
from app.core.outbox import Job
from app.core.vault import vault

CURRENCY = "EUR"
# Of each day, in UTC. A stay that begins on that day begins after both.
_CREATIONS, _CANCELLATIONS, _CHECK_IN = time(8), time(12), time(15)
# So many bookings share a commit; with a commit each, the disk would be measured.
_BATCH = 200

_person, _reservation, _job = table(Person), table(Reservation), table(Job)
_PERSON = sa.insert(_person)
_WHOSE = (
    sa.update(_reservation)
    .where(_reservation.c.id == sa.bindparam("reservation"))
    .values(person_id=sa.bindparam("person"))
)


@dataclass(slots=True)
class Report:
    """What became of a history. `revenue` is that of kept stays, in minor units.

    `tenths` are bookings a second in each tenth of the history.
    """

    rows: int
    invalid: int
    invalid_rows: list[tuple[int, str]] = field(repr=False)
    accepted: int = 0
    refused: int = 0
    cancelled: int = 0
    kept: int = 0
    revenue: int = 0
    currency: str = CURRENCY
    units: dict[str, int] = field(default_factory=dict)
    highest_occupancy: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    bookings_per_second: float = 0.0
    tenths: list[float] = field(default_factory=list)
    proved: bool = False


def open_house(units: dict[str, int]) -> None:
    """Make a venue with so many units of each offer, in an empty book. Commits.

    The rows of a history bring their own price. Nobody tells us what came back after a
    cancellation, so nothing is promised.
    """
    db.session.add(
        VenueRow(
            name="Replay",
            texts={},
            picture="",
            zone="UTC",
            currency=CURRENCY,
            address=[],
            email="replay@example.org",
            phone="",
            cancellation=CancellationPolicy(tiers=(), grace_hours=0).to_json(),
            check_in=f"{_CHECK_IN:%H:%M}",
            check_out="11:00",
            months_ahead=1,
        )
    )
    for number, (name, count) in enumerate(units.items(), start=1):
        db.session.add(
            OfferRow(
                slug=f"offer-{number}",
                kind="stay",
                position=number,
                texts={"en": {"name": name}},
                picture="",
                units=count,
                adults_most=999,
                children_most=999,
                guests_most=999,
                nights_least=1,
                nights_most=NIGHTS_MOST,
                unit_rows=[UnitRow(position=n, name=f"{name} {n + 1}") for n in range(count)],
                rates=[RateRow(minor=0)],
            )
        )
    db.session.commit()


class Replay:
    """One history on its way through one book."""

    def __init__(self, history: History, catalogue: Catalogue) -> None:
        """Begin with an open house whose offers have the names of the history's."""
        self.stays = history.stays
        self.catalogue = catalogue
        self.offers = {offer.texts["en"]["name"]: offer for offer in catalogue.stays}
        self.accepted: dict[int, int] = {}  # place in the history → reservation
        self.highest: Counter[str] = Counter()
        self.uncommitted = 0

    def run(self, each: Callable[[int], object]) -> None:
        """Book and cancel, day by day. `each` is told of so many more bookings done. Commits."""
        for day, events in days_of(self.stays).items():
            now = datetime.combine(day, _CREATIONS, UTC)
            for first in range(0, len(events.created), _BATCH):
                batch = events.created[first : first + _BATCH]
                self._book(batch, now=now)
                each(len(batch))
            self._note_highest(day)
            for place in events.cancelled:
                if place in self.accepted:
                    self._cancel(place, day)
            self._commit(len(events.cancelled))
        db.session.commit()

    def _commit(self, done: int) -> None:
        """Commit, if enough was done since the last time."""
        self.uncommitted += done
        if self.uncommitted >= _BATCH:
            db.session.commit()
            self.uncommitted = 0

    def _book(self, places: Sequence[int], *, now: datetime) -> None:
        held: list[tuple[int, Held]] = []
        for place in places:
            quote = self._quote(self.stays[place])
            try:
                held.append((place, hold(self.catalogue, quote, language="en", now=now)))
            except PlacesTaken:
                continue
        if held:
            self._say_who(held, now=now)
        for place, each in held:
            confirm_one(each.reservation_id, now=now)
            self.accepted[place] = each.reservation_id
        self._commit(len(held))

    def _quote(self, stay: PastStay) -> Quote:
        """Return the price that the guest paid then, as one line."""
        offer, minor = self.offers[stay.offer], stay.nightly_minor
        nights = range(stay.arrive.toordinal(), stay.depart.toordinal())
        total = minor * len(nights)
        line = QuoteLine(
            kind="stay",
            wish=0,
            offer_id=offer.id,
            extra_id=None,
            charge_id=None,
            label={"en": stay.offer},
            arrive=stay.arrive,
            depart=stay.depart,
            starts_at=None,
            ends_at=None,
            adults=stay.adults,
            children=stay.children,
            quantity=len(nights),
            unit_minor=minor,
            total_minor=total,
            vat_bp=0,
            vat_minor=0,
            nightly=tuple((date.fromordinal(night), minor) for night in nights),
        )
        return Quote(CURRENCY, (line,), total, ())

    def _say_who(self, held: Sequence[tuple[int, Held]], *, now: datetime) -> None:
        """Put a made-up person on each hold, sealed."""
        keys, persons, whose = vault(), [], []
        for place, each in held:
            person_id = keys.new_person()
            name, email = f"Guest {place + 1}", f"guest-{place + 1}@example.org"
            keys.index(person_id, Kind.EMAIL, email)
            persons.append(
                {
                    "id": person_id,
                    "created_at": now,
                    "name": keys.seal(person_id, "person.name", name),
                    "email": keys.seal(person_id, "person.email", email),
                }
            )
            whose.append({"reservation": each.reservation_id, "person": person_id})
        connection = db.session.connection()
        connection.execute(_PERSON, persons)
        connection.execute(_WHOSE, whose)

    def _cancel(self, place: int, day: date) -> None:
        # A history may call a guest off after they came. Then a person decides what is owed,
        # so the site has no verb for it: the places come back on the day, by the last instant.
        last = min(day, self.stays[place].arrive)
        cancel_one(
            self.accepted[place],
            expected_refund=None,
            now=datetime.combine(last, _CANCELLATIONS, UTC),
        )

    def _note_highest(self, day: date) -> None:
        """Ask the counters, after a day's creations, how full each offer has become."""
        night, names = table(Night), {offer.id: name for name, offer in self.offers.items()}
        query = (
            sa.select(night.c.offer_id, sa.func.max(night.c.taken))
            .where(night.c.night >= day)
            .group_by(night.c.offer_id)
        )
        for offer_id, taken in db.session.connection().execute(query):
            self.highest[names[offer_id]] = max(self.highest[names[offer_id]], taken)


def replay(
    history: History, capacity: Decimal, each: Callable[[int], object] = lambda _: None
) -> Report:
    """Drive a history through the empty book of the present app, and prove what came of it.

    `capacity` is the share of each offer's peak that there are units for. Commits.
    """
    report = Report(rows=history.rows, invalid=len(history.invalid), invalid_rows=history.invalid)
    peak = peaks(history.stays, days_of(history.stays))
    report.units = {offer: math.ceil(capacity * most) for offer, most in peak.items()}
    open_house(report.units)
    course = Replay(history, shop().catalogue)
    db.session.rollback()
    pace = _Pace(each)
    course.run(pace)
    pace.fill(report)

    report.accepted = len(course.accepted)
    report.refused = len(history.stays) - report.accepted
    report.highest_occupancy = {offer: course.highest[offer] for offer in peak}
    report.bookings_per_second = report.accepted / report.seconds if report.seconds else 0.0
    _read_ledger(report)
    return report


class _Pace:
    """A clock that is told of each batch, and tells how quick each tenth was."""

    def __init__(self, each: Callable[[int], object]) -> None:
        self.each = each
        self.marks = [(0, perf_counter())]  # bookings done by that time

    def __call__(self, done: int) -> None:
        self.each(done)
        self.marks.append((self.marks[-1][0] + done, perf_counter()))

    def fill(self, report: Report) -> None:
        """Note how long it took. Of a short history, tenths would say nothing."""
        report.seconds = perf_counter() - self.marks[0][1]
        total = self.marks[-1][0]
        if total < 10 * _BATCH:
            return
        ends = [next(mark for mark in self.marks if mark[0] * 10 >= total * n) for n in range(11)]
        report.tenths = [
            (later[0] - earlier[0]) / (later[1] - earlier[1]) for earlier, later in pairwise(ends)
        ]


def _read_ledger(report: Report) -> None:
    """Fill in what the book says in the end, and prove it."""
    connection = db.session.connection()
    sums = sa.select(
        _reservation.c.status, sa.func.count(), sa.func.sum(_reservation.c.total_minor)
    ).group_by(_reservation.c.status)
    ledger = {status: (count, int(minor)) for status, count, minor in connection.execute(sums)}
    report.cancelled = ledger.get(CANCELLED, (0, 0))[0]
    report.kept, report.revenue = ledger.get(CONFIRMED, (0, 0))
    report.proved = (
        report.accepted == report.kept + report.cancelled
        and set(ledger) <= {CONFIRMED, CANCELLED}
        and not prove(now=datetime.now(UTC))
        and not misseated(connection)
    )
    # Nobody is there to be written to.
    connection.execute(sa.update(_job).values(done_at=_job.c.created_at))
    db.session.commit()
