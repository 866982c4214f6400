"""What guests answered after their stays: averages in which nobody can be found, and texts.

A group of fewer than five answers is never shown. Where the groups left out have fewer than
five answers together, the smallest of the others is left out too: it could be had by taking
the rest from the whole. How many answered is rounded down to the next five, and averages are of
so many, those that came first: who looks before and after one answer sees the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from app.accounts.models import Account
from app.accounts.readings import SURVEY, note
from app.booking.models import ReservationLine
from app.core import audit
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import PersonUnknown
from app.guestbook.models import Survey
from app.guestbook.surveys import agreed
from app.owner.masking import refuse_hidden
from app.owner.visits import LEAST

QUESTIONS = ("overall", "room", "welcome", "value", "again")
MONTHS = 12
PAGE_SIZE = 25

Key = TypeVar("Key")
Values = Mapping[Key, Sequence[int]]


class TextGone(DomainError):
    """Erased with the person, or taken back by them."""

    message = N_("This text is gone: whoever wrote it took it back, or has been erased.")


@dataclass(frozen=True, slots=True)
class Bar:
    """A group's average, and of how many answers it is; None where they are too few."""

    average: Fraction | None
    least: int


@dataclass(frozen=True, slots=True)
class Results:
    """What was answered in a year: by question, and one question by month and by offer."""

    sent: int
    answered: int | None  # rounded down; None: too few to say
    questions: dict[str, Bar]
    months: dict[date, Bar]
    offers: dict[int, Bar]
    labels: dict[int, dict[str, str]]


def results(question: str, zone: ZoneInfo, *, now: datetime) -> Results:
    """Return what was answered to surveys of the last twelve months. Three statements."""
    today = now.astimezone(zone).date()
    first = _months_back(today.replace(day=1), MONTHS - 1)
    since = datetime(first.year, first.month, 1, tzinfo=zone)
    sent = db.session.scalar(
        sa.select(sa.func.count()).select_from(Survey).where(Survey.sent_at >= since)
    )
    columns = [getattr(Survey, name) for name in QUESTIONS]
    rows = db.session.execute(
        sa.select(Survey.reservation_id, Survey.sent_at, *columns)
        .where(Survey.sent_at >= since, Survey.answered_at.is_not(None))
        .order_by(Survey.answered_at, Survey.id)
    ).all()
    by_month: dict[date, list[int]] = defaultdict(list)
    of_reservation: dict[int, int] = {}
    by_question: dict[str, list[int]] = {name: [] for name in QUESTIONS}
    for row in rows:
        for name in QUESTIONS:
            if (value := getattr(row, name)) is not None:
                by_question[name].append(int(value))
        value = getattr(row, question)
        if value is not None:
            # It was asked on the day after: the month is that of the end.
            ended = row.sent_at.astimezone(zone).date() - timedelta(days=1)
            by_month[ended.replace(day=1)].append(int(value))
            of_reservation[row.reservation_id] = int(value)
    by_offer, labels = _by_offer(of_reservation, since)
    return Results(
        sent=sent or 0,
        answered=_rounded(len(rows)),
        # Each question stands for itself: what one leaves out can't be had from another.
        questions={name: _bar(values) for name, values in by_question.items()},
        months=_bars(by_month),
        offers=_bars(by_offer),
        labels=labels,
    )


def _months_back(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def _by_offer(
    values: dict[int, int], since: datetime
) -> tuple[dict[int, list[int]], dict[int, dict[str, str]]]:
    line = ReservationLine
    query = (
        sa.select(line.reservation_id, line.offer_id, line.label)
        .join(Survey, Survey.reservation_id == line.reservation_id)
        .where(
            Survey.sent_at >= since,
            Survey.answered_at.is_not(None),
            line.kind.in_(("stay", "session")),
        )
        .order_by(Survey.answered_at, Survey.id, line.id)
    )
    groups: dict[int, list[int]] = defaultdict(list)
    labels: dict[int, dict[str, str]] = {}
    seen: set[tuple[int, int]] = set()
    for reservation_id, offer_id, label in db.session.execute(query):
        pair = (reservation_id, offer_id)
        if offer_id is None or reservation_id not in values or pair in seen:
            continue
        seen.add(pair)
        groups[offer_id].append(values[reservation_id])
        labels[offer_id] = label
    return groups, labels


def _bars(groups: Values[Key]) -> dict[Key, Bar]:
    """Return each group's bar; of the small ones only that they are there."""
    hidden = hide([(key, len(values)) for key, values in groups.items()])
    return {key: Bar(None, 0) if key in hidden else _bar(values) for key, values in groups.items()}


def hide(sizes: Iterable[tuple[Any, int]]) -> set[Any]:
    """Return the groups that aren't shown, so that none of them can be had from the whole."""
    known = {key: size for key, size in sizes if size}
    hidden = {key for key, size in known.items() if size < LEAST}
    rest = sorted((size, str(key), key) for key, size in known.items() if key not in hidden)
    while hidden and rest and sum(known[key] for key in hidden) < LEAST:
        hidden.add(rest.pop(0)[2])
    return hidden


def _bar(values: Sequence[int]) -> Bar:
    """Return the bar of a group, whose answers are in the order in which they came."""
    if len(values) < LEAST:
        return Bar(None, 0)
    first = values[: len(values) - len(values) % LEAST]
    return Bar(Fraction(sum(first), len(first)), len(first))


def _rounded(count: int) -> int | None:
    return None if 0 < count < LEAST else count - count % LEAST


# -- Texts ------------------------------------------------------------------------------------


def texts(page: int) -> tuple[list[tuple[int, datetime]], bool]:
    """Return one page of texts, newest first, unopened: number and when; and whether more follow.

    `page` counts from 1.
    """
    query = (
        sa.select(Survey.id, Survey.sent_at)
        .where(Survey._words.is_not(None), Survey.person_id.is_not(None))
        .order_by(Survey.id.desc())
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    )
    rows = [(row.id, row.sent_at) for row in db.session.execute(query)]
    return rows[:PAGE_SIZE], len(rows) > PAGE_SIZE


def open_text(survey_id: int, *, reader: Account, now: datetime) -> str | None:
    """Return what somebody wrote, noted for them; None where there is no such survey.

    Raises TextGone, and DetailsRestricted. The caller commits before anything is shown.
    """
    query = sa.select(Survey).where(Survey.id == survey_id).options(joinedload(Survey.reservation))
    survey = db.session.scalar(query)
    if survey is None:
        return None
    person_id = survey.person_id
    if person_id is None or not agreed(person_id):
        raise TextGone
    refuse_hidden(person_id)
    try:
        words: str | None = survey.words
    except PersonUnknown as error:
        raise TextGone from error
    if not words:
        raise TextGone
    note(reader, [person_id], SURVEY, now=now)
    audit.enter(reader.id, reader.role, "survey-read", "survey", survey.id, now=now)
    return words
