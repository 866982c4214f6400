"""A house that is to change hands, and the people whom that concerns."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.accounts import restrictions
from app.accounts.models import Account
from app.accounts.restrictions import RESTRICT
from app.booking.links import guest_key
from app.booking.models import Reservation
from app.continuity import controller_sealing as sealing
from app.continuity.controller_models import ControllerChange
from app.core import outbox, worker
from app.core.database import db
from app.core.datamap import Purpose
from tests.accounts.ways import let_in, make_guest, make_house
from tests.owner.guests import book, details, stay
from tests.owner.house import Somebody

DAY = date(2031, 6, 10)  # of the change; the clock begins on 5 May
SOON = (date(2031, 5, 8), date(2031, 5, 10))  # over by then
LATER = (date(2031, 6, 20), date(2031, 6, 23))  # not over by then
UNTIL_DAY = timedelta(days=36)
NEW = "Morgenrot Pension GmbH"


@dataclass
class Guest:
    """Somebody with a name that is nowhere else."""

    name: str
    email: str
    reference: str = ""
    account_id: int = 0


def guest(app: Flask, clock: Any, name: str, *, days: Any = None, account: bool = False) -> Guest:
    """Make a guest: with a booking, an account, or both."""
    token = name.rsplit(" ", maxsplit=1)[-1].lower()
    made = Guest(name, f"{token}@post.example")
    with app.app_context():
        if days:
            who = details(name, made.email, phone="+4938212345")
            made.reference = book(_free(days), now=clock(), who=who)
    if account:
        made.account_id = make_guest(app, clock, made.email)
        with app.app_context():
            db.session.get_one(Account, made.account_id).person.name = name
            db.session.commit()
    return made


def _free(days: Any) -> Any:
    """Return a wish for these nights; each later one for the next nights of the same room."""
    taken = db.session.scalar(sa.select(sa.func.count()).select_from(Reservation)) or 0
    apart = timedelta(days=4 * taken if days == LATER else 0)
    return stay("reed-room", *(day + apart for day in days))


def enter(app: Flask, clock: Any, account_id: int) -> Somebody:
    """Let an account in, as at this moment."""
    client = let_in(app, clock, app.test_client(), account_id, strong=True)
    return Somebody(app, client, account_id)


def owner_of(app: Flask, clock: Any) -> int:
    """Make an owner and return the account's number."""
    return make_house(app, clock, "owner", "owner@house.example").account_id


def work(app: Flask, clock: Any) -> None:
    """Let the worker do everything that is due, until nothing is."""
    with app.app_context():
        for _ in range(4):
            while outbox.run_due(now=clock()):
                pass
            worker.tidy(clock())


def restrict(app: Flask, clock: Any, made: Guest) -> None:
    """Have a guest's data kept, and used for nothing."""
    with app.app_context():
        restrictions.restrict([person_of(made)], Purpose.RESERVATION, RESTRICT, now=clock())
        db.session.commit()


def person_of(made: Guest) -> str:
    """Return a guest's person: of the account, or of the booking."""
    if made.account_id:
        return str(db.session.get_one(Account, made.account_id).person_id)
    query = sa.select(Reservation.person_id).where(Reservation.reference == made.reference)
    return str(db.session.scalar(query))


def link_of(app: Flask, made: Guest) -> str:
    """Return the address of a guest's own page about the change."""
    with app.app_context():
        query = sa.select(Reservation).where(Reservation.reference == made.reference)
        found = db.session.scalars(query).one()
        return f"/reservations/{made.reference}/controller?key={guest_key(found)}"


def plan(owner: Somebody, *, way: str, public: str = "", day: date = DAY, **more: str) -> Any:
    """Plan it on the owner's page."""
    typed = {
        "name": NEW,
        "address": "Morgenrotweg 1\n18356 Barth",
        "email": "privacy@morgenrot.example",
        "country": "DE",
        "changes_on": day.isoformat(),
        "way": way,
        "public_key": public,
        "words_en": "Thank you for all these years.",
        "words_de": "Danke für all die Jahre.",
    }
    return owner.post("/owner/controller/plan", **{**typed, **more})


def announce(owner: Somebody) -> Any:
    """Announce it on the owner's page."""
    return owner.post("/owner/controller/announce", typed=NEW)


def hand_over(owner: Somebody) -> Any:
    """Begin the hand-over on the owner's page."""
    return owner.post("/owner/controller/hand-over", typed=NEW.upper())


def change_in(app: Flask) -> ControllerChange:
    """Return the latest change, as it is now."""
    with app.app_context():
        query = sa.select(ControllerChange).order_by(ControllerChange.id.desc())
        return db.session.scalars(query.limit(1)).one()


def pair() -> tuple[str, str]:
    """Return a fresh pair of keys, as the command makes it."""
    return sealing.make_pair()


def codes_in(text: str) -> list[str]:
    """Return the addresses of a page's forms."""
    return re.findall(r'action="([^"]+)"', text)
