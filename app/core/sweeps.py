"""What goes when its time has come: one registry for the worker, the dry run and the page.

A *sweep* finds what is due and takes it away. Both ask the same statement, so that the
dry run can't say something else than the run does. It works in batches with a commit
each: a big book is never locked for long, and a crash in the middle loses nothing.

Sweeps whose look-up is cheap, by an index, run every minute; those that read more, once
a day.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.core.database import Base, clear_journal, db, only_reading, table
from app.core.datamap import Retention, tables_in_order
from app.core.purposes import SWEEP, unit
from app.core.worker import every_minute

log = logging.getLogger(__name__)

MINUTE, DAY = "minute", "day"
BATCH = 500
"""How many keys one transaction takes away at most."""

Due = Callable[[datetime], sa.Select[Any]]
Remove = Callable[[Sequence[Any], datetime], None]


class SweepStuck(RuntimeError):
    """What a sweep took away was still there: it stops, instead of turning for ever."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One thing that goes when its time has come.

    `due` returns the statement that selects the keys of what is due at an instant;
    `remove` takes some of them away and doesn't commit, or commits for itself.
    """

    name: str
    retention: Retention
    words: str  # marked for translation: what goes
    every: str
    of: type[Any]  # the model whose rows go, or lose something
    due: Due
    remove: Remove
    batch: int = BATCH
    # Of those with the same rank, what refers to something goes before what it refers to.
    rank: int = 0

    def find(self, now: datetime) -> sa.Select[Any]:
        """Return the statement that selects what is due: the dry run."""
        return self.due(now)

    def count(self, now: datetime) -> int:
        """Return how many are due. Reads only."""
        query = sa.select(sa.func.count()).select_from(self.due(now).order_by(None).subquery())
        return int(db.session.scalar(query) or 0)

    def carry_out(self, now: datetime) -> int:
        """Take away what `find` finds, a batch a transaction, and return how many.

        Raises SweepStuck where a batch was taken away and is there again.
        """
        with unit(SWEEP, self.name):
            return self._carry_out(now)

    def _carry_out(self, now: datetime) -> int:
        gone, before = 0, frozenset[Any]()
        while keys := self._next(now):
            if not before.isdisjoint(keys):
                raise SweepStuck(self.name)
            self.remove(keys, now)
            db.session.commit()
            gone += len(keys)
            before = frozenset(keys)
            if len(keys) < self.batch:
                break
        return gone

    def _next(self, now: datetime) -> list[Any]:
        # Most minutes there is nothing: nobody waits for a lock that isn't taken.
        with only_reading():
            return [_key(row) for row in db.session.execute(self.due(now).limit(self.batch))]


def _key(row: Any) -> Any:
    """Return a row's key: the value of its one column, or a tuple of several."""
    return row[0] if len(row) == 1 else tuple(row)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one sweep: how many went, or the type of what it raised."""

    sweep: Sweep
    count: int
    failure: str = ""


_sweeps: dict[str, Sweep] = {}


def register(sweep: Sweep) -> Sweep:
    """Have a sweep run from now on. Raises ValueError for a name that is taken."""
    if sweep.name in _sweeps:
        raise ValueError(f"There are two sweeps called {sweep.name}.")
    _sweeps[sweep.name] = sweep
    return sweep


def delete_rows(
    name: str,
    model: type[Base],
    when: Callable[[datetime], sa.ColumnElement[bool]],
    *,
    retention: Retention,
    words: str,
    every: str = MINUTE,
    batch: int = BATCH,
) -> Sweep:
    """Register a sweep that deletes the rows of a model that meet one condition.

    Rows that refer to them go by their foreign keys.
    """
    columns = list(table(model).primary_key.columns)
    key: Any = columns[0] if len(columns) == 1 else sa.tuple_(*columns)

    def due(now: datetime) -> sa.Select[Any]:
        return sa.select(*columns).where(when(now))

    def remove(keys: Sequence[Any], now: datetime) -> None:
        # The condition again: what was used or renewed in between stays.
        db.session.execute(
            sa.delete(model).where(key.in_(keys), when(now)),
            execution_options={"synchronize_session": False},
        )

    return register(Sweep(name, retention, words, every, model, due, remove, batch))


def named(name: str) -> Sweep:
    """Return a sweep by its name. Raises KeyError."""
    return _sweeps[name]


def sweeps(every: str | None = None) -> list[Sweep]:
    """Return the sweeps in the order in which they run.

    What refers to something goes before it does: its own sweep counts it, and no foreign
    key takes it away unseen. So a dry run says of each what the run will do.
    """
    order = {found: place for place, found in enumerate(tables_in_order(Base.metadata))}
    return sorted(
        (one for one in _sweeps.values() if every in (None, one.every)),
        key=lambda one: (one.rank, -order[table(one.of)], one.name),
    )


def carry_out(chosen: Sequence[Sweep], *, now: datetime) -> Iterator[Outcome]:
    """Run sweeps, each for itself: one that fails is told of, and stops no other."""
    for sweep in chosen:
        try:
            yield Outcome(sweep, sweep.carry_out(now))
        except Exception as error:  # noqa: BLE001 (the next one must run)
            db.session.rollback()
            name = type(error).__name__
            # Without its message or trace, which might quote a person's data.
            log.error("a sweep failed: %s %s", sweep.name, name)  # noqa: TRY400
            yield Outcome(sweep, 0, name)


@every_minute
def sweep_every_minute(now: datetime) -> None:
    """Run the sweeps of every minute, and overwrite what they took away."""
    outcomes = list(carry_out(sweeps(MINUTE), now=now))
    if any(one.count for one in outcomes):
        clear_journal()


def first_day_after(instant: datetime) -> date:
    """Return the first day (UTC) that begins at an instant or after it."""
    return (instant.astimezone(UTC) + timedelta(days=1, microseconds=-1)).date()
