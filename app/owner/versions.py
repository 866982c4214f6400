"""What the owner sees of the documents: versions, drafts, and how far people were told."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.core.database import db
from app.core.languages import BY_CODE, LANGUAGES
from app.policy import drafts_checks, shown, telling
from app.policy.documents import COMING, IN_FORCE, Standing, current, standings
from app.policy.drafts_publishing import code_of
from app.policy.facts import facts, filled, worded
from app.policy.models import DOCUMENTS, DocumentVersion, Draft, DraftText


@dataclass(frozen=True, slots=True)
class Row:
    """A published version, and how many know of it."""

    standing: Standing
    told: telling.Counts | None  # None where nobody had to be told
    shown: shown.Shown
    untrue: tuple[str, ...] = ()  # facts that have changed since it was published

    @property
    def may_be_taken_back(self) -> bool:
        """Whether it isn't in force yet."""
        return self.standing.state == COMING


@dataclass(frozen=True, slots=True)
class Language:
    """How far a draft is in one language."""

    code: str
    name: str
    text: DraftText | None
    problem: str  # what is in the way of publishing; "" for nothing
    uneven: str = ""  # that its parts aren't those of the first language


@dataclass(frozen=True, slots=True)
class Work:
    """A draft with all its languages."""

    draft: Draft
    languages: tuple[Language, ...]
    lost: tuple[str, ...]  # clauses that the version in force has, and it hasn't

    @property
    def ready(self) -> bool:
        """Whether it can be published."""
        return not any(one.problem for one in self.languages)


def board(*, now: datetime) -> dict[str, list[Row]]:
    """Return every version of each document, the newest first."""
    return {document: [_row(one) for one in standings(document, now=now)] for document in DOCUMENTS}


def _row(one: Standing) -> Row:
    try:
        told = telling.counts(code_of(one.document, one.number))
    except telling.MatterUnknown:
        told = None
    untrue = tuple(untrue_facts(one)) if one.state in (IN_FORCE, COMING) else ()
    return Row(one, told, shown.counts(one.document, one.number), untrue)


def untrue_facts(one: Standing) -> list[str]:
    """Return the facts of a version of the owner's own that aren't what it says any more.

    A text of the program can't get there: the program refuses to start with it.
    """
    query = sa.select(DocumentVersion).where(
        DocumentVersion.document == one.document,
        DocumentVersion.number == one.number,
        DocumentVersion.written.is_not(None),
    )
    found: dict[str, None] = {}
    for row in db.session.scalars(query):
        locale = BY_CODE[row.language].locale
        if set(drafts_checks.names(row.written or "")) <= set(facts()) and (
            filled(row.written or "", locale) == row.text
        ):
            continue
        for name in drafts_checks.names(row.written or ""):
            said = worded(facts()[name], locale) if name in facts() else None
            if said is None or said not in row.text:
                found[name] = None
    return list(found)


def work(found: Draft, *, now: datetime) -> Work:
    """Return a draft with what is still to do in each language."""
    texts = {one.language: one for one in found.texts}
    uneven = dict(drafts_checks.uneven({code: one.text for code, one in texts.items()}))
    languages = tuple(
        Language(
            code,
            BY_CODE[code].name,
            texts.get(code),
            _problem(texts.get(code)),
            uneven.get(code, ""),
        )
        for code in LANGUAGES
    )
    return Work(found, languages, tuple(_lost(found, now=now)))


def _problem(text: DraftText | None) -> str:
    error = drafts_checks.problem(text.text, text.summary) if text else drafts_checks.NoTitle()
    return error.say() if error else ""


def _lost(found: Draft, *, now: datetime) -> list[str]:
    if not found.texts:
        return []
    first = found.texts[0]
    there = current(found.document, first.language, now=now)
    return drafts_checks.lost_clauses(there.text, first.text) if there else []


def shown_text(text: str, language: str) -> str:
    """Return a draft's text as visitors would read it; facts that nothing knows stay as typed."""
    known = {name: worded(fact, BY_CODE[language].locale) for name, fact in facts().items()}
    for name in drafts_checks.names(text):
        text = text.replace(f"{{{name}}}", known.get(name, f"{{{name}}}"))
    return text


def known_facts(language: str) -> list[tuple[str, str]]:
    """Return every fact that a text may use, and how it reads in a language."""
    locale = BY_CODE[language].locale
    return sorted((name, worded(fact, locale)) for name, fact in facts().items())
