"""Every promise of the policy, with the page on which it can be put to the test."""

from contextlib import suppress

from flask import current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.routing import BuildError

from app.core.datamap import Kind
from app.privacy.blueprint import bp
from app.privacy.clauses import Clause
from app.privacy.evidence import MISSING, Ground, lines
from app.privacy.words import kind_word

_NO_PAGES = ("health.readyz",)  # an answer for machines


@bp.get("/privacy/clauses", endpoint="clauses")
def clauses_page() -> ResponseReturnValue:
    """List the clauses; those that aren't kept yet say so."""
    ground = Ground(current_app.url_map)
    kinds = _kinds(ground)
    return render_template(
        "privacy/clauses.html",
        rows=[
            (line, _link(line.clause), kinds.get(line.clause.code, ())) for line in lines(ground)
        ],
        missing=MISSING,
    )


def _link(clause: Clause) -> str:
    """Return the first of a clause's pages that can be opened by itself; "" where there is none.

    Those of an account ask to sign in first; those with a key belong to one booking.
    """
    for endpoint in clause.controls:
        if endpoint not in _NO_PAGES:
            with suppress(BuildError):
                return url_for(endpoint)
    return ""


def _kinds(ground: Ground) -> dict[str, list[str]]:
    """Return the words for the kinds of data that are held under each clause."""
    found: dict[str, set[Kind]] = {}
    for _path, declared in ground.personal():
        found.setdefault(declared.clause, set()).add(declared.kind)
    return {code: sorted(map(kind_word, kinds)) for code, kinds in found.items()}
