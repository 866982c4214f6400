"""A change of controller for everybody to read, and for each person to answer (C24)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts.sessions import current_account
from app.booking.links import guest_at_link, guest_key
from app.booking.shop import NothingOnOffer, shop, zone_here
from app.booking.wording import long_day
from app.continuity import controller
from app.continuity import controller_package as package
from app.continuity.controller_models import DATA, DONE, STOPPED, ControllerChange
from app.continuity.controller_scope import HELD_BACK, STAYS, going
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import current_language, gettext
from app.policy.recipients import country_word
from app.privacy.planning import plan as erasure_plan
from app.privacy.retention import HANDOVER_KEPT
from app.privacy.subjects import Subject, is_claimed, present
from app.privacy.terms import place
from app.privacy.values import instant_text
from app.privacy.words import kind_word, purpose_word, table_word
from app.web.forms import EmptyForm
from app.web.pages import private_page

bp = Blueprint("controller", __name__)

Act = Callable[..., None]


# -- For everybody ------------------------------------------------------------------------


@bp.get("/privacy/controller")
def show() -> ResponseReturnValue:
    """Tell who is responsible, and what is to change about that, if anything is."""
    change = controller.shown(now=utcnow())
    try:
        venue = shop().venue
    except NothingOnOffer:
        abort(404)
    return render_template(
        "controller/show.html",
        change=change,
        venue=venue,
        signed_in=current_account() is not None,
        **about(change),
    )


def about(change: ControllerChange | None) -> dict[str, Any]:
    """Return what templates say of a change: days, names, what goes and what stays."""
    always = {"window": controller.WINDOW.days}
    if change is None:
        return always
    return always | {
        "day": long_day(change.changes_on),
        "country": country_word(change.country),
        "here": country_word(place().country),
        "own_words": change.texts.get(current_language()) or change.texts.get("en", ""),
        "only_data": change.way == DATA,
        "is_done": change.state == DONE,
        "is_off": change.state == STOPPED,
        "may_object": controller.may_object(change),
        "kept": HANDOVER_KEPT.days,
        "fingerprint": package.site_fingerprint(),
        "goes": [
            (
                table_word(one.table),
                gettext(", ").join(dict.fromkeys(kind_word(kind) for kind in one.kinds)),
                gettext("; ").join(purpose_word(purpose) for purpose in one.purposes),
            )
            for one in going()
        ],
        "stays": [(purpose_word(purpose), gettext(why)) for purpose, why in STAYS.items()],
        "held_back": list(dict.fromkeys(gettext(why) for why in HELD_BACK.values())),
    }


# -- For each person ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody came to their own page, and where its links and forms lead."""

    subject: Subject
    reference: str = ""  # of the reservation whose link opened it

    def url(self, endpoint: str) -> str:
        """Return the address of one of these pages: "mine", "say_no" or "take_back"."""
        if not self.reference:
            return self.subject.url(f"controller.{endpoint}")
        reservation = self.subject.reservation
        assert reservation is not None
        return url_for(
            f"controller.{endpoint}_of_booking",
            reference=self.reference,
            key=guest_key(reservation),
        )

    def to(self, endpoint: str) -> str:
        """Return the address of a page about one's own data; of a booking, the way to it."""
        if not self.reference:
            return self.subject.url(endpoint)
        reservation = self.subject.reservation
        assert reservation is not None
        return url_for("privacy.guest", reference=self.reference, key=guest_key(reservation))


def _by_link(reference: str) -> Way | ResponseReturnValue:
    """Return the way of whoever has a reservation's link; who has an account signs in."""
    found = guest_at_link(reference)
    assert found.person_id is not None
    if is_claimed(found.person_id):
        return redirect(url_for("controller.mine"), 303)
    subject = Subject((found.person_id,), None, found, None, found.language)
    return Way(subject, found.reference)


def _by_key(key: str | None) -> Way | ResponseReturnValue:
    subject = present(key)
    return Way(subject) if isinstance(subject, Subject) else subject


@bp.get("/account/controller", endpoint="mine")
@bp.get("/data/<key>/controller", endpoint="mine")
@private_page
def mine(key: str | None = None) -> ResponseReturnValue:
    """Show somebody what a change means for them, and their three ways."""
    return _shown(_by_key(key))


@bp.get("/reservations/<reference>/controller", endpoint="mine_of_booking")
@private_page
def mine_of_booking(reference: str) -> ResponseReturnValue:
    """Show it to whoever has a reservation's link."""
    return _shown(_by_link(reference))


@bp.post("/account/controller/no", endpoint="say_no")
@bp.post("/data/<key>/controller/no", endpoint="say_no")
@private_page
def say_no(key: str | None = None) -> ResponseReturnValue:
    """Object: their data aren't handed over."""
    return _done(_by_key(key), controller.object_to)


@bp.post("/reservations/<reference>/controller/no", endpoint="say_no_of_booking")
@private_page
def say_no_of_booking(reference: str) -> ResponseReturnValue:
    """Object by a reservation's link."""
    return _done(_by_link(reference), controller.object_to)


@bp.post("/account/controller/take-back", endpoint="take_back")
@bp.post("/data/<key>/controller/take-back", endpoint="take_back")
@private_page
def take_back(key: str | None = None) -> ResponseReturnValue:
    """Take an objection back."""
    return _done(_by_key(key), controller.take_back)


@bp.post("/reservations/<reference>/controller/take-back", endpoint="take_back_of_booking")
@private_page
def take_back_of_booking(reference: str) -> ResponseReturnValue:
    """Take it back by a reservation's link."""
    return _done(_by_link(reference), controller.take_back)


def _done(way: Way | ResponseReturnValue, act: Act) -> ResponseReturnValue:
    if not isinstance(way, Way):
        return way
    if not EmptyForm().validate_on_submit():
        abort(400)
    persons: Collection[str] = way.subject.person_ids
    try:
        act(persons, now=utcnow())
        db.session.commit()
    except DomainError as error:
        db.session.rollback()
        only_read()
        return _page(way, error), 409
    return redirect(way.url("mine"), 303)


def _shown(way: Way | ResponseReturnValue) -> ResponseReturnValue:
    return _page(way) if isinstance(way, Way) else way


def _page(way: Way, error: DomainError | None = None) -> str:
    now, zone = utcnow(), zone_here()
    change = controller.shown(now=now)
    persons = way.subject.person_ids
    said = controller.objections(change, persons) if change else []
    standing = next((one for one in said if one.withdrawn_at is None), None)
    waits = erasure_plan(persons, now=now).runs_on if controller.may_object(change) else None

    def at(moment: datetime) -> str:
        return instant_text(moment, zone)

    return render_template(
        "controller/mine.html",
        change=change,
        way=way,
        standing=standing,
        # Said of several persons at once it is one line.
        history=list(dict.fromkeys((one.objected_at, one.withdrawn_at) for one in said)),
        waits=long_day(waits) if waits else "",
        error=error.say() if error else "",
        form=EmptyForm(formdata=None),
        at=at,
        **about(change),
    )
