"""What the house doesn't get to see: details of persons who asked that they be left alone.

Whoever restricts the use of their data for reservations (GDPR, Article 18) has reference,
dates and what was booked shown on the owner's pages, and nothing that says who they are,
to nobody of the house, its owner included, until they lift it. Every page that opens a
person for the house asks `hidden` here; a test goes through them all.
"""

from collections.abc import Collection, Iterable
from email.utils import parseaddr

from flask import g, has_request_context, request

from app.accounts.models import Person
from app.accounts.restrictions import restricted
from app.core.datamap import Kind, Purpose
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import vault
from app.owner.letters import Letter
from app.owner.readings import person_of_letters


class DetailsRestricted(DomainError):
    """The guest has asked that who they are isn't used for now."""

    message = N_(
        "The guest has asked that their details not be used for now. The reference, the dates "
        "and what was booked are all there is to see until they lift it themselves."
    )


def hidden(person_ids: Iterable[str | None]) -> set[str]:
    """Return those of the persons whom the house may not see now. One statement at most.

    A page that only reads asks about each person once: it sees the book as of one moment.
    """
    ids = {person_id for person_id in person_ids if person_id}
    if not has_request_context() or request.method != "GET":
        return restricted(ids, Purpose.RESERVATION) if ids else set()
    known: dict[str, bool] = g.setdefault("hidden_persons", {})
    if unknown := ids - known.keys():
        away = restricted(unknown, Purpose.RESERVATION)
        known.update((person_id, person_id in away) for person_id in unknown)
    return {person_id for person_id in ids if known[person_id]}


def is_hidden(person_id: str | None) -> bool:
    """Whether the house may not see a person now."""
    return bool(hidden([person_id]))


def shown(person: Person | None) -> Person | None:
    """Return a person whom the house may see; None for nobody, and for who is hidden."""
    return None if person is None or is_hidden(person.id) else person


def refuse_hidden(person_id: str | None) -> None:
    """Raise DetailsRestricted for a person whom the house may not see now."""
    if is_hidden(person_id):
        raise DetailsRestricted


def shown_letters(letters: Collection[Letter]) -> list[Letter]:
    """Return the demo's letters but those to persons whom the house may not see."""
    known = person_of_letters(letter.name for letter in letters)
    addressees = {letter.name: _addressees(letter, known) for letter in letters}
    away = hidden(person for persons in addressees.values() for person in persons)
    return [letter for letter in letters if away.isdisjoint(addressees[letter.name])]


def _addressees(letter: Letter, known: dict[str, str]) -> set[str]:
    """Return whom a letter may be to: whose it is, or whoever has its address."""
    if letter.name in known:
        return {known[letter.name]}
    address = parseaddr(letter.to)[1]
    kinds = (Kind.EMAIL, Kind.ACCOUNT_EMAIL)
    return {one for kind in kinds for one in vault().find(kind, address)} if address else set()
