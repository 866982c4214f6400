"""The documents' sources, and the tiny format that they are written in.

A text lies in `texts/<document>-<number>.<language>.txt`. Its first line is the
title; blocks are parted by empty lines: "# " begins a heading, a block of lines
beginning with "- " is a list, anything else a paragraph. There is no markup
inside a block, so nothing in a text can become HTML.

A heading may carry the clause that its section keeps, "# [C01] What we ask for", or be
marked "# [short]": what follows is the summary. Older versions have no marks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Literal

from app.core.languages import BY_CODE, LANGUAGES
from app.policy.facts import filled

FOLDER = Path(__file__).parent / "texts"

_NAME = re.compile(r"(?P<document>terms|privacy)-(?P<number>[1-9]\d{0,3})\.(?P<language>\w+)\.txt")
_MARKED = re.compile(r"\[(?P<mark>C\d\d|short)\] *")
_FIRST_CJK = "\u2e80"

SHORT = "short"
"""Where the summary of a text begins, for links into it."""


class LanguageMissing(LookupError):
    """A version lacks one of the site's languages."""


@dataclass(frozen=True, slots=True)
class Source:
    """One text as it is to be published: a document's version in one language."""

    document: str
    number: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """What the program calls it, in every language: "privacy-4"."""
        return f"{self.document}-{self.number}"

    @property
    def digest(self) -> str:
        """The SHA-256 of the text, hexadecimal: what an agreement points to."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Block:
    """A heading or paragraph (`text`), or a list (`items`)."""

    kind: Literal["heading", "paragraph", "list"]
    text: str = ""
    items: tuple[str, ...] = ()
    anchor: str = ""  # of a heading, for links into the text
    clause: str = ""  # of a heading that is marked with one


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it."""

    heading: Block
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text taken apart for a template."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def headings(self) -> list[Block]:
        """The headings, in order."""
        return [block for block in self.blocks if block.kind == "heading"]

    @property
    def opening(self) -> tuple[Block, ...]:
        """What stands above the first heading."""
        return tuple(takewhile(lambda block: block.kind != "heading", self.blocks))

    @property
    def sections(self) -> list[Section]:
        """The headings in order, each with its blocks."""
        starts = [at for at, block in enumerate(self.blocks) if block.kind == "heading"]
        ends = [*starts[1:], len(self.blocks)]
        return [
            Section(self.blocks[start], self.blocks[start + 1 : end])
            for start, end in zip(starts, ends, strict=False)  # with no heading, none
        ]


def sources(folder: Path = FOLDER) -> list[Source]:
    """Return all texts, oldest version first, with their facts filled in.

    Raises LanguageMissing, and FactMissing for a text that names an unknown fact.
    """
    found = []
    for path in sorted(folder.glob("*.txt")):
        name = _NAME.fullmatch(path.name)
        if name is None or name["language"] not in BY_CODE:
            raise ValueError(f"{path.name} isn't called <document>-<number>.<language>.txt.")
        text = filled(path.read_text(encoding="utf-8"), BY_CODE[name["language"]].locale)
        found.append(Source(name["document"], int(name["number"]), name["language"], text))
    found.sort(key=lambda source: (source.document, source.number, source.language))
    _check_languages(found)
    return found


def names_in(folder: Path = FOLDER) -> set[str]:
    """Return what the texts in a folder are called: "privacy-4", "terms-2", …"""
    found = (_NAME.fullmatch(path.name) for path in folder.glob("*.txt"))
    return {f"{name['document']}-{name['number']}" for name in found if name}


def rendered(text: str) -> Rendered:
    """Take a text apart. Escaping is left to the template, which has to do it anyway."""
    title, _, body = text.partition("\n")
    return Rendered(title.strip(), tuple(_blocks(body)))


def _blocks(body: str) -> Iterator[Block]:
    number = 0
    for part in re.split(r"\n\s*\n", body.strip()) if body.strip() else ():
        lines = [line.strip() for line in part.splitlines()]
        if lines[0].startswith("# "):
            number += 1
            yield _heading(lines[0].removeprefix("# "), number)
        elif lines[0].startswith("- "):
            yield Block("list", items=tuple(_items(lines)))
        else:
            yield Block("paragraph", _joined(lines))


def _heading(text: str, number: int) -> Block:
    marked = _MARKED.match(text)
    if marked is None:
        return Block("heading", text, anchor=f"part-{number}")
    mark, words = marked["mark"], text[marked.end() :]
    return Block("heading", words, anchor=mark, clause="" if mark == SHORT else mark)


def _items(lines: list[str]) -> Iterator[str]:
    """Yield the items of a list; a line without a dash goes on with the one before."""
    item: list[str] = []
    for line in lines:
        if line.startswith("- ") and item:
            yield _joined(item)
            item = []
        item.append(line.removeprefix("- "))
    yield _joined(item)


def _joined(lines: list[str]) -> str:
    """Put a block's lines together; Chinese has no space where a line broke."""
    text = lines[0]
    for line in lines[1:]:
        text += line if text[-1] >= _FIRST_CJK and line[0] >= _FIRST_CJK else f" {line}"
    return text


def _check_languages(found: list[Source]) -> None:
    versions: dict[tuple[str, int], set[str]] = {}
    for source in found:
        versions.setdefault((source.document, source.number), set()).add(source.language)
    for (document, number), languages in versions.items():
        if missing := set(LANGUAGES) - languages:
            raise LanguageMissing(f"{document} {number} lacks {', '.join(sorted(missing))}.")
