"""Everything held on a person, on one page: the hub of what they can do about it."""

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from app.booking.shop import zone_here
from app.booking.wording import long_day
from app.core.clock import utcnow
from app.privacy.blueprint import bp
from app.privacy.held import held, shelf_of, until_text
from app.privacy.subjects import Subject, present
from app.privacy.values import instant_text

_MOST_PAGES = 10_000


@bp.get("/account/data", endpoint="data")
@bp.get("/data/<key>", endpoint="data")
def data_page(key: str | None = None) -> ResponseReturnValue:
    """Show what is held, why, since when, until when, and who received it.

    With `of` it is one table alone, with `page` counting from 1.
    """
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    now, zone = utcnow(), zone_here()
    name, number = request.args.get("of", ""), request.args.get("page", "1")
    shelf = None
    if name:
        page = _page_number(number)
        shelf = shelf_of(subject, name, page, now=now) or abort(404)
        if page > 1 and not shelf.items:
            abort(404)
    return render_template(
        "privacy/data.html",
        subject=subject,
        groups=[] if name else list(held(subject, now=now)),
        shelf=shelf,
        page=_page_number(number) if name else 1,
        at=lambda moment: instant_text(moment, zone),
        until=lambda item: until_text(item.until, long_day),
    )


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= _MOST_PAGES):
        abort(404)
    return int(text)
