"""A document as a PDF: the same words as its page, on A4, with its fonts in it.

Latin letters with all their marks, Greek, Cyrillic and Chinese are set in fonts that come
with the file, so that it prints alike everywhere. Scripts that are written from right to
left, and those whose letters change with their neighbours, can't be set yet: such a letter
shows as "?", and the document says where to read it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from app.core.languages import gettext, use_language
from app.payments.models import Invoice
from app.payments.paper import Paper, put_into_words

if TYPE_CHECKING:
    from fpdf import FPDF

_MARGIN, _WIDTH = 20, 170  # millimetres of an A4 page
_INK, _SOFT, _HAIR = 25, 95, 190  # greys


def pdf_of(invoice: Invoice) -> bytes:
    """Return a document as a PDF of a few dozen kilobytes.

    Its metadata hold the number and the moment of issue, and nothing of a person. Raises
    PersonUnknown after its person was erased.
    """
    paper = put_into_words(invoice)
    pdf = _blank(paper, issued=invoice.issued_at)
    letters = {ord(letter) for text in _texts(astuple(paper)) for letter in text}
    known = _fonts_for(pdf, letters)

    def say(text: str) -> str:
        return "".join(letter if ord(letter) in known else "?" for letter in text)

    pdf.add_page()
    _head(pdf, paper, say)
    _lines(pdf, paper, say)
    _taxes(pdf, paper, say)
    pdf.ln(6)
    for note in paper.notes:
        _write(pdf, say(note), size=9.5)
    if letters - known:
        with use_language(invoice.language):
            hint = gettext("Letters that can’t be printed here are on this document’s web page.")
        _write(pdf, say(hint), size=9.5)
    return bytes(pdf.output())


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _texts(one)


# -- Fonts --------------------------------------------------------------------------------


def _fonts_for(pdf: "FPDF", letters: set[int]) -> set[int]:
    """Load the fonts that these letters need; return which letters can be set."""
    latin = files("font_source_sans_pro").joinpath("files")
    pdf.add_font("text", "", str(latin.joinpath("SourceSansPro-Regular.ttf")))
    pdf.add_font("text", "B", str(latin.joinpath("SourceSansPro-Semibold.ttf")))
    known = {ord("\n"), *_letters_of(pdf, "text")}
    if letters - known:
        # A quarter of a second, so only who needs it waits.
        chinese = files("pylopdf_fonts_zh_cn").joinpath("NotoSansSC-Regular.otf")
        pdf.add_font("chinese", "", str(chinese))
        pdf.set_fallback_fonts(["chinese"], exact_match=False)
        known |= _letters_of(pdf, "chinese")
    return known


def _letters_of(pdf: "FPDF", name: str) -> set[int]:
    font: Any = pdf.fonts[name]
    return set(font.cmap)


# -- Drawing ------------------------------------------------------------------------------


def _blank(paper: Paper, *, issued: datetime) -> "FPDF":
    # 0.4 s and 30 MB, for a file that few visitors ask for.
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_title(paper.number)
    pdf.set_lang(paper.tag)
    pdf.set_producer("Reserved")
    pdf.set_creation_date(issued)
    pdf.set_margin(_MARGIN)
    pdf.set_auto_page_break(auto=True, margin=_MARGIN)
    pdf.set_draw_color(_HAIR)
    pdf.set_line_width(0.2)
    return pdf


def _letters(pdf: "FPDF", size: float, grey: int, style: Literal["", "B"] = "") -> None:
    """Choose how the next text is set."""
    pdf.set_font("text", style, size)
    # After a line that ended in Chinese the library takes this font for the one in use.
    pdf.current_font_is_set_on_page = False
    pdf.set_text_color(grey)


def _write(
    pdf: "FPDF",
    text: str,
    *,
    size: float,
    style: Literal["", "B"] = "",
    grey: int = _INK,
    align: str = "L",
) -> None:
    _letters(pdf, size, grey, style)
    pdf.multi_cell(_WIDTH, size * 0.5, text, align=align, new_x="LMARGIN", new_y="NEXT")


def _head(pdf: "FPDF", paper: Paper, say: Callable[[str], str]) -> None:
    """Draw the letterhead, who it is to, the title and the facts."""
    name, *rest = paper.seller
    _write(pdf, say(name), size=17, align="C")
    _write(pdf, say(" · ".join(line for line in rest if line)), size=9, grey=_SOFT, align="C")
    pdf.ln(2)
    pdf.line(_MARGIN, pdf.get_y(), _MARGIN + _WIDTH, pdf.get_y())
    pdf.ln(10)
    if paper.buyer:
        _write(pdf, say(paper.to), size=9, grey=_SOFT)
        for line in paper.buyer:
            _write(pdf, say(line), size=11)
    pdf.ln(10)
    _write(pdf, say(f"{paper.title} {paper.number}"), size=17, style="B")
    pdf.ln(3)
    for term, text in paper.facts:
        _write_beside(pdf, say(term), say(text))
    pdf.ln(7)


def _write_beside(pdf: "FPDF", term: str, text: str) -> None:
    _letters(pdf, 10, _SOFT)
    pdf.cell(45, 5.5, term)
    _letters(pdf, 10, _INK)
    pdf.multi_cell(_WIDTH - 45, 5.5, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _lines(pdf: "FPDF", paper: Paper, say: Callable[[str], str]) -> None:
    rows = [
        ("\n".join(filter(None, (line.label, line.detail))), line.rate, line.amount)
        for line in (paper.line_heads, *paper.lines)
    ]
    rows.append((paper.total_label, "", paper.total))
    _table(pdf, rows, (112, 20, 38), say, last_is_bold=True)


def _taxes(pdf: "FPDF", paper: Paper, say: Callable[[str], str]) -> None:
    pdf.ln(5)
    rows = [tuple(row) for row in (paper.tax_heads, *paper.taxes)]
    _table(pdf, rows, (56, 38, 38, 38), say)


def _table(
    pdf: "FPDF",
    rows: Sequence[tuple[str, ...]],
    widths: tuple[int, ...],
    say: Callable[[str], str],
    *,
    last_is_bold: bool = False,
) -> None:
    """Draw a table: the first row is its head, and all columns but the first are figures."""
    from fpdf.fonts import FontFace  # as heavy as what it belongs to

    _letters(pdf, 10, _INK)
    head, total = FontFace(color=_SOFT, emphasis=""), FontFace(emphasis="BOLD")
    with pdf.table(
        width=_WIDTH,
        col_widths=widths,
        line_height=5.5,
        padding=(1.2, 0),
        align="L",
        text_align=("LEFT", *("RIGHT" for _ in widths[1:])),
        borders_layout="HORIZONTAL_LINES",
        headings_style=head,
    ) as drawn:
        for index, row in enumerate(rows):
            style = total if last_is_bold and index == len(rows) - 1 else None
            cells = drawn.row(style=style)
            for text in row:
                cells.cell(say(text))
