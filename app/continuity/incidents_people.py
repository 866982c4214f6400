"""Whom an incident concerns, and with which kinds of data: derived from the data map (C15).

Nothing here names a column: one that is added is found. Nothing is opened for it either:
that a value is there is enough. What somebody could read depends on what they have: the
bytes of the book, a backup, the keys, the master key, or only what a page showed.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from dateutil.relativedelta import relativedelta

from app.accounts import readings
from app.accounts.disclosures import WHAT
from app.accounts.models import Disclosure, Person, Reading
from app.continuity.incidents_models import RAW, Incident, IncidentPerson
from app.continuity.models import BackupRun
from app.core.database import KEYS, connect_to_read, db, table
from app.core.datamap import Kind, Retention
from app.core.erasures import ErasureEntry
from app.core.languages import N_
from app.core.sweeps import DAY, delete_rows
from app.policy.notice_models import MAIL, TOLD, Told
from app.privacy.retention import RIGHTS_YEARS
from app.privacy.tables import Field, PersonTable, person_tables

_BORN = (
    *("created_at", "made_at", "at", "first_at", "asked_at", "sent_at", "begun_at"),
    *("agreed_at", "claimed_at", "noted_at", "day"),
)
"""The columns that say since when a row is there, the first that a table has."""

SHOWN_BY = {
    readings.LIST: (Kind.NAME,),
    readings.RESERVATION: (Kind.NAME, Kind.EMAIL, Kind.PHONE, Kind.BOOKING, Kind.PAYMENT),
    readings.MAIL: (Kind.NAME, Kind.EMAIL, Kind.BOOKING),
    readings.MESSAGE: (Kind.NAME, Kind.MESSAGE),
    readings.EXPORT: (Kind.NAME, Kind.EMAIL, Kind.PHONE, Kind.BOOKING),
    readings.SURVEY: (Kind.BOOKING, Kind.MESSAGE),
    readings.REQUEST: (Kind.NAME, Kind.MESSAGE),
    readings.PARTNER: (Kind.NAME, Kind.BOOKING, Kind.PERMISSION),
    readings.REVIEW: (Kind.NAME, Kind.REVIEW),
}
"""Which kinds of data a page of the house's shows, by what was noted of its opening."""


@dataclass(slots=True)
class Concerned:
    """Kinds of one person that could be read, and those that stayed sealed."""

    kinds: set[str] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Found:
    """Everybody concerned, by their number, and how many rows that is about."""

    people: dict[str, Concerned] = field(default_factory=dict)
    records: int = 0

    def add(self, person_id: str, kinds: Iterable[str], *, sealed: bool = False) -> None:
        """Put kinds down for a person."""
        one = self.people.setdefault(person_id, Concerned())
        (one.sealed if sealed else one.kinds).update(kinds)


@dataclass(frozen=True, slots=True)
class Reach:
    """What of stored values can be read: those in the clear, and the sealed ones."""

    clear: bool
    sealed: bool


def reach_of(incident: Incident, *, backup: bool = False) -> Reach:
    """Return what can be read of what was taken.

    A sealed value takes the person's key, and that the master key. A backup's file is
    sealed as a whole, under a key made from the master key.
    """
    if incident.kind not in RAW and not backup:
        return Reach(clear=True, sealed=True)
    keys, master = bool(incident.scope.get("keys")), bool(incident.scope.get("master"))
    return Reach(clear=master or not backup, sealed=keys and master)


def find(incident: Incident) -> Found:
    """Return everybody who is concerned by what an incident's scope names. Reads only.

    One statement a table that is concerned, however many people there are.
    """
    scope, found = incident.scope, Found()
    names, kinds = scope.get("tables", []), scope.get("kinds", [])
    if names or kinds:
        reach = reach_of(incident)
        _by_tables(found, names, kinds, until=incident.ended_at, reach=reach)
    for run in backups_of(scope.get("backups", [])):
        reach = reach_of(incident, backup=True)
        _by_tables(found, [], [], until=run.begun_at, reach=reach)
    if scope.get("accounts"):
        _by_readings(found, scope["accounts"], incident)
    if scope.get("mailbox"):
        _by_mails(found, incident)
    for one in found.people.values():
        one.sealed -= one.kinds
    return found


def backups_of(run_ids: Collection[int]) -> list[BackupRun]:
    """Return the backups of these numbers."""
    if not run_ids:
        return []
    return list(db.session.scalars(sa.select(BackupRun).where(BackupRun.id.in_(run_ids))))


def _by_tables(
    found: Found, names: Collection[str], kinds: Collection[str], *, until: datetime, reach: Reach
) -> None:
    for one in person_tables():
        if (names and one.name not in names) or one.model is IncidentPerson:
            continue
        fields = [known for known in one.personal if not kinds or _kind(known) in kinds]
        if not fields:
            continue
        for person_id, rows, *there in db.session.execute(_statement(one, fields, until)):
            if not any(there):
                continue
            found.records += rows
            for known, count in zip(fields, there, strict=True):
                if count:
                    clear = known.declared is not None and bool(known.declared.readable)
                    opens = reach.clear if clear else reach.sealed
                    found.add(person_id, (_kind(known),), sealed=not opens)


def _kind(known: Field) -> str:
    assert known.declared is not None
    return known.declared.kind.value


def _statement(one: PersonTable, fields: list[Field], until: datetime) -> sa.Select[Any]:
    """Return who has rows in a table that were there by then, and how many values of each."""
    model = one.model
    columns = model.__table__.columns
    counts = [sa.func.count(columns[known.name]) for known in fields]
    if "__person__" in vars(model):
        whose, source = columns[model.__person__], model.__table__
    else:
        step, name = model.__path_to_person__.split(".")
        relation = getattr(model, step)
        other = relation.property.mapper.class_.__table__
        whose = other.columns[name]
        source = sa.join(model.__table__, other, relation.property.primaryjoin)
    query = sa.select(whose, sa.func.count(), *counts).select_from(source)
    born = next((columns[name] for name in _BORN if name in columns), None)
    if born is not None:
        last: datetime | date = until.date() if isinstance(born.type, sa.Date) else until
        query = query.where(sa.or_(born.is_(None), born <= last))
    return query.where(whose.is_not(None)).group_by(whose)


def _by_readings(found: Found, accounts: Collection[int], incident: Incident) -> None:
    """Put down whose details these accounts opened, as they were noted, a day at a time."""
    query = sa.select(Reading.person_id, Reading.what, Reading.detail, Reading.times).where(
        Reading.reader_id.in_(accounts),
        Reading.day.between(incident.began_at.date(), incident.ended_at.date()),
    )
    known = {kind.value for kind in Kind}
    for person_id, what, detail, times in db.session.execute(query):
        found.records += times
        if detail:
            found.add(person_id, {detail} & known or {Kind.NAME.value})
        else:
            found.add(person_id, (kind.value for kind in SHOWN_BY.get(what, (Kind.NAME,))))


def _by_mails(found: Found, incident: Incident) -> None:
    """Put down whom mails went to then: between its first and last, one may have been."""
    sent = sa.select(Disclosure.person_id, Disclosure.what, Disclosure.times).where(
        Disclosure.what.like("mail_%"),
        Disclosure.first_at <= incident.ended_at,
        Disclosure.last_at >= incident.began_at,
    )
    for person_id, what, times in db.session.execute(sent):
        found.records += times
        found.add(person_id, (kind.value for kind in WHAT[what][1]))
    told = sa.select(Told.person_id).where(
        Told.how == MAIL,
        Told.state == TOLD,
        Told.at.between(incident.began_at, incident.ended_at),
    )
    for person_id in db.session.scalars(told.distinct()):
        found.records += 1
        found.add(person_id, (Kind.NAME.value, Kind.EMAIL.value))


def everything_of(person_ids: Collection[str]) -> dict[str, Concerned]:
    """Return every kind that is held of these persons: for who is named by the owner."""
    found = Found()
    for one in person_tables():
        fields = one.personal
        if not fields or one.model is IncidentPerson:
            continue
        query = _statement(one, fields, datetime(9000, 1, 1, tzinfo=UTC))
        whose = query.selected_columns[0]
        for person_id, _rows, *there in db.session.execute(query.where(whose.in_(person_ids))):
            held = [known for known, count in zip(fields, there, strict=True) if count]
            found.add(person_id, map(_kind, held))
    return found.people


def erased_between(since: datetime, until: datetime) -> int:
    """Return how many people were erased then: nobody knows any more who of them had what."""
    entries = table(ErasureEntry)
    query = sa.select(sa.func.count()).where(entries.c.at >= since, entries.c.at <= until)
    with connect_to_read(db.engines[KEYS]) as connection:
        return connection.scalar(query) or 0


def there(person_ids: Collection[str]) -> Iterator[str]:
    """Yield who of these is in the book."""
    ids = list(person_ids)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        yield from db.session.scalars(sa.select(Person.id).where(Person.id.in_(part)))


# -- Going --------------------------------------------------------------------------------

delete_rows(
    "incident_people",
    IncidentPerson,
    lambda now: IncidentPerson.incident_id.in_(
        sa.select(Incident.id).where(Incident.closed_at <= now - relativedelta(years=RIGHTS_YEARS))
    ),
    retention=Retention.RIGHTS,
    words=N_("who was concerned by an incident; its numbers stay"),
    every=DAY,
)
