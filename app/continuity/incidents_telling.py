"""Telling the people whom an incident concerns, each once, of their own kinds of data (C15)."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from app.continuity import incidents, incidents_errors
from app.continuity.incidents_models import ADDED, Incident, IncidentPerson
from app.continuity.incidents_words import PAGE, PUBLIC, TOLD, facts_of
from app.core.database import db, table
from app.core.errors import DomainError
from app.core.languages import DEFAULT, N_
from app.policy import announcing, telling
from app.policy.notice_models import Matter, Told

_row = table(IncidentPerson)
REHEARSED = "rehearsal"
"""In place of a matter's code: the letter was composed, and nobody got it."""


class NoWords(DomainError):
    """The letter has no text."""

    message = N_("Please write the letter in English at least: who has no other gets that one.")


class NobodyLeft(DomainError):
    """Everybody on the list was told."""

    message = N_("Nobody on the list is left to be told.")


class WordDiffers(DomainError):
    """What was typed isn't the word."""

    message = N_("Please type the word as it stands there: %(word)s")


@dataclass(slots=True)
class Letters:
    """Who would be told of which kinds of data: one letter a mailbox."""

    groups: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    """By kinds of data: the people whose letter names these."""
    mailboxes: int = 0
    nowhere: list[str] = field(default_factory=list)
    """No address of these is known: somebody must call or write to them."""
    languages: dict[str, int] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """How many people that is."""
        return sum(map(len, self.groups.values()))


def letters(incident: Incident, *, now: datetime) -> Letters:
    """Return who is still to be told, and of what. Reads only.

    Who shares a mailbox gets one letter, which names the kinds of them all.
    """
    columns = (IncidentPerson.person_id, IncidentPerson.kinds, IncidentPerson.origin)
    rows = db.session.execute(sa.select(*columns).where(*_left(incident)))
    # Of whom nothing could be read there is nothing to tell (34(3)(a)), but for who was added.
    kinds = {person_id: set(held) for person_id, held, origin in rows if held or origin == ADDED}
    found = Letters()
    if not kinds:
        return found
    plan = telling.plan(list(kinds), now=now)
    for person_id, by in plan.shared.items():
        kinds.setdefault(by, set()).update(kinds[person_id])
    for person_id, by in plan.shared.items():
        kinds[person_id] = kinds[by]
    for person_id in [*plan.told, *plan.shared, *plan.nowhere]:
        found.groups.setdefault(tuple(sorted(kinds[person_id])), []).append(person_id)
    found.mailboxes, found.nowhere = len(plan.told), plan.nowhere
    languages: Counter[str] = Counter()
    for part in telling.some(plan.told):
        languages.update(telling.languages_of(part).values())
    found.languages = dict(sorted(languages.items()))
    return found


def _left(incident: Incident) -> list[sa.ColumnElement[bool]]:
    """Say of whom that they are on the list, and weren't told yet."""
    return [
        _row.c.incident_id == incident.id,
        _row.c.left_out_at.is_(None),
        _row.c.code == "",
        _row.c.told_at.is_(None),
    ]


def write(incident: Incident, language: str, parts: dict[str, str]) -> None:
    """Keep the owner's words of a language. The caller commits. Raises Closed."""
    incidents.lock(incident)
    incident.texts = {**incident.texts, language: parts}
    db.session.flush()  # the next verb's lock reads anew


def word_of(incident: Incident) -> str:
    """Return what is typed to send the letters: the same in every language."""
    return f"tell {incident.id}"


def send(incident: Incident, typed: str, *, now: datetime) -> Letters:
    """Have everybody on the list told who wasn't yet. The caller commits.

    Of a rehearsal nothing leaves: it is noted that the letters were composed. Said again it
    tells nobody twice: who has a matter is passed over, and a matter's code counts once.
    Raises Closed, WordDiffers, DecideFirst, NoWords or NobodyLeft.
    """
    incidents.lock(incident)
    if " ".join(typed.split()).casefold() != word_of(incident):
        raise WordDiffers(word=word_of(incident))
    if not incident.risk:
        raise incidents_errors.DecideFirst
    if not incidents.texts_of(incident, DEFAULT).get("what"):
        raise NoWords
    found = letters(incident, now=now)
    if not found.people:
        raise NobodyLeft
    wave = len(incident.codes)
    codes = []
    for place, (kinds, ids) in enumerate(found.groups.items(), wave + 1):
        code = f"{incident.code}-{place}"
        codes.append(code)
        if not incident.rehearsal:
            telling.tell(code, TOLD, to=ids, url=PAGE, now=now, **facts_of(incident, kinds))
        _mark(incident, ids, REHEARSED if incident.rehearsal else code)
    incident.codes = [*incident.codes, *codes]
    incident.people_at = incident.people_at or now
    _count(incident, found)
    db.session.flush()
    return found


def _mark(incident: Incident, ids: Collection[str], code: str) -> None:
    for part in telling.some(ids):
        db.session.execute(
            sa.update(_row)
            .where(_row.c.incident_id == incident.id, _row.c.person_id.in_(part))
            .values(code=code)
        )


def _count(incident: Incident, found: Letters) -> None:
    counts = dict(incident.counts)
    for name, number in (
        ("told", found.people),
        ("letters", found.mailboxes),
        ("nowhere", len(found.nowhere)),
    ):
        counts[name] = counts.get(name, 0) + number
    incident.counts = counts


def by_hand(incident: Incident, row: IncidentPerson, *, now: datetime) -> None:
    """Note that somebody was told by telephone or letter. The caller commits.

    Raises Closed, or RehearsalOnly: nobody is told of a rehearsal.
    """
    incidents.lock(incident)
    if incident.rehearsal:
        raise incidents_errors.RehearsalOnly
    row.told_at = row.told_at or now
    incident.people_at = incident.people_at or now
    db.session.flush()


def publish(incident: Incident, *, now: datetime) -> None:
    """Tell everybody at once, on every page and a page of its own (34(3)(c)).

    The caller commits. Raises RehearsalOnly or NoWords.
    """
    db.session.refresh(incident, with_for_update=True)
    if incident.rehearsal:
        raise incidents_errors.RehearsalOnly
    if not incidents.texts_of(incident, DEFAULT).get("what"):
        raise NoWords
    incident.public_at = incident.public_at or now
    incident.public_until = until = now + incidents.PUBLIC_FOR
    incident.people_at = incident.people_at or now
    announcing.announce(
        incident.code,
        PUBLIC,
        url=PAGE,
        since=now,
        until=until,
        now=now,
        day=incident.began_at.date(),
    )


def withdraw(incident: Incident, *, now: datetime) -> None:
    """Take a public notice away. The caller commits."""
    db.session.refresh(incident, with_for_update=True)
    if incident.public_until is not None and incident.public_until > now:
        incident.public_until = now
        announcing.end(incident.code, now=now)


# -- Who was told -------------------------------------------------------------------------


def states(incident: Incident, ids: Collection[str]) -> dict[str, tuple[str, datetime | None]]:
    """Return of these persons how far it is with their mail, and since when. One statement."""
    if not incident.codes or not ids:
        return {}
    query = (
        sa.select(Told.person_id, Told.state, Told.at)
        .join(Matter, Matter.id == Told.matter_id)
        .where(Matter.code.in_(incident.codes), Told.how == "mail", Told.person_id.in_(ids))
    )
    return {person_id: (state, at) for person_id, state, at in db.session.execute(query)}


def how_far(incident: Incident) -> dict[str, int]:
    """Return how many mails of an incident are in which state. One statement."""
    if not incident.codes:
        return {}
    query = (
        sa.select(Told.state, sa.func.count())
        .join(Matter, Matter.id == Told.matter_id)
        .where(Matter.code.in_(incident.codes), Told.how == "mail")
        .group_by(Told.state)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}
