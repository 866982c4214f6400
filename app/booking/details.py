"""Who books: a person made from the details form, sealed, with what they agreed to."""

import unicodedata
from datetime import datetime
from typing import Any

from app.accounts import details
from app.accounts.claims import claim_only, same_mailbox
from app.accounts.models import Account, Person
from app.booking.models import Reservation
from app.booking.signals import address_changed
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import vault
from app.policy.documents import record_agreement


def put_details(
    reservation: Reservation,
    values: dict[str, Any],
    *,
    now: datetime,
    language: str | None = None,
    account: Account | None = None,
    agreed: bool = True,
) -> Person:
    """Put a person on a held reservation, or correct them, and record their agreement.

    `values` are those of DetailsForm.person_values. `language` is that of the page
    on which they agreed, which the reservation speaks from then on; without one it
    stays as it was. What was left empty is stored nowhere. `account` is signed in:
    the reservation is theirs if it has their proved address, and otherwise it is for
    somebody else; whose it is already it stays, as long as its address does. `agreed`:
    whether they said yes to the terms; a guest for whom the house books hasn't yet. Flushes;
    the caller commits.
    """
    if language is not None:
        reservation.language = language
    person = reservation.person
    if person is None:
        person = Person(id=vault().new_person(), created_at=now)
        db.session.add(person)
        db.session.flush()
        reservation.person_id = person.id
    details.put_details(person, values)
    before, person.email = person.email, values["email"]
    corrected = not same_mailbox(before, person.email)
    if before and corrected:
        address_changed.send(person, now=now)
    index_person(person.id, name=values["name"], email=values["email"])
    db.session.flush()
    owner = _owner(account, values["email"])
    # Whoever goes on with it signed out, or with its link alone, takes it out of no account.
    if owner is not None or corrected:
        claim_only(owner, person.id, now=now)
    if agreed:
        record_agreement(person.id, reservation.language, reservation.reference, now=now)
    return person


def index_person(person_id: str, *, name: str | None, email: str | None) -> None:
    """Let somebody who booked be found by their whole name and address, and by no former one.

    Without an address (somebody at the door has none to give) by none.
    """
    for kind, value in ((Kind.NAME, tidy_name(name or "")), (Kind.EMAIL, email)):
        if value:
            vault().index(person_id, kind, value)
        else:
            vault().unindex(person_id, kind)


def tidy_name(name: str) -> str:
    """Return a name as it is looked up: in one spacing and form; the index folds its case."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def _owner(account: Account | None, email: str | None) -> Account | None:
    if email is None:
        return None
    proved = account.person.email if account is not None and account.verified_at else None
    return account if same_mailbox(proved, email) else None
