"""Totals of the visits of those who agreed to statistics, in which nobody can be found.

Three rules keep it so. A group of fewer than five is never a row: it goes into
"everything else". Where that itself is fewer than five, the smallest row joins
it, so that no row can be missed from the total. And every figure is rounded
down to the next five: what one period, day or plot has more than another is
never one person. (The same is done by official statistics, such as the British
HESA's rounding to fives.) A row knows its grant, and nothing here asks whose
that is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from app.consent.models import ActivityLine, Entry
from app.core.database import db, table

PERIODS = (30, 90, 365)  # days
LEAST = 5
"""The smallest group of people that is shown; figures are whole multiples of it."""
MOST_ROWS = 10

FUNNEL = (
    "/search",
    "/offers/<slug>",
    "/basket/<key>",
    "/checkout/<key>",
    "/reservations/<reference>",
)
"""The way from a search to a booking, by the routes of its pages."""

GIVEN, REFUSED, SIGNALLED = "given", "refused", "signalled"
_BETWEEN = " "  # no route has one

_lines, _entries = table(ActivityLine), table(Entry)


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a plot: a key, or None for everything else, and how many it stands for."""

    key: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Visits:
    """What the owner sees of a period. Counts are of visitors, but for `opened`."""

    visitors: int
    opened: int  # pages
    funnel: tuple[Bar, ...]
    pages: tuple[Bar, ...]
    clicks: tuple[Bar, ...]
    paths: tuple[Bar, ...]
    hosts: tuple[Bar, ...]
    devices: tuple[Bar, ...]
    browsers: tuple[Bar, ...]
    systems: tuple[Bar, ...]
    choices: tuple[Bar, ...]


def visits(days: int, *, now: datetime) -> Visits:
    """Return the totals of the last `days` days."""
    since = now - timedelta(days=days)
    visitors, opened = _totals(since)
    pages, clicks = _lines.c.kind == "page", _lines.c.kind == "click"
    return Visits(
        visitors=rounded(visitors),
        opened=rounded(opened) if visitors >= LEAST else 0,
        funnel=_funnel(since),
        pages=_tally(_keyed(_lines.c.what, since, pages)),
        clicks=_tally(_keyed(_lines.c.what, since, clicks)),
        paths=_tally(_paths(since)),
        hosts=_tally(_keyed(_lines.c.referring_host, since, _lines.c.referring_host != "")),
        devices=_tally(_keyed(_lines.c.device, since)),
        browsers=_tally(_keyed(_lines.c.browser, since)),
        systems=_tally(_keyed(_lines.c.system, since)),
        choices=_choices(since),
    )


def way(days: int, *, now: datetime) -> tuple[tuple[Bar, ...], tuple[Bar, ...]]:
    """Return the funnel and the answers to the cookie question alone, of the last `days` days."""
    since = now - timedelta(days=days)
    return _funnel(since), _choices(since)


def ends_of(path: str) -> tuple[str, str]:
    """Return the two routes of a path's key."""
    first, _, second = path.partition(_BETWEEN)
    return first, second


# -- What may be shown ------------------------------------------------------------------------


def rounded(count: int) -> int:
    """Return the next multiple of five below a count; 0 is said as "fewer than five"."""
    return count - count % LEAST


def shown(counts: Mapping[str, int], others: Callable[[Sequence[str]], int]) -> tuple[Bar, ...]:
    """Return the rows that may be shown of groups of people, the largest first.

    `others` counts the people of all groups but those it is given; somebody may be
    in several. Nothing is returned where no group can stand for itself.
    """
    largest = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [(key, count) for key, count in largest if count >= LEAST][:MOST_ROWS]
    rest = others([key for key, _ in rows]) if len(rows) < len(counts) else 0
    if rows and 0 < rest < LEAST:
        rows.pop()
        rest = others([key for key, _ in rows])
    if not rows:
        return ()
    bars = [Bar(key, rounded(count)) for key, count in rows]
    return (*bars, Bar(None, rounded(rest))) if rest else tuple(bars)


def steps_shown(counts: Sequence[int]) -> list[int]:
    """Return how many went each step of a way, 0 where that can't be told.

    Each step's people are among those of the step before; those who stopped between
    two steps that are told are nobody, or five at least.
    """
    told, before = [], counts[0]
    for count in counts:
        fits = count >= LEAST and (before == count or before - count >= LEAST)
        told.append(rounded(count) if fits else 0)
        before = count if fits else before
    return told


# -- Counting -------------------------------------------------------------------------------


def _totals(since: datetime) -> tuple[int, int]:
    query = sa.select(
        sa.func.count(_lines.c.grant_id.distinct()),
        sa.func.count(sa.case((_lines.c.kind == "page", 1))),
    ).where(_lines.c.at >= since)
    row = db.session.execute(query).one()
    return int(row[0]), int(row[1])


def _keyed(
    column: sa.ColumnElement[Any], since: datetime, *only: sa.ColumnElement[bool]
) -> sa.Subquery:
    """Return the lines of a period as (grant_id, key)."""
    return (
        sa.select(_lines.c.grant_id, column.label("key"))
        .where(_lines.c.at >= since, *only)
        .subquery()
    )


def _paths(since: datetime) -> sa.Subquery:
    """Return which page followed which, in one visitor's one day, as (grant_id, key)."""
    steps = (
        sa.select(
            _lines.c.grant_id,
            _lines.c.what.label("here"),
            sa.func.lag(_lines.c.what)
            .over(partition_by=(_lines.c.grant_id, sa.func.date(_lines.c.at)), order_by=_lines.c.id)
            .label("before"),
        )
        .where(_lines.c.at >= since, _lines.c.kind == "page")
        .subquery()
    )
    return (
        sa.select(steps.c.grant_id, (steps.c.before + _BETWEEN + steps.c.here).label("key"))
        .where(steps.c.before.is_not(None), steps.c.before != steps.c.here)
        .subquery()
    )


def _tally(keyed: sa.Subquery) -> tuple[Bar, ...]:
    """Return the visitors of each key, as far as they may be shown: three statements at most."""
    people = sa.func.count(keyed.c.grant_id.distinct())
    query = sa.select(keyed.c.key, people.label("people")).group_by(keyed.c.key)
    counts = {row.key: int(row.people) for row in db.session.execute(query)}

    def others(keys: Sequence[str]) -> int:
        return int(db.session.scalar(sa.select(people).where(keyed.c.key.not_in(keys))) or 0)

    return shown(counts, others)


def _funnel(since: datetime) -> tuple[Bar, ...]:
    """Return how many of those who searched opened an offer, how many of those a basket, …"""
    went = (
        sa.select(
            *(
                sa.func.max(sa.case((_lines.c.what == route, 1), else_=0)).label(f"step{number}")
                for number, route in enumerate(FUNNEL)
            )
        )
        .where(_lines.c.at >= since, _lines.c.kind == "page")
        .group_by(_lines.c.grant_id)
        .subquery()
    )
    so_far: sa.ColumnElement[int] = sa.literal(1)
    sums = []
    for number in range(len(FUNNEL)):
        so_far = so_far * went.c[f"step{number}"]
        sums.append(sa.func.coalesce(sa.func.sum(so_far), 0))
    counts = [int(count) for count in db.session.execute(sa.select(*sums)).one()]
    assert all(later <= earlier for earlier, later in pairwise(counts))
    told = steps_shown(counts)
    return tuple(Bar(route, count) for route, count in zip(FUNNEL, told, strict=True))


def _choices(since: datetime) -> tuple[Bar, ...]:
    """Return how many answers were a yes to something, a no, or a browser's signal.

    From the receipts whose words are kept: their state stands in canonical JSON, where
    the event's is the only one that "until" follows.
    """
    state = sa.case(
        (_entries.c.body.contains('"expressed_by":"signal"'), SIGNALLED),
        (_entries.c.body.contains('"state":"given","until":'), GIVEN),
        else_=REFUSED,
    )
    query = (
        sa.select(state.label("state"), sa.func.count().label("people"))
        .where(_entries.c.at >= since, _entries.c.body.is_not(None))
        .group_by(state)
    )
    counts = {row.state: int(row.people) for row in db.session.execute(query)}
    return shown(counts, lambda keys: sum(n for key, n in counts.items() if key not in keys))
