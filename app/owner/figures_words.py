"""The figures of the house in words: what each is called, what it counts, and its plot."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial

from babel.dates import format_skeleton
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from markupsafe import Markup

from app.core.languages import N_, current_locale, gettext, ngettext
from app.core.money import exponent, format_money
from app.owner.figures import Figures
from app.owner.figures_plots import Pair, Told, Value, columns
from app.owner.figures_sums import Sums

SHARE, MONEY, DAYS, COUNT = "share", "money", "days", "count"
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its key, its name, what counts in half a sentence, its kind and its value."""

    key: str
    name: str
    says: str
    kind: str
    of: Callable[[Sums], Value]


NIGHTS = (
    Figure(
        "occupancy",
        N_("Occupancy"),
        N_("Nights sold, of all that could be: each unit, each night, but for blocked and closed."),
        SHARE,
        lambda sums: sums.occupancy,
    ),
    Figure(
        "revenue",
        N_("Revenue from nights"),
        N_("Prices of confirmed nights, VAT included, in the month in which they are slept."),
        MONEY,
        lambda sums: sums.minor,
    ),
    Figure(
        "rate",
        N_("Average rate (ADR)"),
        N_("Revenue from nights, for each night sold."),
        MONEY,
        lambda sums: sums.rate,
    ),
    Figure(
        "per_available",
        N_("Revenue per available unit (RevPAR)"),
        N_("Revenue from nights, for each night that could be sold."),
        MONEY,
        lambda sums: sums.per_available,
    ),
)
SEATS = (
    Figure(
        "seats_share",
        N_("Share of seats sold"),
        N_("Seats sold, of those of each start on the timetable, and of each ever booked."),
        SHARE,
        lambda sums: sums.seats_share,
    ),
    Figure(
        "seats_revenue",
        N_("Revenue from seats"),
        N_("Prices of confirmed seats, VAT included, in the month in which they begin."),
        MONEY,
        lambda sums: sums.seats_minor,
    ),
)
BOOKINGS = (
    Figure(
        "lead",
        N_("Booked how long before"),
        N_("Days between booking and beginning, on average, in the month in which it begins."),
        DAYS,
        lambda sums: sums.lead,
    ),
    Figure(
        "cancelled",
        N_("Share cancelled"),
        N_("Reservations cancelled, of all that were firm once, in the month of their beginning."),
        SHARE,
        lambda sums: sums.cancelled_share,
    ),
)
LENGTH = Figure(
    "length",
    N_("Length of a stay"),
    N_("Nights in one unit, on average, in the month of arrival."),
    DAYS,
    lambda sums: sums.length,
)

# What the summary and the files count as well, without a plot.
_SOLD = Figure("sold", N_("Nights sold"), "", COUNT, lambda sums: sums.sold)
_AVAILABLE = Figure(
    "available", N_("Nights that could be sold"), "", COUNT, lambda sums: sums.available
)
_EXTRAS = Figure(
    "extras", N_("Revenue from extras and fees"), "", MONEY, lambda sums: sums.extras_minor
)
_BOOKINGS = Figure("bookings", N_("Reservations"), "", COUNT, lambda sums: sums.bookings)
_CANCELLED = Figure(
    "cancelled_count", N_("Reservations cancelled"), "", COUNT, lambda sums: sums.cancelled.total()
)
_MEDIAN = Figure(
    "lead_median", N_("Booked how long before (median)"), "", DAYS, lambda sums: sums.lead_median
)
_STAYS = Figure("stays", N_("Arrivals"), "", COUNT, lambda sums: sums.stays)
_SEATS_SOLD = Figure("seats_sold", N_("Seats sold"), "", COUNT, lambda sums: sums.seats_sold)
_SEATS = Figure("seats", N_("Seats offered"), "", COUNT, lambda sums: sums.seats)
SOURCES = {
    "web": N_("On the site"),
    "phone": N_("By telephone or mail"),
    "walk_in": N_("At the door"),
}
_BY_SOURCE = tuple(
    Figure(source, name, "", COUNT, partial(lambda key, sums: sums.sources[key], source))
    for source, name in SOURCES.items()
)

# As they stand in the files; an offer beside the house has the first two groups only.
OF_AN_OFFER = (
    _AVAILABLE, _SOLD, *NIGHTS, _STAYS, LENGTH, _SEATS, _SEATS_SOLD, *SEATS,
)  # fmt: skip
OF_THE_HOUSE = (
    *OF_AN_OFFER, _EXTRAS, _BOOKINGS, BOOKINGS[0], _MEDIAN, _CANCELLED, BOOKINGS[1], *_BY_SOURCE,
)  # fmt: skip

_WHEN = (
    (0, N_("On the day or later")),
    (6, N_("1 to 6 days before")),
    (29, N_("7 to 29 days before")),
    (None, N_("30 days before, or more")),
)
_LENGTHS = ((1, 1), (2, 2), (3, 4), (5, 7), (8, 14), (15, None))


# -- Values in words ----------------------------------------------------------------------------


def value_word(value: Value, kind: str, currency: str) -> str:
    """Return a figure as it is written in the current language; a dash for none."""
    if value is None:
        return NOTHING
    locale = current_locale()
    if kind == MONEY:
        return format_money(rounded(value), currency, locale)
    if kind == SHARE:
        return _percent(_decimal(value, 3), "#,##0.0")
    if kind == DAYS:
        return str(format_decimal(_decimal(value, 1), "#,##0.0", locale=locale))
    return str(format_decimal(rounded(value), locale=locale))


def rounded(value: Fraction | int) -> int:
    """Return the whole number next to a value, a half rounded up."""
    value = Fraction(value)
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _decimal(value: Fraction | int, digits: int) -> Decimal:
    """Return a value with so many digits, a half rounded up."""
    return Decimal(rounded(Fraction(value) * 10**digits)).scaleb(-digits)


def exact(value: Value, kind: str, currency: str) -> Decimal | int | None:
    """Return a figure as a number for a file: a share of one, an amount in major units."""
    if value is None:
        return None
    if kind == MONEY:
        return Decimal(rounded(value)).scaleb(-exponent(currency))
    if kind == SHARE:
        return _decimal(value, 4)
    return _decimal(value, 2) if kind == DAYS else rounded(value)


def change_word(now: Value, then: Value, kind: str) -> str:
    """Return how a figure differs from a year before: in points of a share, or in per cent."""
    if now is None or then is None or (kind != SHARE and not then):
        return NOTHING
    difference = Fraction(now) - Fraction(then)
    if kind == SHARE:
        points = format_decimal(
            _decimal(abs(difference) * 100, 1), "#,##0.0", locale=current_locale()
        )
        return gettext("%(points)s points", points=_sign(difference) + str(points))
    difference /= abs(Fraction(then))
    return _sign(difference) + _percent(_decimal(abs(difference), 3), "#,##0.0")


def _sign(value: Fraction) -> str:
    if abs(value) < Fraction(1, 2000):
        return ""  # it is written as nothing
    return "+" if value > 0 else "−"


def month_word(month: date) -> str:
    """Return "May 2031", short."""
    return str(format_skeleton("yMMM", month, locale=current_locale()))


def _percent(value: Decimal, digits: str) -> str:
    """Return a share in per cent, with as many digits as a pattern says."""
    locale = current_locale()
    pattern = locale.percent_formats[None].pattern.replace("#,##0", digits)
    return str(format_percent(value, pattern, locale=locale))


def _letter(month: date) -> str:
    return str(current_locale().months["stand-alone"]["narrow"][month.month])


# -- Plots and their tables -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plotted:
    """A figure with its plot and its table: rows of month, value, value a year before."""

    key: str
    name: str
    says: str
    svg: Markup | None
    rows: list[tuple[str, str, str]]


def plotted(figure: Figure, found: Figures, whose: str) -> Plotted:
    """Return a figure of some months, beside those of a year before, as plot and table."""
    drawn, rows = [], []
    every = 1 if len(found.months) <= 12 else 3
    for number, (month, now, then) in enumerate(
        zip(found.months, found.now, found.then, strict=True)
    ):
        values = [figure.of(sums) if sums else None for sums in (now, then)]
        said = [value_word(value, figure.kind, found.currency) for value in values]
        before = month_word(month.replace(year=month.year - 1))
        rows.append((month_word(month), said[0], said[1]))
        begins = number == 0 or month.month == 1
        drawn.append(
            Pair(
                letter=_letter(month) if (month.month - 1) % every == 0 else "",
                year=str(month.year) if begins and not (number == 0 and month.month == 12) else "",
                now=values[0],
                then=values[1],
                now_word=gettext(": ").join((month_word(month), said[0])),
                then_word=gettext(": ").join((before, said[1])),
            )
        )
    name = gettext(figure.name)
    told = Told(
        key=figure.key,
        title=gettext("%(figure)s by month: %(whose)s", figure=name, whose=whose),
        description=gettext(
            "Two columns for each month: on the left the one of a year before, on the right "
            "this one. The table below has the same figures."
        ),
        tick=partial(_tick, kind=figure.kind, currency=found.currency),
    )
    return Plotted(figure.key, name, gettext(figure.says), columns(drawn, told), rows)


def _tick(value: Fraction, *, kind: str, currency: str) -> str:
    """Return a round value at the side of a plot, as short as can be."""
    locale = current_locale()
    if kind == SHARE:
        return _percent(Decimal(value.numerator) / Decimal(value.denominator), "#,##0.##")
    major = value / 10 ** exponent(currency) if kind == MONEY else value
    number = Decimal(major.numerator) / Decimal(major.denominator)
    if number < 1000:
        return str(format_decimal(number, locale=locale))
    return str(format_compact_decimal(number, locale=locale, fraction_digits=1))


def summary_rows(found: Figures) -> Iterator[tuple[str, str, str, str]]:
    """Yield the figures of all the months: name, value, value a year before, the change."""
    sums, before = found.total, found.total_then
    some: list[Figure] = []
    if sums.available or sums.sold:
        some += [NIGHTS[0], _SOLD, *NIGHTS[1:], LENGTH]
    if sums.seats or sums.seats_sold:
        some += [_SEATS_SOLD, *SEATS]
    some += [*([_EXTRAS] if sums.extras_minor else []), _BOOKINGS, *BOOKINGS]
    for figure in some:
        now, then = figure.of(sums), figure.of(before) if before else None
        words = [value_word(value, figure.kind, found.currency) for value in (now, then)]
        yield gettext(figure.name), words[0], words[1], change_word(now, then, figure.kind)


def when_rows(cancelled: Counter[int]) -> list[tuple[str, str, int]]:
    """Return cancellations by how long before, as rows of a plot that is a table."""
    counts = []
    for low, (high, name) in zip((None, 0, 6, 29), _WHEN, strict=True):
        counts.append(
            (
                gettext(name),
                sum(
                    count
                    for days, count in cancelled.items()
                    if (low is None or days > low) and (high is None or days <= high)
                ),
            )
        )
    return _shares(counts)


def length_rows(lengths: Counter[int]) -> list[tuple[str, str, int]]:
    """Return stays by their nights, as rows of a plot that is a table."""
    counts = []
    for low, high in _LENGTHS:
        if high is None:
            name = gettext("%(low)s nights or more", low=low)
        elif low == high:
            name = ngettext("%(num)d night", "%(num)d nights", low)
        else:
            name = gettext("%(low)s to %(high)s nights", low=low, high=high)
        met = (n for nights, n in lengths.items() if low <= nights and (not high or nights <= high))
        counts.append((name, sum(met)))
    return _shares(counts)


def source_rows(sources: Counter[str]) -> list[tuple[str, str, int]]:
    """Return bookings by how they came, as rows of a plot that is a table."""
    return _shares([(gettext(name), sources[key]) for key, name in SOURCES.items()])


def _shares(counts: Sequence[tuple[str, int]]) -> list[tuple[str, str, int]]:
    total, longest = sum(count for _, count in counts), max(count for _, count in counts)
    if not total:
        return []
    return [
        (
            name,
            gettext(
                "%(count)s (%(share)s)",
                count=value_word(count, COUNT, ""),
                share=value_word(Fraction(count, total), SHARE, ""),
            ),
            100 * count // longest,
        )
        for name, count in counts
    ]
