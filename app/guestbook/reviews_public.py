"""What everybody reads of reviews: the copies beside which a yes of that name counts now.

The yes is joined in, not remembered: with it ended nothing is found, whatever copies there
were. A kept page notes the statement (`booking.reads`) and is made anew once it answers
something else.
"""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from app.accounts.models import Restriction
from app.booking.reads import Rows, read
from app.consent.models import PersonPermission
from app.core.database import UtcDateTime, db, table
from app.core.datamap import Purpose
from app.guestbook.reviews import Item
from app.guestbook.reviews_house import Decided, parsed
from app.guestbook.reviews_models import DECLINED, WAITING, WITHDRAWN, PublicReview, Review

PAGE_SIZE = 20
ON_OFFER = 3

_public, _review = table(PublicReview), table(Review)
_yes, _no = table(PersonPermission), table(Restriction)

_counts_now = sa.and_(
    _yes.c.person_id == _public.c.person_id,
    _yes.c.purpose == Purpose.PUBLIC.value,
    _yes.c.recipient == _public.c.recipient,
    _yes.c.ended_at.is_(None),
)
_left_alone = sa.exists().where(
    _no.c.person_id == _public.c.person_id,
    _no.c.purpose.in_((Purpose.PUBLIC.value, Purpose.RESERVATION.value)),
    _no.c.ended_at.is_(None),
)
_columns = (_public.c.item, _public.c.answer)
_SHOWN = (
    sa.select(*_columns)
    .join(_yes, _counts_now)
    .where(
        ~_left_alone,
        _public.c.published_at <= sa.bindparam("now", type_=UtcDateTime()),
    )
    .order_by(_public.c.published_at.desc(), _public.c.review_id.desc())
)
_OF_OFFER = _SHOWN.where(_public.c.offer_id == sa.bindparam("offer_id", type_=sa.Integer()))
_FEW = _OF_OFFER.limit(ON_OFFER + 1)


class Shown(NamedTuple):
    """A review as it stands on a page, and the house's answer below it."""

    item: Item
    answer: str


def of_offer(offer_id: int, *, now: datetime) -> tuple[list[Shown], bool]:
    """Return the latest reviews of an offer, and whether there are more. One statement."""
    found = _as_shown(read(_FEW, {"offer_id": offer_id}, now=now))
    return found[:ON_OFFER], len(found) > ON_OFFER


def page_of(page: int, offer_id: int | None, *, now: datetime) -> tuple[list[Shown], bool]:
    """Return one page of reviews, the latest first, and whether more follow; `page` from 1."""
    query = _SHOWN if offer_id is None else _OF_OFFER
    values: dict[str, Any] = {} if offer_id is None else {"offer_id": offer_id}
    query = query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)
    found = _as_shown(read(query, values, now=now))
    return found[:PAGE_SIZE], len(found) > PAGE_SIZE


def by_key(key: str, *, now: datetime) -> Shown | None:
    """Return the review at an address, as long as it is shown."""
    query = _SHOWN.join(_review, _review.c.id == _public.c.review_id).where(_review.c.key == key)
    return next(iter(_as_shown(read(query, {}, now=now))), None)


def was_there(key: str) -> bool:
    """Whether there was a review at an address that its guest, or the house, took away."""
    query = sa.select(Review.id).where(Review.key == key, Review.state.in_((WITHDRAWN, DECLINED)))
    return db.session.scalar(query) is not None


def decided() -> Decided:
    """Return how many reviews are shown, wait, and were declined. Two statements."""
    states = sa.select(Review.state, sa.func.count()).where(Review.state.in_((WAITING, DECLINED)))
    found = {row[0]: int(row[1]) for row in db.session.execute(states.group_by(Review.state))}
    return Decided(how_many(), found.get(WAITING, 0), found.get(DECLINED, 0))


def how_many() -> int:
    """Return how many reviews are shown. One statement."""
    shown = sa.select(sa.func.count()).select_from(_public.join(_yes, _counts_now))
    return int(db.session.scalar(shown.where(~_left_alone)) or 0)


def _as_shown(rows: Rows) -> list[Shown]:
    items = ((parsed(item), answer) for item, answer in rows)
    return [Shown(item, answer or "") for item, answer in items if item is not None]
