"""Notices on a device: the page that switches them on and off, and the browser's worker.

An account has its page here; that of a reservation's guest is made by `guestbook`, of the
same parts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from babel.dates import format_date
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.claims import persons_of
from app.accounts.entering import device_code
from app.accounts.security_forms import TokenField
from app.accounts.sessions import account_required, current_account, current_session
from app.accounts.words import device_words
from app.consent import permissions
from app.core.clock import utcnow
from app.core.database import in_one_go
from app.core.errors import DomainError
from app.core.languages import N_, current_language, current_locale, gettext
from app.policy import push
from app.web.forms import EmptyForm, Form
from app.web.headers import allow_worker

bp = Blueprint("push", __name__)

_WORKER = (Path(__file__).parents[2] / "static" / "push" / "worker.js").read_text()
_SAID = {
    "on": N_("Done. What you must know is shown on this device from now on."),
    "off": N_("Done. Nothing is shown there any more, and we have deleted its address."),
}


class SubscriptionForm(Form):
    """What a browser hands over. A script fills it in and sends it."""

    subscription = TokenField(
        collects=("push_subscription.endpoint", "push_subscription.keys"), most=push.LONGEST
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Whose page it is, and its addresses."""

    persons: Sequence[str]  # the first is the one that a device is kept for
    how: str  # as permissions name the page
    on: str
    off: Callable[[int], str]
    crumbs: list[tuple[str | None, str]]
    session_id: int | None = None


@bp.get("/push.js")
def worker() -> Response:
    """Answer with the browser's worker, always the newest. It can only show notices."""
    response = Response(_WORKER, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


def page(place: Place, *, problem: str = "") -> str:
    """Return the page: the button for this device, and the devices that are told."""
    allow_worker()
    return render_template(
        "policy/push.html",
        place=place,
        key=push.public_key() if push.offered() else "",
        devices=push.devices(place.persons),
        form=SubscriptionForm(formdata=None),
        empty=EmptyForm(formdata=None),
        done=gettext(_SAID[said]) if (said := request.args.get("done", "")) in _SAID else "",
        problem=problem,
        device_words=device_words,
        day=_day,
    )


def turn_on(place: Place) -> str | None:
    """Keep the device at hand; return what is wrong where it can't be."""
    form, now = SubscriptionForm(), utcnow()
    if not push.offered() or not form.validate_on_submit():
        return push.NotASubscription().say()
    try:
        found = push.read(str(form.subscription.data))
        in_one_go(
            lambda: push.subscribe(
                place.persons[0],
                found,
                device=device_code(),
                language=current_language(),
                how=place.how,
                session_id=place.session_id,
                now=now,
            )
        )
    except DomainError as error:
        return error.say()
    return None


def turn_off(place: Place, device_id: int) -> None:
    """Take a device away; 404 for one that isn't theirs, or isn't there."""
    now = utcnow()
    if not EmptyForm().validate_on_submit():
        abort(400)
    if not in_one_go(lambda: push.end(place.persons, device_id, how=place.how, now=now)):
        abort(404)


def _day(at: datetime) -> str:
    return format_date(at.date(), "long", current_locale())


# -- An account's own page ------------------------------------------------------------------


def _of_account() -> Place:
    who, present = current_account() or abort(404), current_session()
    crumbs: list[tuple[str | None, str]] = [
        (url_for("booking.account"), gettext("Your account")),
        (url_for("consent_permissions.show"), gettext("What you allow")),
        (None, gettext("Notices on a device")),
    ]
    return Place(
        persons_of(who),
        permissions.ACCOUNT,
        url_for("push.turn_account_on"),
        lambda device_id: url_for("push.turn_account_off", device_id=device_id),
        crumbs,
        present.row_id if present else None,
    )


@bp.get("/account/notices")
@account_required
def show() -> ResponseReturnValue:
    """Show on which devices somebody with an account is told."""
    return page(_of_account())


@bp.post("/account/notices/on")
@account_required
def turn_account_on() -> ResponseReturnValue:
    """Tell somebody with an account on the device at hand."""
    problem = turn_on(_of_account())
    if problem:
        return page(_of_account(), problem=problem), 422
    return _back("on")


@bp.post("/account/notices/off/<int(max=2147483647):device_id>")
@account_required
def turn_account_off(device_id: int) -> ResponseReturnValue:
    """Tell them nothing on a device any more."""
    turn_off(_of_account(), device_id)
    return _back("off")


def _back(done: str, **values: Any) -> ResponseReturnValue:
    return redirect(url_for("push.show", done=done, **values), 303)
