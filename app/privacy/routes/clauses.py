"""Every promise of the policy: its control, its code, its tests and when they last passed."""

from collections import Counter
from datetime import UTC
from functools import cache

from babel.dates import format_datetime
from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from app.core.datamap import Kind
from app.core.languages import current_locale
from app.privacy.blueprint import bp
from app.privacy.controls import control_lines
from app.privacy.evidence import MISSING, TESTS, Ground, Line, find_tests, lines
from app.privacy.last_run import LastRun, last_run
from app.privacy.words import kind_word


@bp.get("/privacy/clauses", endpoint="clauses")
def clauses_page() -> ResponseReturnValue:
    """List the clauses; one that wasn't kept yet would say so."""
    ground, run = Ground(current_app.url_map), last_run()
    kinds = _kinds(ground)
    found = lines(ground, _tests(), run)
    return render_template(
        "privacy/clauses.html",
        rows=[
            (line, list(control_lines(line.clause)), kinds.get(line.clause.code, ()), _files(line))
            for line in found
        ],
        missing=MISSING,
        run=run,
        run_at=_moment(run) if run is not None else "",
    )


@cache
def _tests() -> dict[str, list[str]] | None:
    """Return the tests by clause: read once, as they can't change while the site runs."""
    return find_tests(TESTS)


def _files(line: Line) -> list[tuple[str, int]]:
    """Return the files that a clause's tests stand in, and how many in each."""
    return sorted(Counter(one.partition("::")[0] for one in line.tests or ()).items())


def _moment(run: LastRun) -> str:
    return format_datetime(run.at.astimezone(UTC), "long", locale=current_locale())


def _kinds(ground: Ground) -> dict[str, list[str]]:
    """Return the words for the kinds of data that are held under each clause."""
    found: dict[str, set[Kind]] = {}
    for _path, declared in ground.personal():
        found.setdefault(declared.clause, set()).add(declared.kind)
    return {code: sorted(map(kind_word, kinds)) for code, kinds in found.items()}
