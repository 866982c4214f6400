"""Columns by month as SVG: the same month of two years side by side, drawn for any width.

Places along the width are shares of it, and heights are pixels, so the drawing is as wide
as the page lets it be and its words keep their size. Colours are classes (plot.css): they
are those of the page, by day, by night and on paper. Nothing in it is styled in place.
The table beside it says the same in figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

_TOP, _GROUND, _HEIGHT = 14, 160, 196  # pixels from the top: highest value, none, the edge
_GUTTER, _EDGE = 12.0, 100.0  # shares of the width: where the months begin and end
_STEPS = (1, 2, 5, 10)
_LINES = 4

Value = Fraction | int | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The two columns of a month: its letter, its year where that is said, and both values."""

    letter: str
    year: str
    now: Value
    then: Value
    now_word: str
    then_word: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a plot is called, what it shows in a sentence, and how its scale is written."""

    key: str
    title: str
    description: str
    tick: Callable[[Fraction], str]


def columns(some: Sequence[Pair], told: Told) -> Markup | None:
    """Return the columns as SVG for a page; None where there is nothing to show."""
    highest = max((Fraction(v) for one in some for v in (one.now, one.then) if v), default=None)
    if highest is None or highest <= 0:
        return None
    # Lazily: it takes long to load, and only those who look at figures need it.
    import drawsvg

    ids = f"{told.key}-title {told.key}-description"
    drawing = drawsvg.Drawing(
        "100%", _HEIGHT, class_="columns-plot", role="img", focusable="false",
        aria_labelledby=ids, viewBox=None,
    )  # fmt: skip
    drawing.append_title(told.title, id=f"{told.key}-title")
    description = drawsvg.Title(told.description, id=f"{told.key}-description")
    description.TAG_NAME = "desc"  # the library has no class for it
    drawing.append(description)
    lines = scale(highest)
    for value in lines:
        height = _height(value, lines[-1])
        line = "ground" if not value else "line"
        # Not a line: the library draws those as paths, which know no shares of a width.
        drawing.append(drawsvg.Rectangle(0, height, "100%", 1, class_=f"columns-plot__{line}"))
        if value:
            drawing.append(_word(drawsvg, told.tick(value), "0", height - 4))
    width = (_EDGE - _GUTTER) / len(some)
    for number, one in enumerate(some):
        _column(drawsvg, drawing, one, _GUTTER + number * width, width, lines[-1])
    # Escaped by the library: words stand in elements only, attributes are numbers and ids.
    return Markup(drawing.as_svg(header=""))  # noqa: S704


def _column(
    drawsvg: Any, drawing: Any, one: Pair, left: float, width: float, highest: Fraction
) -> None:
    for value, said, name, inset in (
        (one.then, one.then_word, "then", 0.10),
        (one.now, one.now_word, "now", 0.50),
    ):
        if value:
            top = _height(Fraction(value), highest)
            bar = drawsvg.Rectangle(
                _share(left + inset * width), top, _share(0.36 * width), _GROUND - top,
                class_=f"columns-plot__{name}",
            )  # fmt: skip
            bar.append_title(said)
            drawing.append(bar)
    middle = _share(left + width / 2)
    drawing.append(_word(drawsvg, one.letter, middle, _GROUND + 16, "middle"))
    if one.year:
        drawing.append(_word(drawsvg, one.year, middle, _GROUND + 32, "middle"))


def scale(highest: Fraction) -> list[Fraction]:
    """Return the values at which a line is drawn: none, and up to four round ones up to the top."""
    magnitude = Fraction(10) ** floor(log10(highest / _LINES))
    step = next(step * magnitude for step in (*_STEPS, 20) if step * magnitude * _LINES >= highest)
    return [step * number for number in range(ceil(highest / step) + 1)]


def _word(drawsvg: Any, text: str, left: str, top: int, anchor: str = "start") -> Any:
    return drawsvg.Text(
        text, None, left, top, text_anchor=anchor, class_="columns-plot__word"
    )  # fmt: skip


def _height(value: Fraction, highest: Fraction) -> int:
    return round(_GROUND - (_GROUND - _TOP) * value / highest)


def _share(value: float) -> str:
    return f"{value:.2f}%"
