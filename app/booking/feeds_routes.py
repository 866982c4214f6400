"""The address that a partner's program opens: a calendar of what is taken (C22)."""

from datetime import datetime

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from app.booking import feeds, feeds_out
from app.booking.models import Feed
from app.booking.shop import shop
from app.core.clock import utcnow
from app.core.database import db, writing
from app.core.limits import Limit, spend
from app.web.attachments import ICS, attachment
from app.web.network import network

bp = Blueprint("feeds", __name__)

# A partner looks every few minutes; several of its machines may do so at once.
LOOKING = Limit("feed", burst=60, per_hour=240)
GUESSING = Limit("feed-unknown", burst=60, per_hour=120)


@bp.get("/feeds/<token>.ics")
def show(token: str) -> ResponseReturnValue:
    """Answer with a calendar; an address that is wrong and one that has ended are the same."""
    now = utcnow()
    feed = feeds.by_token(token)
    if feed is None:
        _count_guess(now)
        abort(404)
    here = shop()
    spans, times = feeds_out.busy(feed, here, now=now)
    response = attachment(feeds_out.calendar(feed, here, spans, times), ICS, "busy.ics")
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Robots-Tag"] = "noindex"
    _note(feed, spans, now)
    return response.make_conditional(request)


def _note(feed: Feed, spans: list[feeds.Span], now: datetime) -> None:
    """Count that it was looked at, and keep what was told: by it, an echo is recognised."""
    with writing():
        spend(LOOKING, f"f{feed.id}", now=now)
        if request.method == "GET":
            feeds_out.note_told(feed, spans, now=now)
        db.session.commit()


def _count_guess(now: datetime) -> None:
    with writing():
        spend(GUESSING, network(now), now=now)
        db.session.commit()
