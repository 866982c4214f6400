"""Work in stages, each committed before the next begins: where it goes on after a crash."""

from collections.abc import Sequence
from typing import TypeVar

Stage = TypeVar("Stage")


def next_stage(stages: Sequence[tuple[str, Stage]], finished: str) -> tuple[str, Stage]:
    """Return the stage after the one that was finished last, and the first one before any."""
    names = [name for name, _ in stages]
    return stages[names.index(finished) + 1 if finished in names else 0]
