"""A rehearsal from end to end, by the same verbs as in earnest; nothing is sent (C15).

What is rehearsed: the book was copied, with its keys and the master key, by somebody who
meant it. Everybody is listed, the clocks run, the letters are composed in every language.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app

from app.continuity import incidents, incidents_telling, incidents_words
from app.continuity.incidents_clocks import clocks
from app.continuity.incidents_models import COPIED, Incident
from app.continuity.incidents_said import Report, Scope
from app.core import audit
from app.core.database import db
from app.core.languages import LANGUAGES, N_, gettext, use_language
from app.privacy.tables import person_tables
from app.privacy.terms import place

_COMMAND = "command"
_TEXTS = {
    "what": N_("This is a rehearsal: somebody copied the database of our reservations."),
    "effects": N_("Somebody could write or call in our name."),
    "measures": N_("We shut the way by which it was copied, and changed every key."),
    "advice": N_("Change your password, and be wary of mails that ask for money."),
}
_REMEDY = N_("A rehearsal by command: the list, the clocks, the report and the letters were made.")


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was seen: numbers, kinds of data, hours, and a letter's text in each language."""

    incident_id: int
    people: int
    kinds: dict[str, int]
    risk: str
    clocks: list[dict[str, Any]]
    letters: int
    nowhere: int
    languages: dict[str, int]
    subjects: dict[str, str]
    missing: list[str]
    report_lines: int

    def as_json(self) -> dict[str, Any]:
        """Return it for a program; nobody's name is in it."""
        return {name: getattr(self, name) for name in self.__slots__}


def rehearse(*, now: datetime) -> Rehearsal:
    """Carry a rehearsal through from the recording to the end. The caller commits."""
    whole = [one.name for one in person_tables() if one.personal]
    incident = incidents.record(
        Report(
            kind=COPIED,
            noticed_at=now,
            began_at=now - timedelta(days=1),
            ended_at=now,
            scope=Scope(tables=whole, keys=True, master=True),
            rehearsal=True,
        ),
        now=now,
    )
    # Proposed for who meant it, as it will be decided.
    incident.on_purpose = True
    risk = incidents.proposal(incident).risk
    incidents.decide(incident, risk, gettext(_REMEDY), on_purpose=True, significant=True, now=now)
    for language in LANGUAGES:
        with use_language(language):
            parts = {part: gettext(text) for part, text in _TEXTS.items()}
        incidents_telling.write(incident, language, parts)
    return _carried_through(incident, now=now)


def _carried_through(incident: Incident, *, now: datetime) -> Rehearsal:
    found = incidents_telling.letters(incident, now=now)
    with current_app.test_request_context():
        subjects = {
            language: incidents_words.preview(incident, kinds, language)[0]
            for language in LANGUAGES
            for kinds in list(found.groups)[:1]
        }
        text = incidents_words.report(
            incident, at=lambda moment: f"{moment:%Y-%m-%d %H:%M} UTC", risk="", late=False
        )
    if found.people:
        incidents_telling.send(incident, incidents_telling.word_of(incident), now=now)
    people, kinds = incidents.concerned(incident), incidents.kinds_of(incident)
    running = clocks(incident, place().country, people=people)
    missing = incidents_words.missing(incident)
    incidents.reported(incident, now, "", now=now)
    incidents.close(incident, gettext(_REMEDY), now=now)
    audit.enter(0, _COMMAND, "incident.rehearsed", "incident", incident.id, now=now)
    db.session.flush()
    return Rehearsal(
        incident_id=incident.id,
        people=people,
        kinds=kinds,
        risk=incident.risk,
        clocks=[
            {
                "whom": one.name,
                "hours": one.hours,
                "due": one.due.astimezone(UTC).isoformat() if one.due else None,
                "applies": one.applies,
                "ground": one.ground,
            }
            for one in running
        ],
        letters=found.mailboxes,
        nowhere=len(found.nowhere),
        languages=found.languages,
        subjects=subjects,
        missing=missing,
        report_lines=len(text.splitlines()),
    )
