"""What the owner's pages of incidents show: choices, clocks in words, lists."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts.models import HOUSE, Account, Person
from app.accounts.words import role_word
from app.continuity import incidents, incidents_telling
from app.continuity.incidents_clocks import CHINA, Clock, clocks
from app.continuity.incidents_models import OPEN, Incident, IncidentPerson
from app.continuity.incidents_words import clock_word, kinds_words
from app.continuity.models import BOOK, BackupRun
from app.core.database import db
from app.core.datamap import Kind
from app.core.languages import gettext, ngettext
from app.core.vault import PersonUnknown, vault
from app.owner import needs as whats_needed
from app.owner import promises
from app.owner.incidents_forms import RecordForm
from app.owner.routes import at_place
from app.policy.notice_models import FAILED, NOWHERE, SHARED, TOLD, WAITING
from app.privacy.tables import person_tables
from app.privacy.terms import place
from app.privacy.words import kind_word, table_word

PER_PAGE = 50


def record_form(*, empty: bool = False) -> RecordForm:
    """Return the form with all that can be ticked."""
    form = RecordForm(formdata=None) if empty else RecordForm()
    mapped = [one for one in person_tables() if one.personal]
    mapped = [one for one in mapped if one.model is not IncidentPerson]
    held = {field.declared.kind for one in mapped for field in one.personal if field.declared}
    form.offer(
        tables=[(one.name, table_word(one)) for one in mapped],
        kinds=[(kind.value, kind_word(kind)) for kind in Kind if kind in held],
        accounts=_accounts(),
        backups=_backups(),
    )
    return form


def _accounts() -> list[tuple[str, str]]:
    """Return the accounts of the house by number and name."""
    query = sa.select(Account).where(Account.role.in_(HOUSE)).order_by(Account.id).limit(100)
    rows = list(db.session.scalars(query.options(sa.orm.joinedload(Account.person))))
    vault().unlock([row.person_id for row in rows])
    found = []
    for row in rows:
        try:
            name = row.username or row.person.name or ""
        except PersonUnknown:
            name = ""
        number = gettext("No. %(number)d", number=row.id)
        said = gettext(", ").join(filter(None, (number, name, role_word(row.role))))
        found.append((str(row.id), said))
    return found


def _backups() -> list[tuple[str, str]]:
    at = at_place()
    query = (
        sa.select(BackupRun)
        .where(BackupRun.kind == BOOK, BackupRun.done_at.is_not(None))
        .order_by(BackupRun.id.desc())
        .limit(60)
    )
    return [
        (str(run.id), gettext(": ").join((at(run.begun_at), run.name)))
        for run in db.session.scalars(query)
    ]


def clock_lines(incident: Incident, *, people: int, now: datetime) -> list[tuple[str, str, bool]]:
    """Return each clock: about whom, how it stands in words, whether it is late."""
    found = clocks(incident, place().country, people=people)
    return [
        (f"{clock_word(one)} ({gettext(one.ground)})", _standing(one, now=now), one.is_late(now))
        for one in found
    ]


def _standing(clock: Clock, *, now: datetime) -> str:
    at = at_place()
    until = at(clock.due) if clock.due is not None else ""
    if not clock.applies:
        if clock.name == CHINA:
            return gettext("doesn’t count here; it would end %(when)s", when=until)
        return gettext("doesn’t count")
    if clock.done_at is not None:
        done = at(clock.done_at)
        if clock.is_late(now):
            return gettext("done %(when)s, late", when=done)
        return gettext("done %(when)s", when=done)
    if clock.due is None:
        return gettext("without undue delay")
    left = clock.hours_left(now)
    if now > clock.due:
        return gettext("over since %(when)s", when=until)
    return ngettext(
        "until %(when)s: %(num)d hour left", "until %(when)s: %(num)d hours left", left, when=until
    )


def state_word(state: str) -> str:
    """Return how far it is with telling somebody."""
    return {
        WAITING: gettext("on its way"),
        TOLD: gettext("told by mail"),
        SHARED: gettext("told, by the mail to the same address"),
        FAILED: gettext("the mail failed: please call or write"),
        NOWHERE: gettext("no address is known: please call or write"),
    }.get(state, "")


def people_of(incident: Incident, page: int) -> tuple[list[dict[str, Any]], bool, list[str]]:
    """Return a page of the list, whether there is more, and whose names it shows."""
    query = (
        sa.select(IncidentPerson)
        .where(IncidentPerson.incident_id == incident.id)
        .order_by(IncidentPerson.left_out_at.is_not(None), IncidentPerson.id)
        .offset((page - 1) * PER_PAGE)
        .limit(PER_PAGE + 1)
    )
    rows = list(db.session.scalars(query))
    shown, more = rows[:PER_PAGE], len(rows) > PER_PAGE
    ids = [row.person_id for row in shown]
    vault().unlock(ids)
    names = dict(_names(ids))
    states = incidents_telling.states(incident, ids)
    found = [_line(row, names, states) for row in shown]
    return found, more, list(names)


def _line(row: IncidentPerson, names: dict[str, str], states: dict[str, Any]) -> dict[str, Any]:
    state, when = states.get(row.person_id, ("", None))
    try:
        reason = row.reason or ""
    except PersonUnknown:
        reason = ""
    return {
        "row": row,
        "name": names.get(row.person_id, ""),
        "kinds": kinds_words(row.kinds),
        "sealed": kinds_words(row.sealed_kinds),
        "reason": reason,
        "state": state_word(state) if not row.told_at else gettext("told by the house"),
        "when": row.told_at or when,
        "by_hand": state in (NOWHERE, FAILED) and row.told_at is None,
    }


def _names(ids: list[str]) -> Iterator[tuple[str, str]]:
    for person in db.session.scalars(sa.select(Person).where(Person.id.in_(ids))):
        try:
            yield person.id, person.name or ""
        except PersonUnknown:
            continue


# -- Elsewhere ----------------------------------------------------------------------------


def _first(now: datetime) -> tuple[Incident, Clock] | None:
    """Return the incident in earnest whose hours end first, with that clock."""
    found = []
    for incident in incidents.open_ones():
        if incident.rehearsal:
            continue
        people = incidents.concerned(incident) if incident.risk == "" else 1
        running = clocks(incident, place().country, people=people)
        found += [(incident, one) for one in running if one.runs()]
    # What has an hour comes before what is only to be done without delay.
    return min(found, key=lambda one: (one[1].due is None, one[1].due or now), default=None)


def _need(now: datetime) -> str:
    """Return the line of the first page, while something is to be told."""
    first = _first(now)
    if first is None:
        return ""
    _, clock = first
    if clock.due is None:
        return gettext("An incident: people are to be told without delay.")
    if now > clock.due:
        return gettext("An incident: the hours to report it are over. Please report it now.")
    return gettext("An incident is to be reported by %(when)s.", when=at_place()(clock.due))


def _state(_now: datetime) -> str:
    query = sa.select(Incident.rehearsal, sa.func.count()).where(Incident.state == OPEN)
    found = dict(db.session.execute(query.group_by(Incident.rehearsal)).all())
    said = []
    if number := found.get(False, 0):
        said.append(ngettext("%(num)d is open.", "%(num)d are open.", number))
    if number := found.get(True, 0):
        said.append(ngettext("%(num)d rehearsal.", "%(num)d rehearsals.", number))
    return " ".join(said)


def _open_count(_now: datetime) -> sa.Select[Any]:
    earnest = sa.and_(Incident.state == OPEN, sa.not_(Incident.rehearsal))
    return sa.select(sa.func.count()).select_from(Incident).where(earnest)


whats_needed.register("incidents", None, "owner.incidents", look=_need, count=_open_count)
promises.says("owner.incidents", _state)
