"""A change of controller in words: the line on every page, the mails, and what stays behind."""

from collections.abc import Callable

import sqlalchemy as sa

from app.booking.wording import where
from app.continuity import previews
from app.continuity.controller_models import (
    ANNOUNCED,
    DATA,
    DONE,
    RUNNING,
    ControllerChange,
)
from app.core.database import db
from app.core.languages import LANGUAGES, N_, gettext, use_language
from app.policy import announcing, recipients, telling
from app.policy.facts_kept import Fact

_CODES = "controller-"

COMING = announcing.kind(
    "controller",
    N_("On %(day)s, %(name)s is to become responsible for your data."),
    more=N_("What this means for you, and how to say no"),
)
CAME = announcing.kind(
    "controller_came",
    N_("Since %(day)s, %(name)s has been responsible for this site and your data."),
    gravity=announcing.CALM,
)
WENT = announcing.kind(
    "controller_went",
    N_("On %(day)s, what was still open with us was handed over to %(name)s."),
    gravity=announcing.CALM,
)
TOLD = telling.matter(
    "controller",
    subject=N_("%(name)s is to become responsible for your data on %(day)s"),
    template="mail/controller.txt",
    push=N_("Somebody else is to become responsible for your data on %(day)s. You can say no."),
)
OFF = telling.matter(
    "controller_off",
    subject=N_("Nothing changes: your data stay with us"),
    template="mail/controller_off.txt",
    push=None,
)


def facts_of(change: ControllerChange) -> dict[str, Fact]:
    """Return what a mail about a change needs to say; the same for everybody."""

    def country() -> str:
        return recipients.country_word(change.country)

    return {
        "name": change.name,
        "day": change.changes_on,
        "address": _in_every_language(lambda: gettext(", ").join(where(change))),
        "email": change.email,
        "country": _in_every_language(country) if change.abroad else "",
        "way": change.way,
        "former": change.former,
        "own_words": {lang: text for lang, text in change.texts.items() if text} or {"en": ""},
    }


def preview(change: ControllerChange, language: str) -> tuple[str, str]:
    """Return a mail's subject and text as somebody without a known name would get it."""
    return previews.preview(TOLD, facts_of(change), "controller.show", language)


def _in_every_language(say: Callable[[], str]) -> dict[str, str]:
    found = {}
    for language in LANGUAGES:
        with use_language(language):
            found[language] = say()
    return found


def _name_of(code: str) -> str | None:
    number = code.removeprefix(_CODES)
    change = db.session.get(ControllerChange, int(number)) if number.isdigit() else None
    return gettext("%(name)s, the new responsible party", name=change.name) if change else None


recipients.name_by(_CODES, _name_of)

_ONLY_DATA = N_("What is needed for reservations that aren’t over, and accounts")
_WHOLE_SITE = N_("This site with what is held on it, but for those who said no")


@recipients.also
def _new_ones() -> list[recipients.Listed]:
    """Return those who get data, or got them, by a change that people were told of."""
    query = sa.select(ControllerChange).where(
        ControllerChange.state.in_((ANNOUNCED, RUNNING, DONE))
    )
    return [
        recipients.Listed(
            name=change.name,
            gets=_ONLY_DATA if change.way == DATA else _WHOLE_SITE,
            why=N_("It is to become, or has become, responsible for them"),
            host=gettext(", ").join((*change.address, change.email)),
            kept=N_("As its own notice says; it may keep no more than we may"),
            ground=N_("our contract with you, which it takes over (GDPR, Article 6(1)(b))"),
            clause="C24",
            country=change.country,
            code=change.code,
        )
        for change in db.session.scalars(query.order_by(ControllerChange.id))
    ]
