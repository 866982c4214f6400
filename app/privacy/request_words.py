"""Requests about one's own data in plain words, for whoever asks and for the house."""

from datetime import datetime

from app.booking.wording import long_day
from app.core.languages import N_, gettext, ngettext
from app.privacy import requests
from app.privacy.models import (
    ACCESS,
    CORRECT,
    ERASE,
    MOVE,
    OBJECT,
    OTHER,
    RESTRICT,
    PrivacyRequest,
)

KINDS = {
    ACCESS: N_("See what is held about me"),
    CORRECT: N_("Have something corrected"),
    ERASE: N_("Have something erased"),
    RESTRICT: N_("Have the use of something restricted"),
    OBJECT: N_("Object to a use"),
    MOVE: N_("Take my data elsewhere"),
    OTHER: N_("Something else"),
}


def kind_word(kind: str) -> str:
    """Return what a kind of request asks for."""
    return gettext(KINDS[kind])


def standing_words(request: PrivacyRequest, *, now: datetime) -> str:
    """Return how a request stands, in a sentence for whoever asked."""
    if request.answered_at is not None:
        day = long_day(requests.day_here(request.answered_at))
        if request.by_itself:
            return gettext("Done by the site itself, at once, on %(day)s.", day=day)
        if request.granted:
            return gettext("Answered on %(day)s.", day=day)
        return gettext("Answered on %(day)s: we don’t do it, and say why.", day=day)
    term = long_day(requests.term_of(request))
    if requests.days_left(request, now=now) < 0:
        return gettext("It had to be answered by %(day)s. We are late, and sorry.", day=term)
    if request.by_itself:
        return gettext("The site does this by itself, by %(day)s at the latest.", day=term)
    if request.extended_at is not None:
        return gettext("It takes us longer. We answer by %(day)s at the latest.", day=term)
    return gettext("We answer by %(day)s at the latest.", day=term)


def left_words(request: PrivacyRequest, *, now: datetime) -> str:
    """Return how much time is left, for the house."""
    left = requests.days_left(request, now=now)
    if left < 0:
        return ngettext("overdue by %(num)d day", "overdue by %(num)d days", -left)
    if not left:
        return gettext("today is the last day")
    return ngettext("%(num)d day left", "%(num)d days left", left)
