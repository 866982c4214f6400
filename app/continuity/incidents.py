"""Incidents: recorded, the people found, the risk decided, people told, and documented (C15).

A rehearsal runs as in earnest, through the same verbs; only that nothing is sent, and that
nobody's name stays with it once it is closed.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.booking.models import Reservation
from app.continuity import incidents_note
from app.continuity import incidents_people as people
from app.continuity.incidents_clocks import PEOPLE, clocks
from app.continuity.incidents_errors import (
    Closed,
    DecideFirst,
    NobodyFound,
    NothingNamed,
    NotInOrder,
    ReportFirst,
    TellFirst,
    TooLate,
    Unexplained,
)
from app.continuity.incidents_models import (
    ADDED,
    CLOSED,
    FOUND,
    NO_RISK,
    OPEN,
    RISK,
    Incident,
    IncidentPerson,
)
from app.continuity.incidents_risk import Proposal, propose
from app.continuity.incidents_said import Report
from app.core.database import db, table
from app.core.datamap import Kind
from app.core.vault import vault
from app.policy import facts
from app.privacy.terms import place

_row = table(IncidentPerson)
_MANY = 500
PUBLIC_FOR = timedelta(days=90)
"""So long a public notice stands."""
facts.declare("incident_public", PUBLIC_FOR)  # the privacy policy says so


# -- Recording ----------------------------------------------------------------------------


def record(said: Report, *, now: datetime) -> Incident:
    """Write an incident down, and list whom it concerns. The caller commits.

    Raises NotInOrder, NothingNamed or NobodyFound.
    """
    if not (said.began_at <= said.ended_at and said.began_at <= said.noticed_at <= now):
        raise NotInOrder
    if not said.scope.names_something and not said.who:
        raise NothingNamed
    incident = Incident(
        kind=said.kind,
        rehearsal=said.rehearsal,
        noticed_at=said.noticed_at,
        began_at=said.began_at,
        ended_at=said.ended_at,
        recorded_at=now,
        listed_at=now,
        scope=said.scope.kept(),
        note=incidents_note.sealed(said.note),
        listed=0,
        texts={},
        codes=[],
        counts={},
    )
    db.session.add(incident)
    db.session.flush()
    look_again(incident, now=now)
    if said.who:
        add(incident, said.who, "", now=now)
    return incident


def look_again(incident: Incident, *, now: datetime) -> int:
    """List anew whom it concerns; return how many are on the list. The caller commits.

    Whoever the owner put there or took off stays as they are, and so does who was told.
    Raises Closed.
    """
    _lock(incident)
    found = people.find(incident)
    query = sa.select(IncidentPerson).where(IncidentPerson.incident_id == incident.id)
    known = {row.person_id: row for row in db.session.scalars(query)}
    before = len(known)
    for person_id, row in list(known.items()):
        one = found.people.get(person_id)
        if one is not None and row.origin == FOUND:
            row.kinds, row.sealed_kinds = sorted(one.kinds), sorted(one.sealed)
        elif one is None and row.origin == FOUND and not row.code and row.told_at is None:
            db.session.delete(row)
            del known[person_id]
    new = [person_id for person_id in people.there(found.people) if person_id not in known]
    rows = [_new(incident, person_id, found.people[person_id], now=now) for person_id in new]
    for start in range(0, len(rows), _MANY):
        db.session.execute(sa.insert(_row), rows[start : start + _MANY])
    incident.listed += len(known) - before + len(new)
    incident.records, incident.listed_at = found.records, now
    _propose(incident)
    return len(known) + len(new)


def _new(
    incident: Incident,
    person_id: str,
    one: people.Concerned,
    *,
    now: datetime,
    origin: str = FOUND,
) -> dict[str, Any]:
    return {
        "incident_id": incident.id,
        "person_id": person_id,
        "rehearsal": incident.rehearsal,
        "origin": origin,
        "kinds": sorted(one.kinds),
        "sealed_kinds": sorted(one.sealed),
        "noted_at": now,
        "code": "",
    }


def add(incident: Incident, who: str, reason: str, *, now: datetime) -> int:
    """Put somebody on the list, by an address or a reference; return how many they are.

    The caller commits. Raises Closed or NobodyFound.
    """
    _lock(incident)
    ids = _named(who)
    held = people.everything_of(ids)
    known = {row.person_id: row for row in _of(incident, ids)}
    for person_id in people.there(ids):
        row = known.get(person_id)
        if row is None:
            one = held.get(person_id, people.Concerned())
            row = IncidentPerson(**_new(incident, person_id, one, now=now, origin=ADDED))
            db.session.add(row)
            incident.listed += 1
        row.left_out_at, row.reason = None, reason or None
    db.session.flush()
    _propose(incident)
    return len(ids)


def _named(who: str) -> list[str]:
    text = "".join(who.split())
    ids = dict.fromkeys(vault().find(Kind.EMAIL, text))
    ids |= dict.fromkeys(vault().find(Kind.ACCOUNT_EMAIL, text))
    query = sa.select(Reservation.person_id).where(
        Reservation.reference == text.upper(), Reservation.person_id.is_not(None)
    )
    ids |= dict.fromkeys(map(str, db.session.scalars(query)))
    if not ids:
        raise NobodyFound
    return list(ids)


def _of(incident: Incident, ids: Collection[str]) -> list[IncidentPerson]:
    query = sa.select(IncidentPerson).where(
        IncidentPerson.incident_id == incident.id, IncidentPerson.person_id.in_(ids)
    )
    return list(db.session.scalars(query))


def row_of(incident: Incident, row_id: int) -> IncidentPerson | None:
    """Return a line of an incident's list."""
    row = db.session.get(IncidentPerson, row_id)
    return row if row is not None and row.incident_id == incident.id else None


def leave_out(incident: Incident, row: IncidentPerson, reason: str, *, now: datetime) -> None:
    """Take somebody off the list, with a reason that is kept. The caller commits.

    Raises Closed or Unexplained.
    """
    _lock(incident)
    if not reason.strip():
        raise Unexplained
    row.left_out_at, row.reason = now, reason.strip()
    db.session.flush()
    _propose(incident)


def take_in(incident: Incident, row: IncidentPerson, *, now: datetime) -> None:
    """Put somebody back on the list. The caller commits. Raises Closed."""
    _lock(incident)
    row.left_out_at, row.noted_at = None, now
    db.session.flush()
    _propose(incident)


# -- Deciding -----------------------------------------------------------------------------


def decide(
    incident: Incident,
    risk: str,
    why: str,
    *,
    on_purpose: bool,
    significant: bool,
    now: datetime,
) -> None:
    """Decide how grave it is; what differs from the proposal, or is none, is explained.

    The caller commits. Raises Closed or Unexplained.
    """
    _lock(incident)
    incident.on_purpose, incident.significant = on_purpose, significant
    _propose(incident)
    if not why.strip() and (risk == NO_RISK or risk != incident.proposed):
        db.session.rollback()
        raise Unexplained
    incident.risk, incident.risk_why, incident.decided_at = risk, why.strip(), now
    db.session.flush()


def _propose(incident: Incident) -> None:
    incident.proposed = proposal(incident).risk
    db.session.flush()


def proposal(incident: Incident) -> Proposal:
    """Return the risk that is likely, with its reasons."""
    return propose(kinds_of(incident), people=concerned(incident), on_purpose=incident.on_purpose)


def kinds_of(incident: Incident, *, sealed: bool = False) -> dict[str, int]:
    """Return the kinds of data of who is on the list, with how many people each is of."""
    column = IncidentPerson.sealed_kinds if sealed else IncidentPerson.kinds
    query = sa.select(column).where(
        IncidentPerson.incident_id == incident.id, IncidentPerson.left_out_at.is_(None)
    )
    found: dict[str, int] = {}
    for kinds in db.session.scalars(query):
        for kind in kinds:
            found[kind] = found.get(kind, 0) + 1
    order = {kind.value: place for place, kind in enumerate(Kind)}
    return dict(sorted(found.items(), key=lambda one: order.get(one[0], len(order))))


def concerned(incident: Incident) -> int:
    """Return how many are on the list and still there."""
    query = sa.select(sa.func.count()).where(
        _row.c.incident_id == incident.id, _row.c.left_out_at.is_(None)
    )
    return db.session.scalar(query) or 0


def gone(incident: Incident) -> tuple[int, int]:
    """Return how many of the list were erased since, and how many people before it was made.

    The second is at most how many of them were concerned: nobody can tell any more.
    """
    query = sa.select(sa.func.count()).where(_row.c.incident_id == incident.id)
    now_there = db.session.scalar(query) or 0
    before = people.erased_between(incident.began_at, incident.listed_at)
    if incident.state == CLOSED:
        return int(incident.counts.get("erased", 0)), int(incident.counts.get("before", before))
    return incident.listed - now_there, before


# -- The authority, and the end -----------------------------------------------------------


def reported(incident: Incident, at: datetime, late_why: str, *, now: datetime) -> None:
    """Note when it was reported to the authority. The caller commits.

    Raises Closed, NotInOrder or TooLate: after its hours the reasons go along (33(1)).
    """
    _lock(incident)
    if not incident.noticed_at <= at <= now:
        raise NotInOrder
    found = clocks(incident, place().country, people=concerned(incident))
    ends = [one.due for one in found if one.applies and one.name != PEOPLE and one.due]
    if not late_why.strip() and any(at > end for end in ends):
        raise TooLate
    incident.reported_at, incident.late_why = at, late_why.strip()
    db.session.flush()


def close(incident: Incident, remedy: str, *, now: datetime) -> None:
    """Close an incident; what, its effects and the remedy stay (33(5)). The caller commits.

    A rehearsal's list goes; its numbers stay. Raises Closed, DecideFirst, Unexplained,
    ReportFirst or TellFirst.
    """
    _lock(incident)
    if not incident.risk:
        raise DecideFirst
    if not remedy.strip():
        raise Unexplained
    if incident.risk != NO_RISK and incident.reported_at is None:
        raise ReportFirst
    if incident.risk not in (NO_RISK, RISK) and incident.people_at is None and concerned(incident):
        raise TellFirst
    erased, before = gone(incident)
    incident.counts = {
        **incident.counts,
        "people": concerned(incident),
        "erased": erased,
        "before": before,
        "kinds": kinds_of(incident),
        "sealed": kinds_of(incident, sealed=True),
    }
    incident.state, incident.closed_at, incident.remedy = CLOSED, now, remedy.strip()
    db.session.flush()
    if incident.rehearsal:
        db.session.execute(sa.delete(_row).where(_row.c.incident_id == incident.id))


def lock(incident: Incident) -> None:
    """Hold an incident for a verb. Raises Closed."""
    _lock(incident)


def _lock(incident: Incident) -> None:
    db.session.refresh(incident, with_for_update=True)
    if incident.state != OPEN:
        raise Closed


# -- Which --------------------------------------------------------------------------------


def open_ones() -> list[Incident]:
    """Return those that are open, those in earnest first."""
    query = sa.select(Incident).where(Incident.state == OPEN)
    return list(db.session.scalars(query.order_by(Incident.rehearsal, Incident.id).limit(100)))


def closed_ones(*, page: int = 1, most: int = 25) -> list[Incident]:
    """Return a page of those that are closed, the latest first, and one more if there is."""
    query = sa.select(Incident).where(Incident.state == CLOSED).order_by(Incident.id.desc())
    return list(db.session.scalars(query.offset((page - 1) * most).limit(most + 1)))


def public_ones(*, now: datetime) -> list[Incident]:
    """Return those that the owner made public."""
    query = sa.select(Incident).where(Incident.public_at.is_not(None), Incident.public_until > now)
    return list(db.session.scalars(query.order_by(Incident.id.desc()).limit(20)))


def last_rehearsed() -> datetime | None:
    """Return when a rehearsal was carried through to its end for the last time."""
    query = sa.select(Incident.closed_at).where(Incident.rehearsal, Incident.state == CLOSED)
    return db.session.scalar(query.order_by(Incident.closed_at.desc()).limit(1))


def of_persons(person_ids: Collection[str]) -> list[IncidentPerson]:
    """Return what these persons were told about, the latest first; nothing of a rehearsal."""
    query = (
        sa.select(IncidentPerson)
        .join(Incident)
        .options(sa.orm.contains_eager(IncidentPerson.incident))
        .where(
            IncidentPerson.person_id.in_(person_ids),
            IncidentPerson.left_out_at.is_(None),
            sa.or_(IncidentPerson.code != "", IncidentPerson.told_at.is_not(None)),
            sa.not_(Incident.rehearsal),
        )
        .order_by(Incident.id.desc(), IncidentPerson.id)
    )
    return list(db.session.scalars(query.limit(100)))


def texts_of(incident: Incident, language: str) -> Mapping[str, str]:
    """Return what the owner wrote in a language."""
    found: Mapping[str, str] = incident.texts.get(language, {})
    return found
