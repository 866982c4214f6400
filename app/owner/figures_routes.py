"""The owner's page of figures, and the same as files."""

import re
from datetime import datetime
from typing import NamedTuple

from flask import Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.models import READER
from app.booking.catalogue import Catalogue, text
from app.booking.shop import NothingOnOffer, shop
from app.core.clock import utcnow
from app.core.languages import gettext
from app.owner import figures_words as words
from app.owner.figures import Figures, figures
from app.owner.figures_files import as_csv, as_spreadsheet, rows
from app.owner.figures_queries import Months, first_day, month_of
from app.owner.roles import needs
from app.owner.routes import bp
from app.owner.visits_routes import way_rows
from app.web.attachments import attachment

LENGTHS = (3, 6, 12, 24)  # months
_VISITS = 90  # days of which there is a word about visits here
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class _Asked(NamedTuple):
    """What the address asks for."""

    months: Months
    slug: str


@bp.get("/figures", endpoint="figures")
@needs(READER)
def figures_page() -> ResponseReturnValue:
    """Show the figures of some months, each as plot and table."""
    catalogue = shop().catalogue
    now = utcnow()
    asked, found = _found(catalogue, now=now)
    names = _names(found)
    whose = _whose(asked, names)
    funnel, choices = way_rows(_VISITS, now=now)
    plots = [words.plotted(one, found, whose) for one in _plots(found)]
    return render_template(
        "owner/figures.html",
        asked=asked,
        first=words.month_word(found.months[0]),
        last=words.month_word(found.months[-1]),
        chosen=asked.months.end - 1,
        lengths=LENGTHS,
        ends=_ends(found, asked, now),
        names=names,
        whose=whose,
        unfinished=asked.months.end > month_of(now.astimezone(asked.months.zone).date()),
        found=found,
        summary=list(words.summary_rows(found)),
        plots=plots,
        when=words.when_rows(found.total.cancelled),
        lengths_of_stay=words.length_rows(found.total.lengths),
        sources=words.source_rows(found.total.sources),
        visits_days=_VISITS,
        funnel=funnel,
        choices=choices,
        word=words.value_word,
        month_key=_key,
        month_word=words.month_word,
        first_day=first_day,
    )


@bp.get("/figures.csv", endpoint="figures_csv")
@needs(READER)
def figures_csv() -> ResponseReturnValue:
    """Answer with the figures as CSV."""
    return _file("csv", "text/csv; charset=utf-8")


@bp.get("/figures.xlsx", endpoint="figures_xlsx")
@needs(READER)
def figures_xlsx() -> ResponseReturnValue:
    """Answer with the figures as a spreadsheet."""
    return _file("xlsx", _XLSX)


def _file(kind: str, content_type: str) -> Response:
    try:
        catalogue = shop().catalogue
    except NothingOnOffer:
        abort(404)
    asked, found = _found(catalogue, now=utcnow())
    names = _names(found)
    table = rows(found, _whose(asked, names), names)
    content = as_csv(table) if kind == "csv" else as_spreadsheet(table)
    until = first_day(asked.months.end - 1)
    name = f"figures-{first_day(asked.months.first):%Y-%m}-{until:%Y-%m}.{kind}"
    return attachment(content, content_type, name)


def _found(catalogue: Catalogue, *, now: datetime) -> tuple[_Asked, Figures]:
    """Return what is asked for and its figures; 404 for what is no choice of the page's."""
    zone = catalogue.venue.zone
    length, until = request.args.get("months", "12"), request.args.get("until", "")
    here = month_of(now.astimezone(zone).date())
    if length not in map(str, LENGTHS):
        abort(404)
    if until:
        known = re.fullmatch(r"(2[01]\d\d)-(0[1-9]|1[0-2])", until, re.ASCII) or abort(404)
        here = int(known[1]) * 12 + int(known[2]) - 1
    asked = _Asked(Months(here + 1 - int(length), here + 1, zone), request.args.get("offer", ""))
    try:
        return asked, figures(catalogue, asked.months, slug=asked.slug)
    except KeyError:
        abort(404)


def _names(found: Figures) -> dict[str, str]:
    return {slug: text(texts, "name") or slug for slug, texts in found.choices}


def _whose(asked: _Asked, names: dict[str, str]) -> str:
    return names.get(asked.slug, asked.slug) if asked.slug else gettext("the whole house")


def _plots(found: Figures) -> list[words.Figure]:
    """Return what there is to plot: nights where there are any, and seats where there are."""
    total, some = found.total, [*words.BOOKINGS]
    if total.seats or total.seats_sold:
        some = [*words.SEATS, *some]
    if total.available or total.sold or not (total.seats or total.seats_sold):
        some = [*words.NIGHTS, *some, words.LENGTH]
    return some


def _ends(found: Figures, asked: _Asked, now: datetime) -> list[int]:
    """Return the months with which a span may end, the newest first."""
    here = month_of(now.astimezone(asked.months.zone).date())
    first, last = found.reach or (here, here)
    some = range(first, max(last, here) + 1)
    return sorted({*some, asked.months.end - 1}, reverse=True)


def _key(month: int) -> str:
    return f"{first_day(month):%Y-%m}"
