"""What stands beside the policy's text, clause by clause: what to do, and how to check (C06).

The text of a version is fixed by its digest. What is true at this very moment isn't part of
it: features register here what they know, and the page marks it as live. This feature knows
none of those above it; they know it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Line(NamedTuple):
    """A sentence in the reader's language, and where it leads; "" for nowhere."""

    text: str
    url: str = ""


Look = Callable[[datetime], Iterable[Line]]


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside the text of one clause."""

    actions: tuple[Line, ...]
    checks: tuple[Line, ...]


_actions: dict[str, list[Look]] = {}
_checks: dict[str, list[Look]] = {}


def offers(clause: str, look: Look) -> Look:
    """Have the page say what a person can do about a clause: links, made as it is shown."""
    _actions.setdefault(clause, []).append(look)
    return look


def shows(clause: str, look: Look) -> Look:
    """Have the page say how a clause can be checked: facts of this moment, read as it is shown.

    Each costs the page its queries: one at most, and none where it can be helped.
    """
    _checks.setdefault(clause, []).append(look)
    return look


def beside(clause: str, *, now: datetime) -> Beside:
    """Return what stands beside a clause at an instant, in the current language."""
    return Beside(_said(_actions, clause, now), _said(_checks, clause, now))


def _said(known: dict[str, list[Look]], clause: str, now: datetime) -> tuple[Line, ...]:
    return tuple(line for look in known.get(clause, ()) for line in look(now))
