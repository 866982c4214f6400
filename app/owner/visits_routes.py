"""The owner's page of visits: totals as plots that are tables."""

from collections.abc import Callable, Sequence
from datetime import datetime

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.models import READER
from app.consent.words import browser_word, click_word, device_word, page_word, system_word
from app.core.clock import utcnow
from app.core.languages import N_, gettext
from app.owner.roles import needs
from app.owner.routes import bp
from app.owner.visits import (
    GIVEN,
    LEAST,
    PERIODS,
    REFUSED,
    SIGNALLED,
    Bar,
    Visits,
    ends_of,
    visits,
    way,
)

_CHOICES = {
    GIVEN: N_("Yes to something"),
    REFUSED: N_("No to everything"),
    SIGNALLED: N_("No, by the browser’s signal"),
}
_FUNNEL = {
    "/search": N_("Searched"),
    "/offers/<slug>": N_("… and opened an offer"),
    "/basket/<key>": N_("… and filled a basket"),
    "/checkout/<key>": N_("… and came to the details"),
    "/reservations/<reference>": N_("… and saw a reservation of theirs"),
}

Row = tuple[str, str, int]


@bp.get("/visits", endpoint="visits")
@needs(READER)
def visits_page() -> ResponseReturnValue:
    """Show the totals of the last days."""
    days = request.args.get("days", str(PERIODS[0]))
    if days not in map(str, PERIODS):
        abort(404)
    found = visits(int(days), now=utcnow())
    return render_template(
        "owner/visits.html",
        days=int(days),
        periods=PERIODS,
        least=LEAST,
        found=found,
        funnel=_rows(found.funnel, lambda key: gettext(_FUNNEL[key])) if found.visitors else [],
        choices=_rows(found.choices, lambda key: gettext(_CHOICES[key])),
        plots=_plots(found),
    )


def way_rows(days: int, *, now: datetime) -> tuple[list[Row], list[Row]]:
    """Return the rows of two plots: from searching to booking, and the cookie question."""
    steps, answers = way(days, now=now)
    return (
        _rows(steps, lambda key: gettext(_FUNNEL[key])) if any(bar.count for bar in steps) else [],
        _rows(answers, lambda key: gettext(_CHOICES[key])),
    )


def _plots(found: Visits) -> list[tuple[str, str, str, list[Row]]]:
    """Return the plots by visitors: id, heading, head of the first column, rows."""
    return [
        ("pages", gettext("Pages"), gettext("Page"), _rows(found.pages, page_word)),
        ("paths", gettext("From page to page"), gettext("Path"), _rows(found.paths, _path_word)),
        ("clicks", gettext("Clicks"), gettext("Click"), _rows(found.clicks, click_word)),
        ("hosts", gettext("Where they came from"), gettext("Site"), _rows(found.hosts, str)),
        ("devices", gettext("Devices"), gettext("Device"), _rows(found.devices, device_word)),
        ("browsers", gettext("Browsers"), gettext("Browser"), _rows(found.browsers, browser_word)),
        ("systems", gettext("Systems"), gettext("System"), _rows(found.systems, system_word)),
    ]


def _rows(bars: Sequence[Bar], word: Callable[[str], str]) -> list[Row]:
    """Return a plot's rows: label, figure, and the bar's length in hundredths of the longest."""
    longest = max((bar.count for bar in bars), default=0) or 1
    return [
        (
            word(bar.key) if bar.key is not None else gettext("Everything else"),
            str(bar.count) if bar.count else gettext("too few"),
            100 * bar.count // longest,
        )
        for bar in bars
    ]


def _path_word(path: str) -> str:
    first, second = ends_of(path)
    return f"{page_word(first)} → {page_word(second)}"
