"""Until when the law wants a request about one's own data answered.

The house chooses whose clock it keeps. Where a law can be read in two ways, or would let
a day more pass over a weekend, the earlier day counts here: who answers by it is in time
by every reading. It is no legal advice.

That a request arrived is confirmed at once, which every law allows time for.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from app.core.languages import N_

GDPR, CALIFORNIA, CHINA = "gdpr", "california", "china"

MONTHS, MORE_MONTHS = 1, 2
DAYS, MORE_DAYS = 45, 45
WORKING_DAYS = 15
_SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Clock:
    """A law's clock: `due` of the day of a request, `extended` of that day and the first term."""

    name: str
    term: str
    ground: str  # as the law is cited where it holds
    complain: str  # to whom, where a request is refused
    due: Callable[[date], date]
    extended: Callable[[date], date] | None  # of the day of the request; None: no more time


def _months_after(on: date, months: int) -> date:
    """Return the day of the same number, or the last of a month that hasn't one.

    Regulation (EEC, Euratom) 1182/71, art. 3 (2) (c). By its art. 3 (4) a term that ends on
    a holiday or a weekend runs on to the next working day; that is never waited for here.
    """
    years, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    last = calendar.monthrange(years, month + 1)[1]
    return date(years, month + 1, min(on.day, last))


def working_days_after(on: date, days: int) -> date:
    """Return the day by which at the latest so many working days have passed.

    Every day but Sunday counts, holidays too. A calendar of public holidays would give
    later days, and China works on some Saturdays and Sundays to make up for holidays, which
    is decided anew each year: two such days in three weeks still end no earlier than this.
    """
    left = days
    while left:
        on += timedelta(days=1)
        left -= on.weekday() != _SUNDAY
    return on


def _days_from(on: date, days: int) -> date:
    """Return the last of so many days, of which the day of the request is the first.

    11 CCR § 7021 (b) has the days begin on the day on which the request was received.
    """
    return on + timedelta(days=days - 1)


CLOCKS = {
    GDPR: Clock(
        N_("European Union, United Kingdom, Switzerland"),
        N_("one month, and two more where we say why within the first"),
        N_("GDPR art. 12 (3)"),
        N_("the data protection authority of the place where you live, or of ours"),
        lambda on: _months_after(on, MONTHS),
        # From the end of the first term: at most three months from the request.
        lambda on: _months_after(_months_after(on, MONTHS), MORE_MONTHS),
    ),
    CALIFORNIA: Clock(
        N_("California"),
        N_("45 days, and 45 more where we say why within the first"),
        "11 CCR § 7021",
        N_("the California Privacy Protection Agency, or the Attorney General of California"),
        lambda on: _days_from(on, DAYS),
        lambda on: _days_from(on, DAYS + MORE_DAYS),
    ),
    CHINA: Clock(
        N_("China"),
        N_("15 working days"),
        "个人信息保护法第50条；GB/T 35273 8.5, 8.7",
        N_("the cyberspace administration of the place where you live"),
        lambda on: working_days_after(on, WORKING_DAYS),
        None,
    ),
}
"""By what a venue's `rights_law` names."""


def clock_of(law: str) -> Clock:
    """Return a law's clock; the strictest in what has to be said where the law is unknown."""
    return CLOCKS.get(law, CLOCKS[GDPR])


def due_on(law: str, on: date) -> date:
    """Return the last day on which a request of that day is answered in time."""
    return clock_of(law).due(on)


def extended_to(law: str, on: date) -> date | None:
    """Return the last day of a term that was extended, or None where the law has none."""
    extended = clock_of(law).extended
    return extended(on) if extended else None
