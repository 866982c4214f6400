"""Requests about one's own data, and their clocks: none can be forgotten (C26).

What somebody does by themselves (a download, a correction) is a request that the site
answered at once; whatever else they ask, the house answers, by the day that the law names.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time

import sqlalchemy as sa

from app.booking.models import VenueRow
from app.booking.shop import zone_here
from app.core.database import db, table
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.outbox import enqueue
from app.privacy import clocks
from app.privacy.models import PrivacyRequest

MOST_OPEN = 10

RECEIVED, ANSWERED, REFUSED, EXTENDED = "received", "answered", "refused", "extended"
"""What a person is told by mail."""
MAIL_TO_PERSON, MAIL_TO_HOUSE = "privacy.request-mail", "privacy.request-house"

SOON, LAST = 7, 1
"""The house is reminded so many days before a request's term."""
_venue = table(VenueRow)


class AnsweredAlready(DomainError):
    """Somebody else of the house, or another tab, was quicker."""

    message = N_("This request was answered meanwhile.")


class NoMoreTime(DomainError):
    """That law knows no second term."""

    message = N_("The law whose clock runs here gives no more time.")


class ExtendedAlready(DomainError):
    """The term was extended before."""

    message = N_("The term was extended once, and the law gives no more time.")


class TooLateToExtend(DomainError):
    """The first term is over."""

    message = N_("The first term ended on %(day)s. It could only be extended before that.")


class NotThenYet(DomainError):
    """A letter can't have come tomorrow, and one that came long ago was answered."""

    message = N_("Please give the day on which it came: today, or in the year before.")


class TooManyOpen(DomainError):
    """Somebody, or a program of theirs, presses a button again and again."""

    message = N_("You have asked a lot already, and we are at it. Please wait for our answer.")


# -- Where and when -------------------------------------------------------------------------


def day_here(now: datetime) -> date:
    """Return the day by the calendar of the place, by which clocks run."""
    return now.astimezone(zone_here()).date()


def law_here() -> str:
    """Return whose clock the house keeps: a key of `clocks.CLOCKS`."""
    return str(db.session.scalar(sa.select(_venue.c.rights_law)) or clocks.GDPR)


def term_of(request: PrivacyRequest) -> date:
    """Return the last day on which a request is answered in time."""
    return request.extended_to or request.due_on


def days_left(request: PrivacyRequest, *, now: datetime) -> int:
    """Return how many days are left after today; less than none once it is overdue."""
    return (term_of(request) - day_here(now)).days


# -- Asking ---------------------------------------------------------------------------------


def ask(person_ids: Collection[str], kind: str, words: str, *, now: datetime) -> PrivacyRequest:
    """Write down what somebody asks by the form; the first person is who they are here.

    The caller commits. Raises TooManyOpen.
    """
    still_open = [one for one in of_persons(person_ids) if one.answered_at is None]
    if len(still_open) >= MOST_OPEN:
        raise TooManyOpen
    return record(next(iter(person_ids)), kind, words=words, now=now)


def record(
    person_id: str,
    kind: str,
    *,
    now: datetime,
    by_itself: bool = False,
    words: str = "",
    came_on: date | None = None,
) -> PrivacyRequest:
    """Write a request down, start its clock, and have it confirmed by mail. The caller commits.

    `by_itself`: the site has done already what was asked; that is the answer, without a
    mail. `came_on`: the day on which it came to the house by letter or telephone; its clock
    runs from then. Raises NotThenYet.
    """
    law, today = law_here(), day_here(now)
    on = came_on or today
    if not 0 <= (today - on).days <= 365:
        raise NotThenYet
    made_at = now if on == today else datetime.combine(on, time.min, zone_here())
    request = PrivacyRequest(
        person_id=person_id,
        kind=kind,
        law=law,
        by_itself=by_itself,
        made_at=made_at,
        due_on=clocks.due_on(law, on),
        answered_at=now if by_itself else None,
        granted=True if by_itself else None,
    )
    request.words = words or None
    db.session.add(request)
    db.session.flush()
    if not by_itself:
        _tell(request, RECEIVED, now=now)
    return request


# -- Answering ------------------------------------------------------------------------------


def answered(
    request: PrivacyRequest,
    *,
    now: datetime,
    words: str = "",
    granted: bool = True,
    by_itself: bool = False,
) -> None:
    """Close a request with the house's answer, and mail it. The caller commits.

    A refusal says why in its words; how to complain is added where it is shown.
    `by_itself`: the site did it, and tells of it in its own way: no mail from here.
    Raises AnsweredAlready.
    """
    if request.answered_at is not None:
        raise AnsweredAlready
    _say(request, words)
    request.answered_at, request.granted = now, granted
    request.by_itself = by_itself
    db.session.flush()
    if not by_itself:
        _tell(request, ANSWERED if granted else REFUSED, now=now)


def extend(request: PrivacyRequest, reason: str, *, now: datetime) -> None:
    """Take the second term, once, within the first one, and tell the person why.

    The caller commits. Raises AnsweredAlready, ExtendedAlready, TooLateToExtend, NoMoreTime.
    """
    if request.answered_at is not None:
        raise AnsweredAlready
    if request.extended_at is not None:
        raise ExtendedAlready
    later = clocks.extended_to(request.law, day_here(request.made_at))
    if later is None:
        raise NoMoreTime
    if day_here(now) > request.due_on:
        raise TooLateToExtend(day=request.due_on)
    _say(request, reason)
    request.extended_at, request.extended_to = now, later
    # Of the new term the house is reminded anew.
    request.reminded = min(request.reminded, _NEW)
    db.session.flush()
    _tell(request, EXTENDED, now=now)


def may_extend(request: PrivacyRequest, *, now: datetime) -> bool:
    """Say whether there is a second term to be had today."""
    return (
        request.answered_at is None
        and request.extended_at is None
        and clocks.clock_of(request.law).extended is not None
        and day_here(now) <= request.due_on
    )


def _say(request: PrivacyRequest, words: str) -> None:
    # An erased person's request stays as a number, and nothing can be sealed for them.
    if words and request.person_id is not None:
        request.answer = "\n\n".join(filter(None, (request.answer, words)))


def _tell(request: PrivacyRequest, what: str, *, now: datetime) -> None:
    if request.person_id is not None:
        enqueue(MAIL_TO_PERSON, {"request_id": request.id, "what": what}, now=now)


# -- Reading --------------------------------------------------------------------------------


def of_persons(person_ids: Collection[str]) -> Sequence[PrivacyRequest]:
    """Return what these persons asked, newest first."""
    query = sa.select(PrivacyRequest).where(PrivacyRequest.person_id.in_(person_ids))
    return db.session.scalars(query.order_by(PrivacyRequest.id.desc())).all()


def by_number(request_id: int, *, to_write: bool = False) -> PrivacyRequest | None:
    """Return a request; locked and fresh where it is going to be changed."""
    query = sa.select(PrivacyRequest).where(PrivacyRequest.id == request_id)
    if to_write:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.scalar(query)


def waiting() -> Sequence[PrivacyRequest]:
    """Return what the house hasn't answered, the nearest clock first."""
    term = sa.func.coalesce(PrivacyRequest.extended_to, PrivacyRequest.due_on)
    query = sa.select(PrivacyRequest).where(PrivacyRequest.answered_at.is_(None))
    return db.session.scalars(query.order_by(term, PrivacyRequest.id)).all()


def closed(most: int) -> Sequence[PrivacyRequest]:
    """Return the newest of those that the house itself answered."""
    query = sa.select(PrivacyRequest).where(
        PrivacyRequest.answered_at.is_not(None), ~PrivacyRequest.by_itself
    )
    return db.session.scalars(query.order_by(PrivacyRequest.answered_at.desc()).limit(most)).all()


# -- Reminding the house --------------------------------------------------------------------

_NEW, _SOON, _LAST = 1, 2, 3


def _step(left: int) -> int:
    """Return how far the house has to have been reminded with so many days left."""
    if left < 0:
        return _LAST - left  # once a day
    return _LAST if left <= LAST else _SOON if left <= SOON else _NEW


def remind(now: datetime) -> None:
    """Have the house mailed of each request that is new, nears its term, or is over it. Commits.

    Each step once, however often this runs; nobody's name is in the mail. Where whoever
    asked was erased since, there is nobody left to answer, and nothing to answer about.
    """
    db.session.execute(
        sa.update(PrivacyRequest)
        .where(PrivacyRequest.person_id.is_(None), PrivacyRequest.answered_at.is_(None))
        .values(answered_at=now, granted=True, by_itself=True)
    )
    for request in waiting():
        step = _step(days_left(request, now=now))
        # What the site does by itself is the house's to know once its term is near.
        if step > (max(request.reminded, _NEW) if request.by_itself else request.reminded):
            request.reminded = step
            enqueue(MAIL_TO_HOUSE, {"request_id": request.id}, now=now)
    db.session.commit()
