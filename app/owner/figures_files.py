"""The figures as files: rows of months, the house first and then each offer.

Numbers are numbers, shares of one and amounts in major units. The only words of the
owner's in them are names of offers, and no program takes one for a formula.
"""

import csv
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO

from app.core.languages import gettext
from app.owner.figures import Figures, OfferFigures
from app.owner.figures_sums import Sums
from app.owner.figures_words import MONEY, OF_AN_OFFER, OF_THE_HOUSE, exact

Cell = str | int | Decimal | None

# What spreadsheets take for the beginning of a formula, in a CSV file (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"＝＋－＠")  # noqa: RUF001
# Within a text too, after what the programs of some countries take for the end of a cell.
_AFTER_END = re.compile(r"(?<=;)(?=[ \0\"]*[=+\-@＝＋－＠])")  # noqa: RUF001


def rows(found: Figures, whose: str, names: dict[str, str]) -> Iterator[list[Cell]]:
    """Yield a head and then rows: of `whose` figures they are, and of each offer by itself."""
    yield [
        gettext("Of"),
        gettext("Month"),
        *(
            f"{gettext(one.name)} ({found.currency})" if one.kind == MONEY else gettext(one.name)
            for one in OF_THE_HOUSE
        ),
    ]
    for month, sums in _in_order(found):
        values = [exact(one.of(sums), one.kind, found.currency) for one in OF_THE_HOUSE]
        yield [whose, f"{month:%Y-%m}", *values]
    if len(found.offers) < 2:
        return
    for offer in found.offers:
        for month, sums in _in_order(offer, found.months):
            values = [exact(one.of(sums), one.kind, found.currency) for one in OF_AN_OFFER]
            rest = [None] * (len(OF_THE_HOUSE) - len(OF_AN_OFFER))
            yield [names[offer.slug], f"{month:%Y-%m}", *values, *rest]


def _in_order(
    of: Figures | OfferFigures, months: tuple[date, ...] = ()
) -> Iterator[tuple[date, Sums]]:
    """Yield the months of a year before and these, each once, with what was counted."""
    months = months or (of.months if isinstance(of, Figures) else ())
    before = [month.replace(year=month.year - 1) for month in months]
    known = dict(zip((*before, *months), (*of.then, *of.now), strict=True))
    for month, sums in sorted(known.items()):
        if sums is not None:
            yield month, sums


def harmless(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet takes for a formula."""
    if not isinstance(cell, str):
        return cell
    text = _AFTER_END.sub("'", cell)
    return f"'{text}" if cell.lstrip(" \0").startswith(_FORMULA) else text


def as_csv(table: Iterator[list[Cell]]) -> bytes:
    """Return rows as CSV (RFC 4180), in UTF-8 with the mark by which spreadsheets know it."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([harmless(cell) for cell in row] for row in table)
    return text.getvalue().encode("utf-8-sig")


def as_spreadsheet(table: Iterator[list[Cell]]) -> bytes:
    """Return rows as an Excel workbook (ISO/IEC 29500)."""
    # Lazily: it takes long to load, and only who wants a spreadsheet needs it.
    import xlsxwriter

    content = BytesIO()
    # Nothing is guessed: a text stays a text, whatever it begins with.
    guess = ("strings_to_formulas", "strings_to_urls", "strings_to_numbers")
    with xlsxwriter.Workbook(content, {"in_memory": True, **dict.fromkeys(guess, False)}) as book:
        sheet, bold = book.add_worksheet(), book.add_format({"bold": True, "text_wrap": True})
        for number, row in enumerate(table):
            for place, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(number, place, cell, None if number else bold)
                elif cell is not None:
                    # A spreadsheet knows no other numbers: 15 digits, more than any amount has.
                    sheet.write_number(number, place, float(cell))
        sheet.freeze_panes(1, 2)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, len(OF_THE_HOUSE) + 1, 14)
    return content.getvalue()
