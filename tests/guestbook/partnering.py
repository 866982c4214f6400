"""Partners, stays and what was sent, for the tests of what goes to partners and what doesn't."""

import email
import email.policy
from datetime import date

import sqlalchemy as sa

from app.booking.models import Reservation
from app.consent import permissions
from app.core import outbox, worker
from app.core.audit import AuditEntry
from app.core.database import db
from app.guestbook import partners
from app.guestbook.partners import PartnerFacts
from app.guestbook.partners_models import PartnerTerms
from tests.owner.guests import book, details, stay

ARRIVE, DEPART = date(2031, 5, 20), date(2031, 5, 23)
ALICE = details("Alice Kanarienvogel", "alice@kanarie.example", phone="+4917139202777")
WHEELS = {
    "name": "Schilfrad",
    "contact": "Am Hafen 3, schilfrad.example",
    "email": "hello@schilfrad.example",
    "country": "DE",
    "language": "en",
    "texts": {"en": {"why": "So that bicycles stand ready for you."}},
    "kinds": ["name", "dates"],
    "way": "mail",
    "days_before": 3,
    "keeps_days": 7,
}


def facts(**changes):
    """Return what a partner is, with something else in it."""
    return PartnerFacts(**{**WHEELS, **changes})


def enter(app, clock, **changes):
    """Enter a partner; return its number and that of its terms."""
    with app.app_context():
        made = partners.enter(facts(**changes), now=clock())
        db.session.commit()
        return made.id, partners.terms_of(made.id).id


def booked(app, clock, who=ALICE, *, room="reed-room", days=(ARRIVE, DEPART)):
    """Book nights for somebody; return the reservation's number and its person's."""
    with app.app_context():
        reference = book(stay(room, *days), now=clock(), who=who)
        found = db.session.scalar(sa.select(Reservation).filter_by(reference=reference))
        return found.id, found.person_id


def allow(app, clock, person_id, terms_id):
    """Say yes, as on the page of a reservation."""
    with app.app_context():
        terms = db.session.get(PartnerTerms, terms_id)
        said = partners.allow(person_id, terms, how=permissions.RESERVATION, now=clock())
        db.session.commit()
        return said


def disallow(app, clock, person_id, terms_id):
    """Take it back."""
    with app.app_context():
        terms = db.session.get(PartnerTerms, terms_id)
        partners.disallow([person_id], terms, how=permissions.RESERVATION, now=clock())
        db.session.commit()


def line_up(app, clock):
    """Let the worker look who is due, without sending yet."""
    with app.app_context():
        [look] = [one for one in worker._periodic if one.__name__ == "pass_on"]
        look(clock())


def sweep(app, clock):
    """Do what the worker does each minute, and all that is due; return the mails to partners."""
    line_up(app, clock)
    with app.app_context():
        while outbox.run_due(now=clock()):
            pass
    return sent(app)


def sent(app):
    """Return the mails to partners, as they would have left."""
    folder = app.extensions["settings"].instance_dir / "mail"
    found = sorted(folder.glob("*-partner-*.eml")) if folder.is_dir() else []
    return [
        email.message_from_bytes(one.read_bytes(), policy=email.policy.default) for one in found
    ]


def refusals(app):
    """Return what the trail has of transfers that were refused: the partners' numbers."""
    with app.app_context():
        query = sa.select(AuditEntry).filter_by(verb="transfer.refused")
        return [(one.subject, one.detail) for one in db.session.scalars(query)]
