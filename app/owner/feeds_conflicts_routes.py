"""What the house does about a conflict with a partner's calendar; each way is one press."""

from collections.abc import Callable

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import STAFF
from app.booking import feeds_conflicts as verbs
from app.booking.models import FeedConflict
from app.booking.shop import zone_here
from app.core.clock import utcnow
from app.core.database import db
from app.owner.feeds import today_of
from app.owner.roles import needs
from app.owner.routes import bp
from app.owner.trail import record

_CONFLICT = "/feeds/conflicts/<int(max=2147483647):conflict_id>"
Verb = Callable[[int], FeedConflict]


@bp.post(f"{_CONFLICT}/move")
@needs(STAFF)
def move_for_feed(conflict_id: int) -> ResponseReturnValue:
    """Give whoever is in the way another room."""

    def move(number: int) -> FeedConflict:
        now = utcnow()
        return verbs.move_away(number, today=today_of(zone_here(), now=now), now=now)

    return _settle(conflict_id, move, "move", "feed.moved")


@bp.post(f"{_CONFLICT}/dismiss")
@needs(STAFF)
def dismiss_conflict(conflict_id: int) -> ResponseReturnValue:
    """Leave a conflict as it is."""
    return _settle(conflict_id, verbs.dismiss, "dismiss", "feed.dismissed")


@bp.post(f"{_CONFLICT}/another")
@needs(STAFF)
def another_booking(conflict_id: int) -> ResponseReturnValue:
    """Say of an echo that it is another booking."""
    return _settle(conflict_id, verbs.call_another, "another", "feed.another")


def _settle(conflict_id: int, verb: Verb, done: str, said: str) -> ResponseReturnValue:
    if db.session.get(FeedConflict, conflict_id) is None:
        abort(404)
    found = verb(conflict_id)
    feed_id = found.feed_id
    record(said, "feed", feed_id, now=utcnow(), first=str(found.first), until=str(found.until))
    db.session.commit()
    return redirect(url_for(".feed", feed_id=feed_id, done=done), 303)
