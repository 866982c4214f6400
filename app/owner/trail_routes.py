"""The audit trail, for owners: what the house did, and whether the record is sound."""

from datetime import date

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER
from app.accounts.sessions import current_account
from app.booking.shop import zone_here
from app.core import audit
from app.core.text import FIRST_YEAR, LAST_YEAR
from app.owner import trail, trail_words
from app.owner.roles import needs
from app.owner.routes import at_place, bp

_MOST_PAGES = 10_000


@bp.get("/trail", endpoint="trail")
@needs(OWNER)
def trail_page() -> ResponseReturnValue:
    """Show what was done, newest first."""
    return _page()


@bp.get("/trail/proof", endpoint="trail_proof")
@needs(OWNER)
def trail_proof() -> ResponseReturnValue:
    """Go through the whole chain, and say where it isn't as it was written."""
    return _page(faults=trail.first_faults())


def _page(faults: list[tuple[int, str]] | None = None) -> str:
    verb, kind = request.args.get("verb", ""), request.args.get("kind", "")
    page = _number(request.args.get("page", "1"))
    if (verb and verb not in trail_words.VERBS) or (kind and kind not in trail_words.KINDS):
        abort(404)
    day = _day(request.args.get("day", ""))
    found, more = trail.entries(verb=verb, kind=kind, day=day, zone=zone_here(), page=page)
    account = current_account() or abort(404)
    return render_template(
        "owner/trail.html",
        entries=found,
        references=trail.references(found),
        asked={"verb": verb, "kind": kind, "day": day.isoformat() if day else ""},
        page=page,
        more=more,
        faults=faults,
        head=audit.head(),
        own_id=account.id,
        command=trail.COMMAND,
        verbs={key: trail_words.verb_word(key) for key in trail_words.VERBS},
        kinds={key: trail_words.kind_word(key) for key in trail_words.KINDS},
        verb_word=trail_words.verb_word,
        kind_word=trail_words.kind_word,
        detail_words=trail_words.detail_words,
        fault_line=trail_words.fault_line,
        at=at_place(),
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 5):
        abort(404)
    number = int(text)
    return number if 0 < number <= _MOST_PAGES else abort(404)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        abort(404)
    # At the ends of the calendar a day has no day beside it, and no clock of a place.
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else abort(404)
