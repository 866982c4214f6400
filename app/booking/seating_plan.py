"""Working out who moves where, so that one unit is free for all of a stay's nights.

Nothing here asks the database: a plan is the seating of an offer for some nights, as it
was read, and what was tried on it.
"""

from dataclasses import dataclass
from datetime import date, timedelta

ONE_NIGHT = timedelta(days=1)


class NoSeating(AssertionError):
    """The counters promised a unit that the seating doesn't have: the book is damaged."""


class Fragmented(Exception):
    """Every night has a unit left, but pinned stays and blocks leave none for all of them."""


class WindowTooShort(Exception):
    """An exchange would have to look further ahead than was read."""


@dataclass(slots=True)
class Plan:
    """Who has which unit on which night, as far as it was read; and what was moved.

    A stay stands there by its line's id, a block by its own with a minus.
    """

    rows: dict[int, dict[date, int]]  # unit → night → who
    until: date  # nights from here on were not read
    fixed: set[int]  # who is never moved

    def free_until(self, unit: int, night: date) -> date:
        """The first night from `night` on that isn't free on a unit."""
        taken = self.rows[unit]
        while night < self.until and night not in taken:
            night += ONE_NIGHT
        return night

    def free_units(self, night: date) -> list[int]:
        """The units that are free on a night, those that stay so for longest first.

        Raises NoSeating where there is none.
        """
        free = [unit for unit in self.rows if night not in self.rows[unit]]
        if not free:
            raise NoSeating
        return sorted(free, key=lambda unit: self.free_until(unit, night), reverse=True)

    def runs_over(self, unit: int, night: date) -> bool:
        """Whether one stay has the unit both the night before and this night."""
        who = self.rows[unit].get(night - ONE_NIGHT)
        if who is not None and night >= self.until:
            raise WindowTooShort
        return who is not None and who == self.rows[unit].get(night)

    def exchange(self, one: int, other: int, start: date) -> bool:
        """Exchange what two units have from `start` to where neither has a stay running.

        Returns False, and does nothing, where something in it is fixed.
        """
        end = start + ONE_NIGHT
        while self.runs_over(one, end) or self.runs_over(other, end):
            end += ONE_NIGHT
        mine, theirs = self.rows[one], self.rows[other]
        nights = [start + ONE_NIGHT * n for n in range((end - start).days)]
        if self.fixed and any({mine.get(n), theirs.get(n)} & self.fixed for n in nights):
            return False
        for night in nights:
            a, b = mine.pop(night, None), theirs.pop(night, None)
            if b is not None:
                mine[night] = b
            if a is not None:
                theirs[night] = a
        return True

    def clear(self, unit: int, arrive: date, depart: date) -> bool:
        """Exchange until a unit is free for [arrive, depart); False where something is fixed."""
        while (reached := self.free_until(unit, arrive)) < depart:
            if not any(self.exchange(unit, other, reached) for other in self.free_units(reached)):
                return False
        return True

    def copy(self) -> "Plan":
        """The same, to try something on."""
        rows = {unit: dict(taken) for unit, taken in self.rows.items()}
        return Plan(rows, self.until, self.fixed)


def cleared(before: Plan, arrive: date, depart: date) -> tuple[int, Plan]:
    """Return a unit that is free for [arrive, depart), and what it takes.

    Where nothing is fixed, the first unit that is tried will do.
    """
    for unit in before.free_units(arrive):
        plan = before.copy()
        if plan.clear(unit, arrive, depart):
            return unit, plan
    raise Fragmented
