"""What the owner's page of partners' calendars shows: each with its health, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from babel.dates import format_timedelta

from app.booking.catalogue import text
from app.booking.feeds_conflicts import InTheWay, in_the_way
from app.booking.models import ECHO, OPEN, Feed, FeedConflict, OfferRow, UnitRow
from app.core.database import db
from app.core.languages import N_, current_locale, gettext, ngettext
from app.owner import needs

FAILING_AFTER = 3  # tries in a row, or no try for so long:
SILENT_AFTER = timedelta(hours=3)

_FAULTS = {
    "address": N_("Its address can’t be read any more. Please enter it again."),
    "inside": N_("Its address leads to a private network. Only public addresses are fetched."),
    "unreachable": N_("Its server doesn’t answer."),
    "certificate": N_("Its server couldn’t prove who it is: its certificate isn’t good."),
    "slow": N_("Its server took too long."),
    "redirects": N_("Its address leads on and on to others."),
    "big": N_("It is far too big for a calendar."),
    "packed": N_("Its server sent something packed that we didn’t ask for."),
    "cut": N_("It ended in the middle. Nothing of it was used."),
    "garbage": N_("What came isn’t a calendar."),
    "many": N_("It has more events than anybody could follow."),
    "rule": N_("One of its events repeats in a way that can’t be followed."),
    "dates": N_("One of its events has dates that can’t be read."),
}
"""Why a calendar couldn't be used, by the code of it. What it kept before, it goes on keeping."""


@dataclass(frozen=True, slots=True)
class Row:
    """One calendar as the list and its own page show it."""

    feed: Feed
    what: str
    is_failing: bool
    conflicts: list[FeedConflict]
    echoes: list[FeedConflict]
    stays: dict[int, list[InTheWay]]

    def fault(self) -> str:
        """Return why it couldn't be used the last time, in words; "" where it could."""
        code = self.feed.fault
        if code.startswith("status "):
            return gettext("Its server says no: %(status)s.", status=code.removeprefix("status "))
        return gettext(_FAULTS[code]) if code in _FAULTS else code

    def change(self) -> str:
        """Return what the last change was, in words; "" where there was none."""
        parts = []
        if self.feed.blocked:
            parts.append(
                ngettext(
                    "%(num)d night was blocked", "%(num)d nights were blocked", self.feed.blocked
                )
            )
        if self.feed.released:
            parts.append(
                ngettext(
                    "%(num)d night was given back",
                    "%(num)d nights were given back",
                    self.feed.released,
                )
            )
        return gettext(", ").join(parts)


def rows(*, now: datetime, feed_id: int | None = None) -> list[Row]:
    """Return the calendars, or the one of a number, in the order of what they are of."""
    query = (
        sa.select(Feed, OfferRow.texts, UnitRow.name)
        .join(OfferRow, OfferRow.id == Feed.offer_id)
        .outerjoin(UnitRow, UnitRow.id == Feed.unit_id)
        .order_by(OfferRow.position, OfferRow.id, UnitRow.position, Feed.channel)
    )
    query = query if feed_id is None else query.where(Feed.id == feed_id)
    found = db.session.execute(query).all()
    conflicts = _conflicts([row.Feed.id for row in found])
    stays = in_the_way([one for one in conflicts if one.state == OPEN])
    return [
        Row(
            feed=feed,
            what=name_of(texts, unit),
            is_failing=is_failing(feed, now=now),
            conflicts=[one for one in conflicts if one.feed_id == feed.id and one.state == OPEN],
            echoes=[one for one in conflicts if one.feed_id == feed.id and one.state == ECHO],
            stays=stays,
        )
        for feed, texts, unit in found
    ]


def _conflicts(feed_ids: Sequence[int]) -> list[FeedConflict]:
    query = sa.select(FeedConflict).where(FeedConflict.feed_id.in_(feed_ids))
    return list(db.session.scalars(query.order_by(FeedConflict.first, FeedConflict.id)))


def name_of(texts: Any, unit: str | None) -> str:
    """Return what a calendar is of."""
    name = text(texts, "name")
    return gettext(": ").join((name, unit)) if unit else name


def is_failing(feed: Feed, *, now: datetime) -> bool:
    """Whether somebody should look after a calendar that comes in."""
    if feed.in_address is None:
        return False
    silent = feed.next_at is not None and feed.next_at < now - SILENT_AFTER
    return feed.failures >= FAILING_AFTER or silent


def age(at: datetime, *, now: datetime) -> str:
    """Return how long ago something was, such as “5 minutes ago”."""
    return format_timedelta(at - now, add_direction=True, locale=current_locale())


@dataclass(frozen=True, slots=True)
class Health:
    """All calendars at a glance, for the page of the system."""

    number: int
    failing: int
    conflicts: int
    oldest_good: datetime | None


def health(*, now: datetime) -> Health:
    """Return how the calendars stand that come in: one statement."""
    coming = Feed.in_address.is_not(None)
    row = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(_failing(now)),
            sa.func.min(Feed.good_at),
            sa.select(sa.func.count())
            .select_from(FeedConflict)
            .where(FeedConflict.state == OPEN)
            .scalar_subquery(),
        )
        .select_from(Feed)
        .where(coming)
    ).one()
    return Health(row[0], row[1], row[3], row[2])


def _failing(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        Feed.in_address.is_not(None),
        sa.or_(Feed.failures >= FAILING_AFTER, Feed.next_at < now - SILENT_AFTER),
    )


needs.register(
    "feed-conflicts",
    lambda number: ngettext(
        "A partner’s calendar has a room on nights that somebody booked here.",
        "Partners’ calendars have rooms on nights that somebody booked here: %(num)d times.",
        number,
    ),
    "owner.feeds",
    count=lambda _now: (
        sa.select(sa.func.count()).select_from(FeedConflict).where(FeedConflict.state == OPEN)
    ),
)
needs.register(
    "feeds-failing",
    lambda number: ngettext(
        "A partner’s calendar can’t be fetched.",
        "%(num)d partners’ calendars can’t be fetched.",
        number,
    ),
    "owner.feeds",
    count=lambda now: sa.select(sa.func.count()).select_from(Feed).where(_failing(now)),
)


def today_of(zone: Any, *, now: datetime) -> date:
    """Return the day it is at the place."""
    return now.astimezone(zone).date()
