"""What the house offers, made and changed: the verbs behind the pages of offers.

A change is for whoever books from then on. A reservation has its lines, names, prices
and terms written into it, and none of these verbs touches one. The caller commits.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from app.booking.models import (
    Block,
    ClosedRow,
    Night,
    OfferRow,
    RateRow,
    ReservationLine,
    Seating,
    SessionPlaces,
    UnitRow,
    VenueRow,
)
from app.booking.shop import has_price
from app.core.database import db, table
from app.core.errors import DomainError
from app.core.languages import LANGUAGES, N_

Words = Mapping[str, Mapping[str, str]]

_night, _places, _seating = table(Night), table(SessionPlaces), table(Seating)
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe"}
)
_SLUG_MOST = 50
# What an offer says in each language; the first has to be there before it is sold.
WORDS = ("name", "summary", "story")


class HasReservations(DomainError):
    """What was reserved once stays in the books."""

    message = N_("This has reservations, so it can’t be deleted. Take it off sale instead.")


class UnitsTaken(DomainError):
    """On `day`, so many are `taken`."""

    message = N_(
        "On %(day)s there are more taken than that: %(taken)d. Move or cancel some first, or "
        "take the offer off sale."
    )


class UnitInUse(DomainError):
    """Somebody will be in the unit, or it is blocked."""

    message = N_("%(name)s is taken from %(day)s on. Move who is there to another one first.")


class WhichUnit(DomainError):
    """Fewer names, and not plain which unit is meant."""

    message = N_("To give one up, take its name off the list and leave the others as they are.")


class NotWhole(DomainError):
    """It lacks a name or a price."""

    message = N_("It needs a name, and a price for every night, before it can go on sale.")


class NoPriceLeft(DomainError):
    """A stay would have nights without a price."""

    message = N_("This is the price for every other night. Change it, but don’t take it away.")


class BadDays(DomainError):
    """The last day is before the first one, or too far from it."""

    message = N_("Please give a last day that isn’t before the first, two years at most.")


class NightsBackwards(DomainError):
    """The most nights are fewer than the least."""

    message = N_("The most can’t be fewer than the least.")


@dataclass(frozen=True, slots=True)
class StayFacts:
    """The numbers of a stay. `vat_bp`: hundredths of a percent."""

    unit_names: Sequence[str]
    adults_most: int
    children_most: int
    guests_most: int
    nights_least: int
    nights_most: int
    vat_bp: int
    position: int


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The numbers of a session; `starts` and `rules` as `booking.schedule` reads them."""

    minutes: int
    seats: int
    cutoff_minutes: int
    adult_minor: int
    child_minor: int
    vat_bp: int
    position: int
    starts: str
    rules: str


def plain_name(name: str) -> str:
    """Return a name in letters that addresses have: "morgen-tour"; nothing of a Chinese one."""
    folded = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    plain = re.sub(r"[^a-z0-9]+", "-", "".join(c for c in folded if not unicodedata.combining(c)))
    return plain.strip("-")[:_SLUG_MOST].strip("-")


def slug_of(name: str, kind: str) -> str:
    """Return a free address made from a name, as an offer keeps it for ever."""
    stem = plain_name(name) or kind
    query = sa.select(OfferRow.slug).where(OfferRow.slug.startswith(stem, autoescape=True))
    taken = set(db.session.scalars(query))
    numbered = (f"{stem}-{n}" for n in range(2, len(taken) + 3))
    return stem if stem not in taken else next(one for one in numbered if one not in taken)


def make_stay(facts: StayFacts, words: Words, minor: int) -> OfferRow:
    """Draft a stay with its price for every night. Raises NightsBackwards."""
    row = OfferRow(
        kind="stay", slug=slug_of(first_name(words), "stay"), texts={}, picture="", on_sale=False
    )
    row.rates = [RateRow(minor=minor, weekdays="0123456", priority=0)]
    row.unit_rows = [UnitRow(position=n, name=name) for n, name in enumerate(facts.unit_names)]
    _put_stay(row, facts)
    row.texts = merged(row.texts, words)
    db.session.add(row)
    db.session.flush()
    return row


def make_session(facts: SessionFacts, words: Words) -> OfferRow:
    """Draft a session."""
    slug = slug_of(first_name(words), "session")
    row = OfferRow(kind="session", slug=slug, texts={}, picture="", on_sale=False)
    _put_session(row, facts)
    row.texts = merged(row.texts, words)
    db.session.add(row)
    db.session.flush()
    return row


def change_stay(row: OfferRow, facts: StayFacts, *, today: date) -> None:
    """Change a stay's numbers, for whoever books from now on.

    Raises NightsBackwards, UnitsTaken, UnitInUse and WhichUnit.
    """
    _lock(row)
    _put_stay(row, facts)
    _change_units(row, list(facts.unit_names), today=today)
    db.session.flush()


def change_session(row: OfferRow, facts: SessionFacts, *, now: datetime) -> None:
    """Change a session's numbers, for whoever books from now on. Raises UnitsTaken."""
    _lock(row)
    if facts.seats != row.seats:
        later = (_places.c.offer_id == row.id, _places.c.starts_at > now)
        query = sa.select(_places.c.starts_at, _places.c.taken).where(*later)
        locked = db.session.execute(query.order_by(_places.c.starts_at).with_for_update()).all()
        for starts_at, taken in locked:
            if taken > facts.seats:
                raise UnitsTaken(day=starts_at.date(), taken=taken)
        db.session.execute(sa.update(_places).where(*later).values(capacity=facts.seats))
    _put_session(row, facts)
    db.session.flush()


def _lock(row: OfferRow) -> None:
    """Have whoever makes a counter of it wait (`booking.inventory`), so that none is left out."""
    db.session.refresh(row, with_for_update={"key_share": True})


def put_words(row: OfferRow | VenueRow, words: Words) -> None:
    """Change what an offer, or the place, says of itself; an offer's address stays as it is."""
    row.texts = merged(row.texts, words)
    db.session.flush()


def merged(kept: Words, words: Words) -> dict[str, dict[str, str]]:
    """Return texts with others put over them; what isn't asked stays, what is emptied goes."""
    languages = [code for code in LANGUAGES if code in kept or code in words]
    return {
        code: found
        for code in languages
        if (
            found := {
                key: said
                for key, said in {**kept.get(code, {}), **words.get(code, {})}.items()
                if said
            }
        )
    }


def put_on_sale(row: OfferRow) -> None:
    """Let visitors see and book it. Raises NotWhole."""
    if not has_price(row) or not first_name(row.texts):
        raise NotWhole
    row.on_sale = True
    db.session.flush()


def take_off_sale(row: OfferRow) -> None:
    """Show it to nobody any more; what is reserved stays as it is."""
    row.on_sale = False
    db.session.flush()


def has_reservations(row: OfferRow) -> bool:
    """Whether any reservation was ever made of it, or a unit of it blocked."""
    reserved = sa.select(ReservationLine.id).where(ReservationLine.offer_id == row.id).limit(1)
    blocked = sa.select(Block.id).where(Block.offer_id == row.id).limit(1)
    return any(db.session.scalar(query) is not None for query in (reserved, blocked))


def remove(row: OfferRow) -> None:
    """Delete an offer that nobody ever reserved. Raises HasReservations."""
    if has_reservations(row):
        raise HasReservations
    for counters in (_night, _places):
        db.session.execute(sa.delete(counters).where(counters.c.offer_id == row.id))
    db.session.delete(row)
    db.session.flush()


def names_of(row: OfferRow) -> list[str]:
    """Return the names of a stay's units, without those that were given up."""
    return [unit.name for unit in row.unit_rows if unit.position >= 0]


def first_name(words: Words) -> str:
    """Return a name in whichever language has one."""
    return next((said["name"] for said in words.values() if said.get("name")), "")


def _put_stay(row: OfferRow, facts: StayFacts) -> None:
    if facts.nights_most < facts.nights_least:
        raise NightsBackwards
    row.units = len(facts.unit_names) if row.units is None else row.units
    row.adults_most, row.children_most = facts.adults_most, facts.children_most
    row.guests_most, row.vat_bp = facts.guests_most, facts.vat_bp
    row.nights_least, row.nights_most = facts.nights_least, facts.nights_most
    row.position = facts.position


def _put_session(row: OfferRow, facts: SessionFacts) -> None:
    row.minutes, row.seats, row.cutoff_minutes = facts.minutes, facts.seats, facts.cutoff_minutes
    row.adult_minor, row.child_minor = facts.adult_minor, facts.child_minor
    row.vat_bp, row.position = facts.vat_bp, facts.position
    row.schedule_starts, row.schedule_rules = facts.starts, facts.rules


# -- Units ------------------------------------------------------------------------------------


def _change_units(row: OfferRow, names: list[str], *, today: date) -> None:
    """Rename units, add some at the end, or give some up."""
    units = [unit for unit in row.unit_rows if unit.position >= 0]
    if len(names) < len(units):
        gone = _given_up(units, names)
        _set_capacity(row, len(names), today=today)
        for unit in gone:
            _give_up(unit, today=today)
    else:
        if len(names) > len(units):
            _set_capacity(row, len(names), today=today)
        for unit, name in zip(units, names, strict=False):
            unit.name = name
        start = max((unit.position for unit in units), default=-1) + 1
        for number, name in enumerate(names[len(units) :]):
            row.unit_rows.append(UnitRow(position=start + number, name=name))
    row.units = len(names)


def _given_up(units: Sequence[UnitRow], names: Sequence[str]) -> list[UnitRow]:
    left = list(names)
    gone: list[UnitRow] = []
    for unit in units:
        if unit.name in left:
            left.remove(unit.name)
        else:
            gone.append(unit)
    if left:
        raise WhichUnit
    return gone


def _give_up(unit: UnitRow, *, today: date) -> None:
    query = sa.select(sa.func.min(_seating.c.night), sa.func.count()).where(
        _seating.c.unit_id == unit.id
    )
    first, _ = db.session.execute(query.where(_seating.c.night >= today)).one()
    if first is not None:
        raise UnitInUse(name=unit.name, day=first)
    unit.position = -unit.id


def _set_capacity(row: OfferRow, units: int, *, today: date) -> None:
    """Tell the counters from today on how many units there are. Raises UnitsTaken."""
    later = (_night.c.offer_id == row.id, _night.c.night >= today)
    query = sa.select(_night.c.night, _night.c.taken).where(*later)
    for night, taken in db.session.execute(query.order_by(_night.c.night).with_for_update()).all():
        if taken > units:
            raise UnitsTaken(day=night, taken=taken)
    db.session.execute(sa.update(_night).where(*later).values(capacity=units))


# -- Prices and closed days -------------------------------------------------------------------


def add_rate(row: OfferRow, rate: RateRow) -> None:
    """Add a price for some nights. Raises BadDays."""
    if rate.first and rate.last and rate.last < rate.first:
        raise BadDays
    row.rates.append(rate)
    db.session.flush()


def change_rate(row: OfferRow, rate: RateRow) -> None:
    """Take over a rate that was changed. Raises BadDays and NoPriceLeft."""
    if rate.first and rate.last and rate.last < rate.first:
        raise BadDays
    if not has_price(row):
        raise NoPriceLeft
    db.session.flush()


def remove_rate(row: OfferRow, rate: RateRow) -> None:
    """Take a price away. Raises NoPriceLeft for the one that every other night has."""
    row.rates.remove(rate)
    if not has_price(row):
        raise NoPriceLeft
    db.session.flush()


def close(row: OfferRow, first: date, last: date) -> ClosedRow:
    """Close an offer from one day to another, both included. Raises BadDays.

    Nobody books those nights any more; who has booked them already, stays.
    """
    if not 0 <= (last - first).days <= 731:
        raise BadDays
    made = ClosedRow(offer_id=row.id, first=first, until=date.fromordinal(last.toordinal() + 1))
    db.session.add(made)
    db.session.flush()
    return made


def closed_days(offer_id: int) -> Sequence[ClosedRow]:
    """Return when an offer is closed, the earliest first."""
    query = sa.select(ClosedRow).where(ClosedRow.offer_id == offer_id)
    return db.session.scalars(query.order_by(ClosedRow.first)).all()


def missing(row: OfferRow) -> dict[str, list[str]]:
    """Return {language: what it lacks} of an offer's texts; the picture's only if it has one."""
    wanted = (*WORDS, "alt") if row.picture else WORDS
    lacks = {
        code: [key for key in wanted if not row.texts.get(code, {}).get(key)] for code in LANGUAGES
    }
    return {code: keys for code, keys in lacks.items() if keys}
