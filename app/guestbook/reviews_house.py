"""The house's side of reviews: to show one as it was agreed to, or not, and to answer below it.

It can't change a word of one: what is shown is the item that its guest agreed to, proved by
its digest, and only while they do.
"""

import json
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.consent.permissions_live import NotPermitted, demand
from app.core import withdrawals
from app.core.database import db
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import N_
from app.guestbook.reviews import FORGOTTEN, Item, recipient_of
from app.guestbook.reviews_models import DECLINED, SHOWN, WAITING, PublicReview, Review

BECAUSE = {
    "others": N_("It tells something of others who didn’t agree to that."),
    "insults": N_("It insults somebody."),
    "elsewhere": N_("It is about something else than the stay."),
    "law": N_("The law doesn’t let us show it."),
}
"""Why the house may decline to show a review; that it doesn't praise is no reason."""
PAGE_SIZE = 25


class NotWaiting(DomainError):
    """It was decided already, or taken back."""

    message = N_("This review isn’t waiting any more. Its guest may have taken it back.")


class NotShown(DomainError):
    """Nothing of it is public."""

    message = N_("This review isn’t shown, so there is nothing to answer.")


class Decided(NamedTuple):
    """How many reviews stand how, for everybody to see: nothing is left out in silence."""

    shown: int
    waiting: int
    declined: int


def publish(review_id: int, *, now: datetime) -> PublicReview:
    """Let everybody read an item, exactly as its guest agreed to it. The caller commits.

    Raises NotWaiting, NotPermitted, and PersonUnknown for somebody who was erased.
    """
    review = _lock(review_id)
    if review.state not in (WAITING, DECLINED) or review.recipient is None:
        raise NotWaiting
    yes = demand([review.person_id], Purpose.PUBLIC, recipient=review.recipient)
    agreed = review.agreed or ""
    if recipient_of(agreed) != yes.recipient:
        raise NotPermitted  # somebody changed what was agreed to
    shown = PublicReview(
        review_id=review.id,
        person_id=yes.person_id,
        offer_id=review.offer_id,
        recipient=yes.recipient,
        published_at=now,
        item=agreed,
    )
    db.session.add(shown)
    _note(review, now=now, lifted=True)
    review.state, review.decided_at, review.because = SHOWN, now, None
    db.session.flush()
    return shown


def decline(review_id: int, because: str, *, now: datetime) -> None:
    """Don't show a review, or no longer, and say why to its guest. The caller commits.

    `because` is one of BECAUSE. Raises NotWaiting.
    """
    review = _lock(review_id)
    if review.state not in (WAITING, SHOWN):
        raise NotWaiting
    _decline(review, because, now=now)
    _note(review, now=now)
    db.session.flush()


def _decline(review: Review, because: str, *, now: datetime) -> None:
    db.session.execute(sa.delete(PublicReview).where(PublicReview.review_id == review.id))
    review.state, review.because, review.decided_at = DECLINED, because, now


def _note(review: Review, *, now: datetime, lifted: bool = False) -> None:
    """Note that the house declined these very words, or shows them after all."""
    if review.because is not None and review.recipient is not None:
        declined = (review.key, review.recipient, review.because)
        withdrawals.note(withdrawals.REVIEW, [declined], now=now, lifted=lifted)


@withdrawals.carries_out(withdrawals.REVIEW)
def _decide_again(wanted: withdrawals.Wanted) -> None:
    for review in db.session.scalars(sa.select(Review)).all():
        if wanted.since(review.key, FORGOTTEN) is not None:
            db.session.execute(sa.delete(PublicReview).where(PublicReview.review_id == review.id))
            db.session.delete(review)
            continue
        for because in BECAUSE:
            at = wanted.since(review.key, review.recipient or "", because)
            if at is not None:
                _decline(review, because, now=at)


def answer(review_id: int, words: str, *, now: datetime) -> None:
    """Put the house's answer below a review that is shown; none takes it away. Caller commits.

    Raises NotShown.
    """
    shown = db.session.get(PublicReview, review_id, with_for_update=True, populate_existing=True)
    if shown is None:
        raise NotShown
    shown.answer, shown.answered_at = (words or None), (now if words else None)
    db.session.flush()


def _lock(review_id: int) -> Review:
    review = db.session.get(Review, review_id, with_for_update=True, populate_existing=True)
    if review is None:
        raise NotWaiting
    return review


# -- Lists ------------------------------------------------------------------------------------


def in_state(state: str, page: int) -> tuple[list[Review], bool]:
    """Return a page of the reviews that stand so, and whether more follow; `page` from 1.

    Those that wait come in the order in which they came, the others the latest first.
    """
    order = Review.agreed_at if state == WAITING else Review.decided_at.desc()
    query = (
        sa.select(Review)
        .where(Review.state == state)
        .options(selectinload(Review.line))
        .order_by(order, Review.id)
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    )
    found = list(db.session.scalars(query))
    return found[:PAGE_SIZE], len(found) > PAGE_SIZE


def answers_of(review_ids: list[int]) -> dict[int, str]:
    """Return the house's answers below these reviews."""
    query = sa.select(PublicReview.review_id, PublicReview.answer).where(
        PublicReview.review_id.in_(review_ids), PublicReview.answer.is_not(None)
    )
    return {row.review_id: str(row.answer) for row in db.session.execute(query)}


def parsed(kept: str | None) -> Item | None:
    """Return the item of a canonical text; None for what isn't one."""
    try:
        return Item(**json.loads(kept or ""))
    except (TypeError, ValueError):
        return None
