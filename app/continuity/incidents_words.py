"""An incident in words: kinds, clocks, the letter to people, and the report to the authority."""

from collections.abc import Collection
from typing import Any

from flask import render_template

from app.booking.models import VenueRow
from app.booking.shop import shop
from app.continuity import incidents, previews
from app.continuity.incidents_clocks import AUTHORITY, CHINA, PEOPLE, Clock
from app.continuity.incidents_models import (
    COPIED,
    DEVICE,
    MAILBOX,
    MISSENT,
    OTHER,
    PROVIDER,
    STRANGER,
    Incident,
)
from app.continuity.previews import tidied
from app.core.database import db
from app.core.datamap import Kind
from app.core.languages import DEFAULT, LANGUAGES, N_, gettext, use_language
from app.policy import announcing, telling
from app.policy.facts_kept import Fact
from app.privacy.words import kind_word

HAPPENED = {
    DEVICE: N_("A device was lost or stolen"),
    MAILBOX: N_("A mailbox was read by somebody else"),
    MISSENT: N_("Something was sent to the wrong one"),
    STRANGER: N_("A stranger was in an account"),
    COPIED: N_("The database or a backup was copied"),
    PROVIDER: N_("Something was broken into at a service provider’s"),
    OTHER: N_("Something else"),
}

WHOM = {
    AUTHORITY: N_("The authority for data protection"),
    CHINA: N_("China’s office for the net, from a relatively significant level"),
    PEOPLE: N_("The people concerned, if the risk is high"),
}

WHAT, EFFECTS, MEASURES, ADVICE = PARTS = ("what", "effects", "measures", "advice")
"""The parts of a letter that the owner writes (GDPR, Article 34(2))."""

TOLD = telling.matter(
    "incident",
    subject=N_("Something went wrong with data of yours"),
    template="mail/incident.txt",
    push=N_("Something went wrong with data of yours. Please read our mail about it."),
)
PUBLIC = announcing.kind(
    "incident",
    N_("Something went wrong with people’s data, on %(day)s."),
    more=N_("What happened, and what you can do"),
)
PAGE = ("incidents.show", dict[str, object]())


def clock_word(clock: Clock) -> str:
    """Return whom a clock is about."""
    return gettext(WHOM[clock.name])


def kinds_words(kinds: Collection[str]) -> str:
    """Return kinds of data as a list, in the current language."""
    return gettext(", ").join(dict.fromkeys(kind_word(Kind(kind)) for kind in kinds))


def in_every_language(kinds: Collection[str]) -> dict[str, str]:
    """Return kinds of data as a list in each language."""
    found = {}
    for language in LANGUAGES:
        with use_language(language):
            found[language] = kinds_words(kinds)
    return found


def missing(incident: Incident) -> list[str]:
    """Return the languages in which the letter isn't whole."""
    return [
        language
        for language in LANGUAGES
        if not all(incidents.texts_of(incident, language).get(part) for part in PARTS)
    ]


def facts_of(incident: Incident, kinds: Collection[str]) -> dict[str, Fact]:
    """Return what a letter needs to say to everybody whose data of these kinds are concerned."""
    venue = db.session.get_one(VenueRow, 1)
    own = {
        part: {
            language: texts[part]
            for language in LANGUAGES
            if (texts := incidents.texts_of(incident, language)).get(part)
        }
        or {DEFAULT: ""}
        for part in PARTS
    }
    return {
        **own,
        "kinds": in_every_language(kinds),
        "email": venue.email,
        "phone": venue.phone,
    }


def preview(incident: Incident, kinds: Collection[str], language: str) -> tuple[str, str]:
    """Return a letter's subject and text as somebody without a known name would get it."""
    return previews.preview(TOLD, facts_of(incident, kinds), "incidents.show", language)


def report(incident: Incident, **more: Any) -> str:
    """Return the report to the authority as a text, in the current language (33(3))."""
    text = render_template(
        "incidents/report.txt",
        incident=incident,
        happened=gettext(HAPPENED[incident.kind]),
        venue=db.session.get_one(VenueRow, 1),
        responsible=shop().venue.responsible,
        people=incidents.concerned(incident),
        erased=sum(incidents.gone(incident)),
        kinds=incidents.kinds_of(incident),
        sealed=incidents.kinds_of(incident, sealed=True),
        texts={**dict.fromkeys(PARTS, ""), **incidents.texts_of(incident, DEFAULT)},
        word=lambda kind: kind_word(Kind(kind)),
        **more,
    )
    return tidied(text) + "\n"
