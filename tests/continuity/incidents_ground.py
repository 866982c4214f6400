"""A house to which something happens, and the people whom that concerns."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.accounts.models import Account, Person
from app.continuity.incidents_models import COPIED, Incident, IncidentPerson
from app.continuity.incidents_said import Report
from app.core.database import db
from app.privacy import erasing
from app.privacy.subjects import of_account
from tests.continuity import changing
from tests.continuity.changing import LATER, guest
from tests.owner.house import Somebody

WORDS = {
    "what": "A copy of our bookings was taken.",
    "effects": "Somebody may write to you in our name.",
    "measures": "We shut that door.",
    "advice": "Please be wary of such mails.",
}


def people_of(app: Flask, clock: Any) -> dict[str, changing.Guest]:
    """Make guests of every sort: with an account, without, both, by telephone."""
    made = {
        "ada": guest(app, clock, "Ada Sturmvogel", days=LATER, account=True),
        "ben": guest(app, clock, "Ben Goldregenpfeifer", days=LATER),
        "eve": guest(app, clock, "Eve Kampflaeuferin", account=True),
        "flo": guest(app, clock, "Flo Fernsprecher", days=LATER),
    }
    with app.app_context():
        person = db.session.get_one(Person, changing.person_of(made["flo"]))
        person.email = None  # by telephone
        db.session.commit()
    return made


def erase(app: Flask, clock: Any, made: changing.Guest) -> None:
    """Have somebody erased to the end."""
    with app.app_context():
        asked = erasing.ask(of_account(db.session.get_one(Account, made.account_id)), now=clock())
        erasure_id = asked.id
        db.session.commit()
    with app.app_context():
        erasing.go_on(erasure_id, now=clock())
    changing.work(app, clock)


def tell_what_happened(owner: Somebody, clock: Any, **more: Any) -> Any:
    """Write an incident down on the owner's page."""
    now = clock()
    typed: dict[str, Any] = {
        "kind": COPIED,
        "noticed_on": now.date().isoformat(),
        "noticed_at": f"{now.hour + 2:02}:{now:%M}",
        "began_on": (now - timedelta(days=2)).date().isoformat(),
        "note": "The memory stick of the office.",
    }
    return owner.post("/owner/incidents/new", **{**typed, **more})


def recorded(app: Flask) -> Incident:
    """Return the latest incident, as it is now."""
    with app.app_context():
        query = sa.select(Incident).order_by(Incident.id.desc()).limit(1)
        return db.session.scalars(query).one()


def listed(app: Flask) -> dict[str, tuple[set[str], set[str]]]:
    """Return who is on the list of the latest incident: kinds read, and kinds sealed."""
    incident_id = recorded(app).id
    with app.app_context():
        query = sa.select(IncidentPerson).where(
            IncidentPerson.incident_id == incident_id, IncidentPerson.left_out_at.is_(None)
        )
        return {
            row.person_id: (set(row.kinds), set(row.sealed_kinds))
            for row in db.session.scalars(query)
        }


def report_of(clock: Any, **more: Any) -> Report:
    """Return what an owner says of an incident that was noticed just now."""
    said: dict[str, Any] = {
        "kind": COPIED,
        "noticed_at": clock(),
        "began_at": clock() - timedelta(days=2),
        "ended_at": clock(),
    }
    return Report(**{**said, **more})
