"""The worker's side of surveys: who is to be asked, and the mail that asks."""

from datetime import datetime
from typing import Any

from flask import current_app, url_for

from app.accounts.disclosures import MAIL_ABOUT_BOOKING
from app.accounts.mailing import post
from app.booking.mails import compose
from app.booking.models import Reservation
from app.booking.shop import NothingOnOffer, shop
from app.core.database import db
from app.core.outbox import handles
from app.core.vault import PersonUnknown
from app.core.worker import every_minute
from app.guestbook import surveys
from app.guestbook.models import Survey
from app.web.pages import settings


@every_minute
def ask_after_stays(now: datetime) -> None:
    """Have those asked whose stay is over."""
    try:
        venue = shop().venue
    except NothingOnOffer:
        return
    surveys.ask_all(venue, now=now)
    db.session.commit()


@handles(surveys.TOPIC)
def send_survey(payload: dict[str, Any], now: datetime) -> None:
    """Mail a survey's link. Who took the yes back meanwhile isn't asked, and nothing is kept."""
    survey = db.session.get(Survey, payload["survey_id"])
    if survey is None:
        return
    reservation = survey.reservation
    if not surveys.may_ask(reservation, shop().venue, now=now):
        db.session.delete(survey)
        return
    try:
        message = compose(
            "survey",
            reservation,
            job=payload["job"],
            said={"url": _url(reservation), "days": surveys.ANSWERED_FOR.days},
            now=now,
        )
    except PersonUnknown:
        db.session.delete(survey)
        return
    survey.sent_at = now
    post(
        message,
        person_id=reservation.person_id,
        what=MAIL_ABOUT_BOOKING,
        name=f"{reservation.reference}-survey-{payload['job']}",
        now=now,
    )


def _url(reservation: Reservation) -> str:
    with current_app.test_request_context(base_url=settings().site_url):
        path = url_for(
            "surveys.show",
            key=surveys.key_of(reservation),
            lang=reservation.language,
            basket=None,
        )
    return settings().site_url + path
