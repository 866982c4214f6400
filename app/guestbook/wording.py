"""Wishes in words, for the guest's own pages and the house's."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from app.booking import wording
from app.core.languages import N_, gettext
from app.guestbook.wishes import ONE_BED, TWO_BEDS, Wishes

_BEDS = {ONE_BED: N_("One bed for two"), TWO_BEDS: N_("Two beds")}
_UTC = ZoneInfo("UTC")


def bed_word(bed: str) -> str:
    """Return how the beds are to be made."""
    return gettext(_BEDS[bed]) if bed in _BEDS else ""


def clock_word(arrival: str) -> str:
    """Return a time of day as the current language writes it; what isn't one as it is."""
    try:
        at = time.fromisoformat(arrival)
    except ValueError:
        return arrival
    return wording.clock(datetime.combine(date(2000, 1, 1), at, UTC), _UTC)


def wish_facts(wishes: Wishes) -> list[tuple[str, str]]:
    """Return what was asked for as pairs of what it is about, and what was said."""
    facts = [
        (gettext("Arrives at"), clock_word(wishes.arrival) if wishes.arrival else ""),
        (gettext("Beds"), bed_word(wishes.bed)),
        (gettext("Diet"), wishes.diet),
        (gettext("Asked for"), wishes.words),
    ]
    return [(label, said) for label, said in facts if said]
