"""The owner's pages of partners' calendars: what goes out, what comes in, and how it goes."""

from functools import partial
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import READER, STAFF
from app.booking import feeds as verbs
from app.booking.feeds_in import fetch_and_apply
from app.booking.models import Feed
from app.booking.shop import shop, zone_here
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import N_, gettext
from app.core.limits import Limit, spend
from app.owner import feeds as reading
from app.owner.feeds_forms import FeedAddressForm, FeedForm
from app.owner.just_done import just_done
from app.owner.roles import may_use, needs, sensitive
from app.owner.routes import at_place, bp
from app.owner.trail import record
from app.web.forms import EmptyForm
from app.web.pages import settings

_FEEDS = "/feeds"
_ONE = f"{_FEEDS}/<int(max=2147483647):feed_id>"
BY_HAND = Limit("feed-by-hand", burst=10, per_hour=60)
_DONE = {
    "made": N_("The calendar is fetched within a minute, and every quarter of an hour after that."),
    "revoked": N_("The address opens nothing any more."),
    "address": N_("It is fetched there from now on, for the first time within a minute."),
    "stopped": N_("It isn’t fetched any more, and what it blocked is given back."),
    "ended": N_("The calendar is deleted, and what it blocked is given back."),
    "fetched": N_("It was fetched just now."),
    "failed": N_("It couldn’t be fetched. What it blocked before stays blocked."),
    "move": N_("The guest has another room, and this one is kept for the partner’s booking."),
    "dismiss": N_("The conflict is dismissed: nothing is blocked for it."),
    "another": N_("It is treated as another booking from now on."),
}
"""What was just done, by the word in the address that it leads to."""


@bp.get(_FEEDS, endpoint="feeds")
@needs(READER)
def feeds_page() -> ResponseReturnValue:
    """List the partners' calendars and how each goes."""
    return render_template("owner/feeds.html", rows=reading.rows(now=utcnow()), **_shown())


@bp.get(_ONE)
@needs(READER)
def feed(feed_id: int) -> ResponseReturnValue:
    """Show one calendar, and what can be done about it."""
    return _page(feed_id, FeedAddressForm(formdata=None))


@bp.route(f"{_FEEDS}/new", methods=["GET", "POST"])
@sensitive("owner.feeds")
def new_feed() -> ResponseReturnValue:
    """Make a calendar for a partner; an address that is given out is shown once, here."""
    form, now = FeedForm(what=_choices()), utcnow()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        offer_id, unit_id = map(int, str(form.what.data).split("-"))
        try:
            made, token = verbs.make(
                str(form.channel.data), offer_id, unit_id or None,
                address=str(form.address.data or ""), out=bool(form.out.data), now=now,
            )  # fmt: skip
        except DomainError as error:
            only_read()
            beside = isinstance(error, verbs.BadAddress)
            (form.address.errors if beside else form.form_errors).append(error.say())
        else:
            record("feed.made", "feed", made.id, now=now)
            feed_id = made.id
            db.session.commit()
            return _address(feed_id, token) if token else _done(feed_id, "made")
    return render_template("owner/feed_new.html", form=form), status


@bp.post(f"{_ONE}/give")
@sensitive("owner.feeds")
def give_feed(feed_id: int) -> ResponseReturnValue:
    """Make a new outgoing address, show it once, and end the former one."""
    now = utcnow()
    token = verbs.give_address(_feed(feed_id), now=now)
    record("feed.given", "feed", feed_id, now=now)
    db.session.commit()
    return _address(feed_id, token)


@bp.post(f"{_ONE}/revoke")
@sensitive("owner.feeds")
def revoke_feed(feed_id: int) -> ResponseReturnValue:
    """End the outgoing address."""
    now = utcnow()
    verbs.revoke(_feed(feed_id), now=now)
    record("feed.revoked", "feed", feed_id, now=now)
    db.session.commit()
    return _done(feed_id, "revoked")


@bp.post(f"{_ONE}/address")
@sensitive("owner.feeds")
def feed_address(feed_id: int) -> ResponseReturnValue:
    """Fetch the calendar from an address from now on."""
    form, found, now = FeedAddressForm(), _feed(feed_id), utcnow()
    if not form.validate():
        return _page(feed_id, form), 422
    try:
        verbs.set_address(found, str(form.address.data), now=now)
    except DomainError as error:
        only_read()
        form.address.errors = [error.say()]
        return _page(feed_id, form), 422
    record("feed.address", "feed", feed_id, now=now)
    db.session.commit()
    return _done(feed_id, "address")


@bp.post(f"{_ONE}/stop")
@sensitive("owner.feeds")
def stop_feed(feed_id: int) -> ResponseReturnValue:
    """Fetch the calendar no more."""
    now = utcnow()
    verbs.stop(_feed(feed_id), today=reading.today_of(zone_here(), now=now))
    record("feed.stopped", "feed", feed_id, now=now)
    db.session.commit()
    return _done(feed_id, "stopped")


@bp.post(f"{_ONE}/end")
@sensitive("owner.feeds")
def end_feed(feed_id: int) -> ResponseReturnValue:
    """Delete the calendar."""
    now = utcnow()
    verbs.end(_feed(feed_id), today=reading.today_of(zone_here(), now=now), now=now)
    record("feed.ended", "feed", feed_id, now=now)
    db.session.commit()
    return redirect(url_for(".feeds", done="ended"), 303)


@bp.post(f"{_ONE}/fetch")
@needs(STAFF)
def fetch_feed(feed_id: int) -> ResponseReturnValue:
    """Fetch the calendar now."""
    now = utcnow()
    if _feed(feed_id).in_address is None:
        abort(404)
    spend(BY_HAND, f"f{feed_id}", now=now)
    record("feed.fetched", "feed", feed_id, now=now)
    # Before the partner is waited for: nobody else waits for a lock meanwhile.
    db.session.commit()
    fault = fetch_and_apply(feed_id, now=now)
    return _done(feed_id, "failed" if fault else "fetched")


# -- What the views share ---------------------------------------------------------------------


def _feed(feed_id: int) -> Feed:
    return db.session.get(Feed, feed_id, with_for_update=request.method == "POST") or abort(404)


def _page(feed_id: int, form: FeedAddressForm) -> str:
    found = reading.rows(now=utcnow(), feed_id=feed_id) or abort(404)
    return render_template("owner/feed.html", row=found[0], form=form, **_shown())


def _shown() -> dict[str, Any]:
    """Return what both pages show of calendars besides themselves."""
    return {
        "at": at_place(),
        "age": partial(reading.age, now=utcnow()),
        "done": just_done(_DONE),
        "failed": request.args.get("done") == "failed",
        "act_form": EmptyForm(formdata=None),
        "manages": may_use("owner.give_feed"),
        "acts": may_use("owner.fetch_feed"),
    }


def _address(feed_id: int, token: str) -> str:
    """Show an outgoing address: the only time that it can be."""
    found = reading.rows(now=utcnow(), feed_id=feed_id) or abort(404)
    address = settings().site_url + url_for("feeds.show", token=token)
    return render_template("owner/feed_address.html", row=found[0], address=address)


def _choices() -> dict[str, list[tuple[str, str]]]:
    """Return what a calendar can be of, by offer: the offer itself, and its rooms."""
    shop()  # a house that offers nothing has its own page
    choices: dict[str, list[tuple[str, str]]] = {}
    for offer, units in verbs.targets():
        name = reading.name_of(offer.texts, None)
        whole = gettext("all of it: taken when nothing is left")
        group = f"{name} ({offer.slug})" if name in choices else name
        choices[group] = [
            (f"{offer.id}-0", gettext(", ").join((name, whole))),
            *((f"{offer.id}-{unit.id}", gettext(": ").join((name, unit.name))) for unit in units),
        ]
    return choices


def _done(feed_id: int, what: str) -> ResponseReturnValue:
    return redirect(url_for(".feed", feed_id=feed_id, done=what), 303)
