"""Surveys after a stay: asked only of those who agreed, answered without an account (C20).

The yes is asked for when a stay is over, again when the mail is written, and each time the
link is opened: whoever takes it back is asked nothing from that moment on.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from hashlib import sha256
from typing import NamedTuple

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Account, Claim
from app.accounts.restrictions import restricted
from app.booking.catalogue import Venue
from app.booking.links import FIRST_LINK
from app.booking.mine import end_of
from app.booking.models import CONFIRMED, Reservation
from app.consent.models import PersonPermission
from app.consent.permissions import permitted, same_person
from app.core.database import db
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.outbox import enqueue
from app.core.tokens import digest_of_token
from app.core.vault import PersonUnknown
from app.guestbook.models import Survey

ASKED_AT = time(10)  # by the clock of the place, on the day after the end
ASKED_FOR = timedelta(days=14)  # later nobody remembers: what was kept up isn't sent any more
ANSWERED_FOR = timedelta(days=30)  # since it was sent
LONGEST = timedelta(days=100)  # from a first start to a last end
SCORES = ("overall", "room", "welcome", "value")
TOPIC = "survey-mail"
_KEY = re.compile(r"[A-Za-z0-9_-]{24}")


class SurveyOver(DomainError):
    """It can be answered no longer (ANSWERED_FOR)."""

    message = N_("This survey is over. Thank you for thinking of it.")


class LinkOver(DomainError):
    """The link is older than a survey can be answered, or never was one of ours."""

    message = N_(
        "This link doesn’t open a survey any more: each is good for %(days)d days. If yours "
        "is younger, please look whether all of it is in the address."
    )


class TakenBack(DomainError):
    """Whose stay it was doesn’t want to be asked any more, or was erased."""

    message = N_("You have taken back that we may ask you. So there is nothing to fill in here.")


class Answers(NamedTuple):
    """What was answered: 1 to 5, whether they would come again, and words; None for nothing."""

    overall: int | None
    room: int | None
    welcome: int | None
    value: int | None
    again: bool | None
    words: str | None


# -- Asking -----------------------------------------------------------------------------------


def ask_all(venue: Venue, *, now: datetime) -> int:
    """Have everybody asked whose stay is over and who agreed; return how many. Caller commits."""
    asked = 0
    for reservation in _candidates(now=now):
        if asked_from(reservation, venue) <= now and may_ask(reservation, venue, now=now):
            survey = Survey(
                reservation_id=reservation.id,
                person_id=reservation.person_id,
                key_digest=digest_of_token(key_of(reservation)),
                sent_at=now,
            )
            db.session.add(survey)
            db.session.flush()
            enqueue(TOPIC, {"survey_id": survey.id}, now=now)
            asked += 1
    return asked


def _candidates(*, now: datetime) -> Sequence[Reservation]:
    """Return begun reservations of those with a living yes, by person or account, not yet asked."""
    yes = sa.select(PersonPermission.person_id).where(
        PersonPermission.purpose == Purpose.SURVEY.value,
        PersonPermission.recipient == "",
        PersonPermission.ended_at.is_(None),
    )
    claimed = (
        sa.select(Claim.person_id)
        .join(Account, Account.id == Claim.account_id)
        .where(Account.person_id.in_(yes))
    )
    query = (
        sa.select(Reservation)
        .where(
            Reservation.person_id.in_(yes.union(claimed)),
            Reservation.status == CONFIRMED,
            Reservation.archived_at.is_(None),
            Reservation.first_start.between(now - LONGEST, now),
            ~sa.exists().where(Survey.reservation_id == Reservation.id),
        )
        .options(selectinload(Reservation.lines))
        .order_by(Reservation.id)
        .limit(200)
    )
    return db.session.scalars(query).all()


def asked_from(reservation: Reservation, venue: Venue) -> datetime:
    """Return when whose stay it is may be asked: at ten on the day after it ended."""
    last = end_of(reservation, venue).astimezone(venue.zone).date()
    return datetime.combine(last + timedelta(days=1), ASKED_AT, venue.zone)


def is_too_late(reservation: Reservation, venue: Venue, *, now: datetime) -> bool:
    """Tell whether nobody is asked about a stay any more that ended so long ago."""
    return now >= asked_from(reservation, venue) + ASKED_FOR


def may_ask(reservation: Reservation, venue: Venue, *, now: datetime) -> bool:
    """Tell whether whose stay it was may be asked about it at this moment."""
    person = reservation.person
    if person is None or person._email is None:
        return False
    came = [line for line in reservation.lines if line.takes_places]
    return (
        reservation.status == CONFIRMED
        and not is_too_late(reservation, venue, now=now)
        and not all(line.no_show_at for line in came)
        and agreed(reservation.person_id)
    )


def agreed(person_id: str | None) -> bool:
    """Tell whether a person says yes to being asked, here or in the account that has them."""
    if person_id is None:
        return False
    persons = same_person(person_id)
    return bool(permitted(persons, Purpose.SURVEY)) and not restricted(persons, Purpose.SURVEY)


# -- The link ---------------------------------------------------------------------------------


def key_of(reservation: Reservation) -> str:
    """Return the key of a reservation's survey: 144 bits that only this site can make.

    It is kept nowhere; a mail that is sent a second time after a crash has the same one. It
    ends with the guest's link, to which its page leads.
    """
    secret: bytes = current_app.extensions["settings"].secret_key
    name = f"reserved: survey link\0{reservation.id}:{reservation.reference}"
    if reservation.link_serial != FIRST_LINK:
        name += f":{reservation.link_serial}"
    proof = hmac.digest(secret, name.encode(), sha256)
    return base64.urlsafe_b64encode(proof[:18]).decode()


def looks_like_a_key(text: str) -> bool:
    """Tell whether a text has the form of a survey's key, of this site or not.

    What becomes of a key when its survey is over is forgotten with its digest; so an old
    link can only be told by its form, as one that was made up can.
    """
    return _KEY.fullmatch(text) is not None


def survey_of(key: str) -> Survey | None:
    """Return the survey that a key opens, whatever else has become of it."""
    query = (
        sa.select(Survey)
        .where(Survey.key_digest == digest_of_token(key))
        .options(joinedload(Survey.reservation).selectinload(Reservation.lines))
    )
    found: Survey | None = db.session.scalar(query)
    return found if found is not None and key_of(found.reservation) == key else None


def refuse_if_over(survey: Survey, *, now: datetime) -> None:
    """Raise TakenBack or SurveyOver where nothing can be answered any more."""
    if not agreed(survey.person_id):
        raise TakenBack
    try:
        _ = survey.words  # opens as long as the person's key is there
    except PersonUnknown as error:
        raise TakenBack from error
    if now >= survey.sent_at + ANSWERED_FOR:
        raise SurveyOver


def answer(survey: Survey, answers: Answers, *, now: datetime) -> None:
    """Keep what was answered, in the place of what was before; the caller commits.

    Raises TakenBack, SurveyOver.
    """
    refuse_if_over(survey, now=now)
    for name in (*SCORES, "again"):
        setattr(survey, name, getattr(answers, name))
    survey.words = answers.words
    said = any(value is not None and value != "" for value in answers)
    survey.answered_at = now if said else None
    db.session.flush()
