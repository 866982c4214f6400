"""What is wrong with a draft: facts that nothing knows, typed numbers, parts that lack (C06).

A text states no number of its own: a duration or a count is a fact, which the code runs on.
Only a citation of law has digits.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from app.core.errors import DomainError
from app.core.languages import LANGUAGES, N_, ngettext
from app.policy.facts import facts
from app.policy.models import Draft
from app.policy.sources import rendered

MOST_TEXT = 60_000
MOST_SUMMARY = 300

_FACT = re.compile(r"\{(?P<name>[a-z][a-z0-9_]*)\}")
_MARK = re.compile(r"^# \[(?:C\d\d|short)\]", re.MULTILINE)

# A citation begins with a word of law, and goes on with numbers and the words between them.
_NUMBER = r"\d+[a-z]?(?:\(\w{1,4}\))*"
_PART = (
    r"Absätze|Absatz|Abs\.|Satz|Nummer|Nr\.|No\.|no\.|paragraphs?|paragraphes?|points?|alinéa|"
    r"al\.|n°|Buchstabe [a-z]|lit\. [a-z]|sentence|Unterabsatz"
)
_ONE = r"(?:§|\b(?:[Aa]rticle|Artikel|Art\.))"
_MANY = r"(?:§§|\b(?:[Aa]rticles|Artikeln?|Art\.))"
_BETWEEN = rf"(?:\s*,?\s*(?:et\s+)?(?:{_PART})\s*)"
_ALSO = rf"(?:\s*,?\s*(?:and|or|to|und|oder|bis|et|ou|à|,)\s+(?:{_PART})?\s*)"
_CITATIONS: Final = re.compile(
    rf"{_MANY}\s*{_NUMBER}(?:(?:{_BETWEEN}|{_ALSO}){_NUMBER})*"
    rf"|{_ONE}\s*{_NUMBER}(?:{_BETWEEN}{_NUMBER})*"
    r"|第\s*\d+[a-z]?\s*[条款项章]"
    r"|\b\d{4}/\d{1,4}(?:/(?:EU|UE))?\b|\b\d{2}/\d{1,4}/(?:EC|EEC|CE|CEE|EG|EWG)\b"
    # The law's own number, of a right that it doesn't give here.
    r"|\b14-day\b|\b14-tägig\w*|\brétractation de 14 jours\b"
)
_DIGITS = re.compile(r"\S*\d\S*")


class NotFit(DomainError):
    """A text of a draft can't be published as it is; what it says is shown beside the field."""


class TypedNumber(NotFit):
    """A number was typed that the code may know better."""

    message = N_(
        "Please use a fact in place of a typed number, so that the text stays true: %(found)s. "
        "Only citations of law, such as “Article 6(1)(b)”, have digits."
    )


class UnknownFact(NotFit):
    """A fact is named that nothing in the code declares."""

    message = N_("There is no fact called %(found)s. Those that there are stand below the field.")


class LooseBrace(NotFit):
    """A brace stands alone, or has something else in it than a fact's name."""

    message = N_("Braces are for facts alone, such as {hold_time}. Please check: %(found)s.")


class NoTitle(NotFit):
    """The first line is no title."""

    message = N_("The first line is the title: please begin with it, and not with “# ” or “- ”.")


class NothingUnderTitle(NotFit):
    """There is only a title."""

    message = N_("Under the title there is no text yet.")


def check(text: str) -> None:
    """Raise NotFit, in one of its kinds, for the first thing wrong with a text of a draft."""
    shown = rendered(text)
    if not shown.title or text.lstrip().startswith(("# ", "- ")):
        raise NoTitle
    if not any(block.kind != "heading" for block in shown.blocks):
        raise NothingUnderTitle
    if unknown := [name for name in names(text) if name not in facts()]:
        raise UnknownFact(found=", ".join(f"{{{name}}}" for name in unknown))
    bare = _FACT.sub(" ", text)
    if brace := re.search(r"\S*[{}]\S*", bare):
        raise LooseBrace(found=brace[0][:40])
    typed = _DIGITS.findall(_CITATIONS.sub(" ", _MARK.sub(" ", bare)))
    if typed:
        raise TypedNumber(found=", ".join(one[:30] for one in dict.fromkeys(typed[:5])))


def names(text: str) -> list[str]:
    """Return the facts that a text names, each once, in order."""
    return list(dict.fromkeys(found["name"] for found in _FACT.finditer(text)))


def missing(found: Draft) -> list[str]:
    """Return the languages in which a draft can't be published yet."""
    ready = {one.language for one in found.texts if not problem(one.text, one.summary)}
    return [language for language in LANGUAGES if language not in ready]


def problem(text: str, summary: str) -> NotFit | None:
    """Return what keeps one language of a draft from being published; None for nothing."""
    try:
        check(text)
        check_summary(summary)
    except NotFit as error:
        return error
    return None


class NoSummary(NotFit):
    """There is no sentence that says what changes."""

    message = N_("The sentence that says what changes is missing. It goes into the mail.")


def check_summary(summary: str) -> None:
    """Raise NoSummary where nothing says what changes, LooseBrace where it names a fact."""
    if not summary.strip():
        raise NoSummary
    if brace := re.search(r"\S*[{}]\S*", summary):
        raise LooseBrace(found=brace[0][:40])


def uneven(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the languages whose parts aren't those of the first one, and a sentence for each.

    It keeps nobody from publishing: but languages with other parts promise other things.
    """
    shapes = {language: _shape(texts[language]) for language in LANGUAGES if language in texts}
    if not shapes:
        return []
    first, shape = next(iter(shapes.items()))
    return [
        (
            language,
            ngettext(
                "%(num)d part, where the first language has %(count)d.",
                "%(num)d parts, where the first language has %(count)d.",
                len(own),
                count=len(shape),
            ),
        )
        for language, own in shapes.items()
        if own != shape and language != first
    ]


def _shape(text: str) -> Sequence[tuple[str, int]]:
    return [(block.kind, len(block.items)) for block in rendered(text).blocks]


def lost_clauses(old: str, new: str) -> list[str]:
    """Return the clauses that headings of an old text are marked with, and none of the new."""
    kept = set(_clauses(new))
    return [clause for clause in _clauses(old) if clause not in kept]


def _clauses(text: str) -> Iterable[str]:
    return (head.clause for head in rendered(text).headings if head.clause)
