"""How long what is kept: the public page, made from the rules that the purge runs on (C12)."""

from collections.abc import Iterator
from typing import NamedTuple

from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from app.booking.wording import long_day
from app.core.database import Base, KeysBase
from app.core.datamap import Kind, Retention, personal_columns
from app.core.languages import gettext, ngettext
from app.core.sweeps import MINUTE, sweeps
from app.privacy import purging, terms
from app.privacy.blueprint import bp
from app.privacy.models import PurgeRun
from app.privacy.retention import RULES
from app.privacy.words import kind_word


class Shown(NamedTuple):
    """A rule as the page shows it."""

    code: str
    kinds: list[str]  # which kinds of data it is about, by the data map
    kept: str
    ground: str
    goes: list[tuple[str, bool]]  # what goes by it, and whether every minute


@bp.get("/privacy/retention")
def show_retention() -> ResponseReturnValue:
    """Say of every kind of data how long it is kept and why, and what the last purge did."""
    run = purging.last_run()
    return render_template(
        "privacy/retention.html",
        rules=list(_rules()),
        run=run,
        day=long_day(run.day) if run else "",
        went=list(_went(run)) if run else [],
        copies=list(copies()),
    )


def _rules() -> Iterator[Shown]:
    law = terms.place().law
    kinds: dict[Retention, set[Kind]] = {}
    for _, declared in personal_columns(Base.metadata, KeysBase.metadata):
        kinds.setdefault(declared.retention, set()).add(declared.kind)
    for retention, rule in RULES.items():
        yield Shown(
            retention.value,
            sorted({kind_word(kind) for kind in kinds.get(retention, ())}),
            rule.say(law),
            rule.why(law),
            [
                (gettext(sweep.words), sweep.every == MINUTE)
                for sweep in sweeps()
                if sweep.retention == retention
            ],
        )


def _went(run: PurgeRun) -> Iterator[tuple[str, int]]:
    """Yield what a purge took away, in words, as far as it was anything."""
    for sweep in sweeps():
        if count := run.counts.get(sweep.name, 0):
            yield gettext(sweep.words), count


def copies() -> Iterator[tuple[str, str]]:
    """Yield what is true of backups here: how long they stay, and when it was last proved."""
    known = current_app.extensions["backup_facts"]()  # of a feature above this one
    where = terms.place()
    yield gettext("Copies of the books stay"), _days(known.book_days)
    yield (
        gettext("Copies of the keys stay, so that nothing erased opens after"),
        _days(known.keys_days),
    )
    if known.book_at is not None:
        yield gettext("The last copy was made on"), long_day(where.day(known.book_at))
    if known.drill_at is not None:
        said = (
            gettext("passed") if known.drill_passed else gettext("failed; it is being looked into")
        )
        yield (
            gettext("The last rehearsal of an erasure that a copy can’t undo"),
            gettext(": ").join((long_day(where.day(known.drill_at)), said)),
        )


def _days(count: int) -> str:
    return ngettext("%(num)d day", "%(num)d days", count)
