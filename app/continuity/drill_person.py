"""The made-up person of a rehearsal, written by the verbs that real ones are written by."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.accounts import registering
from app.accounts.claims import persons_of
from app.accounts.models import Account, MailLink
from app.accounts.profile import save_profile
from app.booking.details import put_details
from app.booking.holds import hold
from app.booking.prices import StayWish, quote
from app.booking.reservations import cancel_one, confirm, get_for_update
from app.booking.shop import shop
from app.core.database import KEYS, Base, connect_to_read, db, table
from app.core.errors import DomainError
from app.core.vault import BlindIndex, PersonKey

TRIES = 40  # starts of a stay that are tried, a week apart


@dataclass(slots=True)
class Canary:
    """A made-up person, and what can be searched for."""

    person_ids: list[str]  # the account's, and the reservation's that it claimed
    words: list[bytes] = field(default_factory=list)  # that must be readable nowhere
    in_book: list[bytes] = field(default_factory=list)
    in_keys: list[bytes] = field(default_factory=list)
    sealed: list[tuple[str, str, bytes]] = field(default_factory=list)  # whose, where, what

    def collect(self) -> None:
        """Take down every sealed value of theirs, their numbers, their keys and indexes."""
        numbers = [person_id.encode() for person_id in self.person_ids]
        self.sealed = [
            (person_id, f"{found.name}.{column.name}", bytes(value))
            for found in Base.metadata.sorted_tables
            for column in _sealed_columns(found)
            for person_id, value in self._values(found, column)
        ]
        self.in_book = [*numbers, *{value for _, _, value in self.sealed}]
        keys, indexes = table(PersonKey), table(BlindIndex)
        with connect_to_read(db.engines[KEYS]) as connection:
            wrapped = sa.select(keys.c.wrapped).where(keys.c.person_id.in_(self.person_ids))
            digests = sa.select(indexes.c.digest).where(indexes.c.person_id.in_(self.person_ids))
            found = [*connection.scalars(wrapped), *connection.scalars(digests)]
        self.in_keys = [*numbers, *{bytes(value) for value in found}]

    def _values(self, found: sa.Table, column: sa.Column[bytes]) -> list[tuple[str, bytes]]:
        if found.name == "person":
            whose = found.c.id
        elif "person_id" in found.c:
            whose = found.c.person_id
        else:
            return []
        query = sa.select(whose, column).where(whose.in_(self.person_ids), column.is_not(None))
        return [(row[0], row[1]) for row in db.session.execute(query)]


def _sealed_columns(found: sa.Table) -> list[sa.Column[bytes]]:
    return [
        column
        for column in found.columns
        if isinstance(column.type, sa.LargeBinary) and column.nullable
    ]


def make_person(*, now: datetime) -> Canary:
    """Register, fill in a profile and book, with values that exist nowhere else. Commits."""
    token = secrets.token_hex(12)
    email = f"{token}@drill.example"
    asked = registering.ask_for_account(email, f"no password {token}", None, language="en", now=now)
    db.session.commit()
    link = db.session.scalars(sa.select(MailLink).where(MailLink.account_id == asked.id)).one()
    account = registering.open_account(link, now=now)
    save_profile(account, _profile(token), now=now)
    db.session.commit()
    _book(account, token, now=now)
    return Canary(list(persons_of(account)), words=[token.encode()])


def _profile(token: str) -> dict[str, object]:
    address = {"street_address": token, "city": token, "country_code": "DE"}
    words = {name: f"{name} {token}" for name in ("name", "title", "company", "wechat_id", "phone")}
    return {
        **words,
        "username": f"d{token[:16]}",
        "billing_address": address,
        "shipping_address": address,
        "language": "en",
    }


def _book(account: Account, token: str, *, now: datetime) -> None:
    """Book and cancel some nights under the account, where there are any to be had."""
    catalogue = shop().catalogue
    db.session.rollback()
    for offer in catalogue.stays_by_id.values():
        for week in range(2, TRIES):
            arrive = (now + timedelta(weeks=week)).date()
            try:
                wish = StayWish(offer, arrive, arrive + timedelta(days=3), 1)
                held = hold(catalogue, quote(catalogue, [wish]), language="en", now=now)
            except DomainError:
                db.session.rollback()
                continue
            reservation = get_for_update(held.reservation_id)
            profile = _profile(token)
            email = f"{token}@drill.example"
            put_details(reservation, {**profile, "email": email}, now=now, account=account)
            confirm(reservation, now=now)
            db.session.commit()
            cancel_one(held.reservation_id, expected_refund=None, now=now)
            db.session.commit()
            return
