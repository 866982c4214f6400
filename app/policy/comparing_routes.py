"""The public page that shows what changed from one version of a document to another."""

from typing import Any

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.clock import utcnow
from app.core.languages import current_language, gettext, ngettext
from app.policy.comparing import Difference, compared
from app.policy.documents import WITHDRAWN, Standing, standings, version
from app.policy.models import PRIVACY, TERMS
from app.policy.routes import bp, day_word
from app.policy.sources import rendered

_PAGES = {TERMS: "policy.show_terms_version", PRIVACY: "policy.show_privacy_version"}


@bp.get("/privacy/versions/<int(max=9999):number>/changes", defaults={"document": PRIVACY})
@bp.get("/terms/versions/<int(max=9999):number>/changes", defaults={"document": TERMS})
def show_changes(document: str, number: int) -> ResponseReturnValue:
    """Show what changed since the version before, or since any other one (`with`)."""
    known = standings(document, now=utcnow())
    shown = next((one for one in known if one.number == number), None) or abort(404)
    other = _other(known, shown)
    language = current_language()
    new = version(document, number, language) or abort(404)
    old = version(document, other.number, language) if other else None
    difference = compared(old.text, new.text) if old is not None else None
    return render_template(
        "policy/changes.html",
        title=rendered(new.text).title,
        new=new,
        old=old,
        stands=shown,
        difference=difference,
        said=summary_lines(difference) if difference else [],
        page=lambda n: url_for(_PAGES[document], number=n),
        known=known,
        day=day_word,
    )


def _other(known: list[Standing], shown: Standing) -> Standing | None:
    """Return the version to compare with: the one that was asked for, or the one before.

    What was taken back before it counted is nobody's version before.
    """
    asked = request.args.get("with", "")
    if asked:
        numbers = {str(one.number): one for one in known}
        return numbers.get(asked) or abort(404)
    before = (one for one in known if one.number < shown.number and one.state != WITHDRAWN)
    return next(before, None)


def summary_lines(difference: Difference) -> list[str]:
    """Return how much changed, a sentence for each way; [] where nothing did."""
    counted: list[tuple[int, Any]] = [
        (
            difference.count("changed"),
            lambda n: ngettext("%(num)d part changed", "%(num)d parts changed", n),
        ),
        (
            difference.count("added"),
            lambda n: ngettext("%(num)d part is new", "%(num)d parts are new", n),
        ),
        (
            difference.count("gone"),
            lambda n: ngettext("%(num)d part is gone", "%(num)d parts are gone", n),
        ),
    ]
    lines = [words(number) for number, words in counted if number]
    same = difference.count("same")
    if lines and same:
        lines.append(
            ngettext("%(num)d part stays as it was", "%(num)d parts stay as they were", same)
        )
    return lines or ([gettext("Nothing changed in this language.")] if same else [])
