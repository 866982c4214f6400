"""The board: which unit has whom on which night, and which sessions start, in a few statements.

A row is a unit and a column a night. A row is told by its runs, not by its nights: a stay,
a block, or nights that are free. So a house of three hundred units is a page of some
thousands of cells, not of tens of thousands.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.booking.catalogue import Catalogue
from app.booking.inventory import ONE_NIGHT
from app.booking.models import (
    CONFIRMED,
    HELD,
    Block,
    OfferRow,
    Reservation,
    ReservationLine,
    Seating,
    SessionPlaces,
    UnitRow,
)
from app.core.database import db
from app.owner.queries import guest_names

SPANS = (14, 30, 60)
"""How many nights a board may show."""

FREE, STAY, BLOCK = "free", "stay", "block"


class Run(NamedTuple):
    """Nights of one row that belong together, [first, until), as far as the board shows them."""

    kind: str
    first: date
    until: date
    id: int  # of the line or the block
    guest: str
    reference: str
    state: str  # a key of board_words.STATES
    pinned: bool
    before: bool  # it began before the board does
    after: bool  # it goes on after it

    @property
    def nights(self) -> int:
        """How many columns it takes."""
        return (self.until - self.first).days

    @property
    def short(self) -> date:
        """Where a first wish for these nights ends: after two of them, or one."""
        return min(self.until, self.first + 2 * ONE_NIGHT)


@dataclass(frozen=True, slots=True)
class Row:
    """One unit."""

    unit_id: int
    name: str
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The units of one offer."""

    offer_id: int
    slug: str
    texts: Mapping[str, Mapping[str, str]]
    rows: tuple[Row, ...]


class Start(NamedTuple):
    """One session: how many of its seats are taken."""

    at: datetime
    taken: int
    seats: int


@dataclass(frozen=True, slots=True)
class Lane:
    """The sessions of one offer, by day, as many lists as the board has days."""

    offer_id: int
    texts: Mapping[str, Mapping[str, str]]
    days: tuple[tuple[Start, ...], ...]


@dataclass(frozen=True, slots=True)
class Board:
    """All that the page shows."""

    days: tuple[date, ...]
    groups: tuple[Group, ...]
    lanes: tuple[Lane, ...]
    persons: frozenset[str]

    @property
    def first(self) -> date:
        """Its first night."""
        return self.days[0]

    @property
    def until(self) -> date:
        """The first night after it."""
        return self.days[-1] + ONE_NIGHT


def board(catalogue: Catalogue, first: date, count: int, *, now: datetime) -> Board:
    """Return the nights of [first, first + count) of every unit, and the sessions of those days."""
    days = tuple(first + timedelta(days=n) for n in range(count))
    until = first + timedelta(days=count)
    rows = db.session.execute(
        sa.select(UnitRow.id, UnitRow.name, UnitRow.offer_id, OfferRow.slug, OfferRow.texts)
        .join(OfferRow, OfferRow.id == UnitRow.offer_id)
        .where(UnitRow.position >= 0)  # those below were given up, and are kept for the books
        .order_by(OfferRow.position, OfferRow.id, UnitRow.position)
    ).all()
    taken = _taken(first, until, now=now)
    names = guest_names(row.person_id for row in taken)
    today = now.astimezone(catalogue.venue.zone).date()
    runs: defaultdict[int, list[Run]] = defaultdict(list)
    for row in taken:
        runs[row.unit_id].append(_run(row, names, first, until, today))
    groups = []
    for (offer_id, slug), of_it in groupby(rows, key=lambda row: (row.offer_id, row.slug)):
        found = list(of_it)
        made = (
            Row(row.id, row.name, tuple(_with_gaps(runs[row.id], first, until))) for row in found
        )
        groups.append(Group(offer_id, slug, found[0].texts, tuple(made)))
    return Board(days, tuple(groups), _lanes(catalogue, days), frozenset(names))


def _taken(first: date, until: date, *, now: datetime) -> Sequence[sa.Row[Any]]:
    """Return who has which unit from when to when within the board, with one statement."""
    span = (
        sa.select(
            Seating.unit_id,
            Seating.line_id,
            Seating.block_id,
            sa.func.min(Seating.night).label("first"),
            sa.func.max(Seating.night).label("last"),
        )
        # The units are few; naming them lets the search begin with the key's first column.
        .where(
            Seating.unit_id.in_(sa.select(UnitRow.id)),
            Seating.night >= first,
            Seating.night < until,
        )
        .group_by(Seating.unit_id, Seating.line_id, Seating.block_id)
        .subquery("span")
    )
    line = ReservationLine
    query = (
        sa.select(
            span,
            line.arrive,
            line.depart,
            line.pinned,
            line.arrived_at,
            line.left_at,
            line.no_show_at,
            Reservation.reference,
            Reservation.person_id,
            Reservation.status,
            Block.first.label("block_first"),
            Block.until.label("block_until"),
            Block.reason,
        )
        .outerjoin(line, line.id == span.c.line_id)
        .outerjoin(Reservation, Reservation.id == line.reservation_id)
        .outerjoin(Block, Block.id == span.c.block_id)
        .where(
            # A hold whose time has passed has nothing any more, though nobody tidied up yet.
            sa.or_(
                span.c.block_id.is_not(None),
                Reservation.status == CONFIRMED,
                sa.and_(Reservation.status == HELD, Reservation.held_until > now),
            )
        )
        .order_by(span.c.unit_id, span.c.first)
    )
    return db.session.execute(query).all()


def _run(row: sa.Row[Any], names: dict[str, str], first: date, until: date, today: date) -> Run:
    end = row.last + ONE_NIGHT
    if row.block_id is not None:
        return Run(
            BLOCK, row.first, end, row.block_id, "", "", row.reason, False,
            row.block_first < first, row.block_until > until,
        )  # fmt: skip
    return Run(
        STAY, row.first, end, row.line_id, names.get(row.person_id, ""), row.reference,
        state_of(row, today), row.pinned, row.arrive < first, row.depart > until,
    )  # fmt: skip


def state_of(row: Any, today: date) -> str:
    """Return how a stay stands: a key of `board_words.STATES`."""
    if row.status == HELD:
        return "held"
    if row.no_show_at is not None:
        return "no_show"
    if row.left_at is not None:
        return "left"
    if row.arrived_at is not None:
        return "here"
    if row.depart <= today:
        return "over"
    return "due" if row.arrive <= today else "firm"


def _with_gaps(runs: Sequence[Run], first: date, until: date) -> Iterator[Run]:
    """Yield the runs of a row in order, and the free nights between them."""
    at = first
    for run in runs:
        if run.first > at:
            yield _free(at, run.first)
        yield run
        at = run.until
    if at < until:
        yield _free(at, until)


def _free(first: date, until: date) -> Run:
    return Run(FREE, first, until, 0, "", "", "", False, False, False)


# -- Sessions -------------------------------------------------------------------------------


def _lanes(catalogue: Catalogue, days: Sequence[date]) -> tuple[Lane, ...]:
    if not catalogue.sessions:
        return ()
    zone = catalogue.venue.zone
    places = db.session.execute(
        sa.select(SessionPlaces.offer_id, SessionPlaces.starts_at, SessionPlaces.taken).where(
            SessionPlaces.offer_id.in_([offer.id for offer in catalogue.sessions]),
            SessionPlaces.starts_at >= datetime.combine(days[0], time.min, zone),
            SessionPlaces.starts_at < datetime.combine(days[-1] + ONE_NIGHT, time.min, zone),
        )
    )
    taken = {(offer_id, starts_at): count for offer_id, starts_at, count in places}
    lanes = []
    for offer in catalogue.sessions:
        by_day: defaultdict[date, list[Start]] = defaultdict(list)
        for one in offer.schedule.occurrences(days[0], days[-1]):
            seats = taken.pop((offer.id, one.starts_at), 0)
            by_day[one.local.date()].append(Start(one.starts_at, seats, offer.seats))
        # Who has seats still comes, though the timetable may have changed since.
        for (offer_id, starts_at), count in sorted(taken.items()):
            if offer_id == offer.id and count:
                day = starts_at.astimezone(zone).date()
                by_day[day].append(Start(starts_at, count, offer.seats))
        lanes.append(Lane(offer.id, offer.texts, tuple(tuple(by_day[day]) for day in days)))
    return tuple(lanes)


class Party(NamedTuple):
    """Who comes to a session."""

    line_id: int
    person_id: str | None
    guest: str
    reference: str
    adults: int
    children: int
    held: bool


def parties(offer_id: int, starts_at: datetime, *, now: datetime) -> list[Party]:
    """Return who comes to a session."""
    line = ReservationLine
    rows = db.session.execute(
        sa.select(
            line.id, Reservation.person_id, Reservation.reference, line.adults, line.children,
            Reservation.status,
        )
        .join(Reservation, Reservation.id == line.reservation_id)
        .where(
            line.kind == "session",
            line.offer_id == offer_id,
            line.starts_at == starts_at,
            sa.or_(
                Reservation.status == CONFIRMED,
                sa.and_(Reservation.status == HELD, Reservation.held_until > now),
            ),
        )
        .order_by(line.id)
    ).all()  # fmt: skip
    names = guest_names(row.person_id for row in rows)
    return [
        Party(
            row.id, row.person_id, names.get(row.person_id, ""), row.reference, row.adults,
            row.children, row.status == HELD,
        )
        for row in rows
    ]  # fmt: skip


# -- Units ----------------------------------------------------------------------------------


def units() -> list[tuple[int, str, int, Mapping[str, Mapping[str, str]]]]:
    """Return every unit in the board's order: (id, name, offer's id, offer's texts)."""
    rows = db.session.execute(
        sa.select(UnitRow.id, UnitRow.name, OfferRow.id, OfferRow.texts)
        .join(OfferRow, OfferRow.id == UnitRow.offer_id)
        .where(UnitRow.position >= 0)  # those below were given up, and are kept for the books
        .order_by(OfferRow.position, OfferRow.id, UnitRow.position)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]
