"""What changed from one version of a document to another, part by part and word by word (C25).

A *part* is a heading, a paragraph or an item of a list. Parts that are alike are laid side
by side, in order; inside them, words are compared, in Chinese characters.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal, NamedTuple

from app.policy.sources import rendered

ALIKE = 0.4
"""From so much in common on, two parts are one that changed, and not one gone and one added."""

_TOKENS = re.compile(r"\s+|[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]|\w+|[^\w\s]")

Op = Literal["same", "added", "gone"]
State = Literal["same", "added", "gone", "changed"]


class Piece(NamedTuple):
    """Some words in a row to which the same has happened."""

    op: Op
    text: str


class Unit(NamedTuple):
    """A part of a text."""

    kind: Literal["title", "heading", "paragraph", "item"]
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of either text or of both, and what became of it."""

    state: State
    kind: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The part as it reads now; as it read, where it is gone."""
        skipped = "gone" if self.state != "gone" else "added"
        return "".join(piece.text for piece in self.pieces if piece.op != skipped)


@dataclass(frozen=True, slots=True)
class Difference:
    """All parts of two texts, in order, and how many changed."""

    parts: tuple[Part, ...]

    def count(self, state: State) -> int:
        """Return to how many parts that happened."""
        return sum(part.state == state for part in self.parts)

    @property
    def is_none(self) -> bool:
        """Whether the texts say the same."""
        return all(part.state == "same" for part in self.parts)

    @property
    def runs(self) -> list[tuple[bool, list[Part]]]:
        """Parts as they are shown: (whether they stay as they are, those in a row).

        A heading that stays stands with the changes under it, to say where they are.
        """
        shown: list[tuple[bool, list[Part]]] = []
        for same, part in _marked(self.parts):
            if not shown or shown[-1][0] != same:
                shown.append((same, []))
            shown[-1][1].append(part)
        return shown


@lru_cache(maxsize=32)
def compared(old: str, new: str) -> Difference:
    """Return the difference of two texts in the tiny format of `sources`.

    Kept for a while: published texts never change.
    """
    before, after = _units(old), _units(new)
    parts: list[Part] = []
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for op, i, j, k, m in blocks:
        if op == "equal":
            parts += [_whole("same", unit) for unit in after[k:m]]
        else:
            parts += _paired(before[i:j], after[k:m])
    return Difference(tuple(parts))


def words_compared(old: str, new: str) -> tuple[Piece, ...]:
    """Return the difference of two lines: words, or characters where they are Chinese."""
    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    found: list[Piece] = []

    def put(op: Op, tokens: Sequence[str]) -> None:
        if not tokens:
            return
        if found and found[-1].op == op:
            found[-1] = Piece(op, found[-1].text + "".join(tokens))
        else:
            found.append(Piece(op, "".join(tokens)))

    for _op, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if before[i:j] == after[k:m]:
            put("same", after[k:m])
        else:
            put("gone", before[i:j])
            put("added", after[k:m])
    return tuple(found)


def _units(text: str) -> list[Unit]:
    shown = rendered(text)
    found = [Unit("title", shown.title)] if shown.title else []
    for block in shown.blocks:
        if block.kind == "list":
            found += [Unit("item", item) for item in block.items]
        else:
            found.append(Unit(block.kind, block.text))
    return found


def _whole(state: Op, unit: Unit) -> Part:
    return Part(state, unit.kind, (Piece(state, unit.text),))


def _paired(before: Sequence[Unit], after: Sequence[Unit]) -> Iterator[Part]:
    """Yield parts that were replaced, those that are alike as one; order is kept.

    The pairs are those that have most in common together (Needleman and Wunsch).
    """
    bags = [[_bag(unit) for unit in units] for units in (before, after)]
    rows, columns = len(before), len(after)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for k in range(columns - 1, -1, -1):
            alike = _alike(before[i], after[k], bags[0][i], bags[1][k])
            pair = best[i + 1][k + 1] + alike if alike >= ALIKE else 0.0
            best[i][k] = max(best[i + 1][k], best[i][k + 1], pair)
    i = k = 0
    while i < rows and k < columns:
        if best[i][k] == best[i + 1][k]:
            yield _whole("gone", before[i])
            i += 1
        elif best[i][k] == best[i][k + 1]:
            yield _whole("added", after[k])
            k += 1
        else:
            yield Part("changed", after[k].kind, words_compared(before[i].text, after[k].text))
            i, k = i + 1, k + 1
    yield from (_whole("gone", unit) for unit in before[i:])
    yield from (_whole("added", unit) for unit in after[k:])


def _bag(unit: Unit) -> Counter[str]:
    return Counter(token for token in _TOKENS.findall(unit.text) if not token.isspace())


def _alike(one: Unit, other: Unit, bag: Counter[str], other_bag: Counter[str]) -> float:
    """Return how much two parts have in common: 0 for nothing or another kind, 1 for all."""
    total = bag.total() + other_bag.total()
    if one.kind != other.kind or not total:
        return 0.0
    return 2 * (bag & other_bag).total() / total


def _marked(parts: Sequence[Part]) -> Iterator[tuple[bool, Part]]:
    """Yield parts with whether they may be folded away."""
    for at, part in enumerate(parts):
        folds = part.state == "same"
        if folds and part.kind == "heading":
            # Only a section in which nothing happened is folded with its heading.
            rest = parts[at + 1 :]
            end = next((n for n, one in enumerate(rest) if one.kind == "heading"), len(rest))
            folds = all(one.state == "same" for one in rest[:end])
        yield folds, part
