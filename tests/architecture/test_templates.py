"""No template weakens the content security policy, skips escaping, or speaks English only."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment

from tests.architecture.source import ROOT, templates

HTML = [path for path in templates() if path.suffix == ".html"]

# Names and signs that are the same in every language.
UNTRANSLATED = re.compile(
    r"\b(Reserved|Stripe|iCalendar|WeChat|JSON|CSV|ZIP|PDF|IBAN|UTC|DOCTYPE)\b"
)

SPOKEN_ATTRIBUTES = ("alt", "aria-label", "content", "placeholder", "title")
SETTINGS = ("viewport", "color-scheme", "referrer", "robots")  # what <meta> tells browsers

# A comma, a semicolon or a colon between two things that a template puts side by side: it is
# another sign in Chinese, and has a space before it in French.
BARE_SIGN = re.compile(
    r"""[%}]\}[,;:](?=\s|<)|[%}]\}[,;](?=\{)|join\("[,;:] "\)|(?<!_\()"[,;:] " if not"""
)

JINJA = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


class Markup(HTMLParser):
    """Reads the HTML of a template around its tags, and notes what should not be there."""

    def __init__(self) -> None:
        """Begin with nothing noted."""
        super().__init__()
        self.unsafe: list[str] = []
        self.literal: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note inline styles, scripts and handlers, and spoken attributes in plain English."""
        given = dict(attrs)
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self._note(self.unsafe, f"{name}= on <{tag}>")
            spoken = name in SPOKEN_ATTRIBUTES and given.get("name") not in SETTINGS
            if spoken and value and is_language(value):
                self._note(self.literal, f'{name}="{value}"')
            if name in ("href", "src", "action") and (value or "").strip().startswith(
                "javascript:"
            ):
                self._note(self.unsafe, f"{name}=javascript: on <{tag}>")
        if tag == "style" or (tag == "script" and "src" not in given):
            self._note(self.unsafe, f"<{tag}> with its content in the page")

    def handle_data(self, data: str) -> None:
        """Note words that gettext has not seen."""
        if is_language(data):
            self._note(self.literal, data.strip())

    def _note(self, where: list[str], what: str) -> None:
        where.append(f"{self.getpos()[0]}: {what}")


def is_language(text: str) -> bool:
    """Whether a text has a word that would have to be translated."""
    return bool(re.search(r"[A-Za-z]{2}", UNTRANSLATED.sub("", text)))


def without_tags(text: str) -> str:
    """Return a template's own HTML, line by line: what stands in tags of Jinja is blotted out.

    What {% trans %} encloses is translated, and goes too.
    """
    kept, trans = "", False
    for _line, kind, value in JINJA.lex(text):
        if kind == "name" and value in ("trans", "endtrans"):
            trans = value == "trans"
        if kind == "variable_begin" and kept.endswith(("<", "</")):
            kept += "x"  # <{{ heading }}> is an element, whichever
        kept += value if kind == "data" and not trans else "\n" * value.count("\n")
    return kept


def read(path: Path) -> Markup:
    """Return what a template's HTML says."""
    markup = Markup()
    markup.feed(without_tags(path.read_text()))
    markup.close()
    return markup


def names(path: Path) -> str:
    """Name a test's template."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("template", HTML, ids=names)
def test_nothing_runs_or_is_styled_inside_a_page(template):
    unsafe = read(template).unsafe

    assert not unsafe, "\n".join(f"{names(template)}:{line}" for line in unsafe)


@pytest.mark.parametrize("template", templates(), ids=names)
def test_everything_is_escaped(template):
    text = template.read_text()

    found = re.findall(r"\|\s*safe\b|\bautoescape\s+false\b", text)

    assert not found


@pytest.mark.parametrize("template", HTML, ids=names)
def test_every_word_can_be_translated(template):
    literal = read(template).literal

    assert not literal, "\n".join(f"{names(template)}:{line}" for line in literal)


@pytest.mark.parametrize(
    ("html", "unsafe", "literal"),
    [
        ('<p style="x">1</p>', 1, 0),
        ("<p onclick='x'>1</p>", 1, 0),
        ("<script>x = 1</script>", 1, 0),
        ('<script type="module" src="{{ bundle() }}"></script>', 0, 0),
        ("<p>{{ _('Nights') }} · {# a word #} {% trans %}Nights{% endtrans %}</p>", 0, 0),
        ("<p>Nights</p>", 0, 1),
        ('<{{ tag }} class="card">{{ text }}</{{ tag }}>', 0, 0),
        ('<img alt="A heron"{% if x %} title="{{ t }}"{% endif %}>', 0, 1),
    ],
)
def test_these_tests_see_what_they_look_for(tmp_path, html, unsafe, literal):
    file = tmp_path / "page.html"
    file.write_text(html)

    markup = read(file)

    assert (len(markup.unsafe), len(markup.literal)) == (unsafe, literal)


@pytest.mark.parametrize("template", HTML, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_table_is_drawn_by_a_macro_or_says_why_it_is_not(template):
    lines = template.read_text().splitlines()

    wrong = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(lines, 1)
        if "<table" in line
        and "macros" not in template.parts
        and not lines[number - 2].rstrip().endswith("#}")
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", HTML, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_form_by_get_forgets_what_is_carried_in_addresses(path: Path) -> None:
    # A browser drops the query of such a form's address: the language of whoever keeps no cookie.
    forms = re.findall(r"<form(?=[^>]*method=\"get\").*?</form>", path.read_text(), re.DOTALL)
    known = ("carried_inputs(carried)", "caller()", "hidden(form)")
    assert not [form[:120] for form in forms if not any(one in form for one in known)]


@pytest.mark.parametrize("path", templates(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_signs_between_two_things_are_those_of_the_language(path):
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert BARE_SIGN.findall(text) == []
