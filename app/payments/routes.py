"""The pages on which a guest checks, goes to pay and comes back, and the notices' door."""

from datetime import datetime
from functools import partial

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge

from app.booking import wording
from app.booking.links import guest_url, reservation_at_link, reservation_for_checkout
from app.booking.models import ASKED, CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import HoldPassed, ReservationCancelled, get_for_update, is_held
from app.booking.shop import shop
from app.booking.standing import standing
from app.booking.summary import promise, summary
from app.core.clock import utcnow
from app.core.database import in_one_go, writing
from app.payments.apply import EnvironmentMismatch, look
from app.payments.attempts import newest_attempt
from app.payments.due import outstanding
from app.payments.forms import PayForm
from app.payments.models import BALANCE, Payment
from app.payments.notices import MOST_BYTES, receive_notice
from app.payments.pay import PaymentRefused, PaymentUnavailable, PaymentUnderReview, start_payment
from app.payments.plan import DepositNotOffered, deposit_for
from app.payments.provider import BadSignature, NotSent, ProviderError, Unknown
from app.payments.providers import current_provider, provider_named
from app.payments.saved import end
from app.payments.states import AUTHORISED, OPEN, PAID, PROCESSING, REVIEW
from app.web.forms import EmptyForm
from app.web.headers import allow_form_to
from app.web.pages import private_page

bp = Blueprint("payments", __name__)

ORIGIN_EXEMPT = {"payments.webhook"}
"""Endpoints that other machines call: guarded by a signature instead of an origin."""


# -- Check and pay ------------------------------------------------------------------------


@bp.route("/checkout/<key>/pay", methods=["GET", "POST"])
@private_page
def pay(key: str) -> ResponseReturnValue:
    """Check what was booked, choose how to pay, and go to pay it; of what is firm, the balance."""
    reservation, now = _reservation(key), utcnow()
    if reservation.kind == ASKED:
        return _asked(reservation, key, now=now)
    if outstanding(reservation):
        return _balance(reservation, now=now)
    elsewhere = _elsewhere(reservation, key, now=now)
    if elsewhere is not None:
        return elsewhere

    form = PayForm(deposit=deposit_for(reservation, now=now), reservation=reservation)
    if form.validate_on_submit():
        try:
            return redirect(start_payment(reservation, choice=form.choice(), now=now), 303)
        except HoldPassed:
            return redirect(url_for("booking.checkout", key=key), 303)
        except DepositNotOffered as error:
            form = PayForm(formdata=None, deposit=None, reservation=reservation)
            return _check_page(reservation, key, form, error.say(), now=now), 409
        except (PaymentUnavailable, PaymentRefused) as error:
            return _check_page(reservation, key, form, error.say(), now=now), 503

    return _check_page(reservation, key, form, "", now=now), 422 if form.is_submitted() else 200


def _reservation(key: str) -> Reservation:
    reservation = reservation_for_checkout(key)
    if reservation is None:
        abort(404)
    return reservation


def _elsewhere(reservation: Reservation, key: str, *, now: datetime) -> ResponseReturnValue | None:
    """Return where a reservation belongs that has nothing to be paid here; None if it has."""
    if reservation.status == CONFIRMED:
        return redirect(guest_url(reservation), 303)
    attempt = newest_attempt(reservation.id)
    held = is_held(reservation, now=now)
    if attempt is not None and _outcome(attempt.state, held=held, answered=True) is not None:
        return redirect(url_for(".come_back", key=key), 303)
    if not held or reservation.person_id is None:
        return redirect(url_for("booking.checkout", key=key), 303)
    return None


def _check_page(
    reservation: Reservation, key: str, form: PayForm, trouble: str, *, now: datetime
) -> str:
    if reservation.total_minor:
        _allow_form_to_provider()
    attempt = newest_attempt(reservation.id)
    return render_template(
        "payments/pay.html",
        form=form,
        reservation=reservation,
        deposit=form.deposit,
        deposit_until=_day(form.deposit.due_at) if form.deposit is not None else "",
        person=reservation.person,
        summary=summary(reservation),
        promise=promise(reservation, now=now),
        held_until=_clock(reservation.held_until),
        back=url_for("booking.checkout", key=key),
        trouble=trouble,
        last_attempt=attempt.state if attempt is not None else None,
    )


def _allow_form_to_provider() -> None:
    origin = current_provider().caps.redirect_origin
    if origin is not None:
        allow_form_to(origin)


def _day(moment: datetime) -> str:
    return wording.long_day(moment.astimezone(shop().venue.zone).date())


def _clock(moment: datetime | None) -> str:
    return wording.clock(moment, shop().venue.zone) if moment is not None else ""


# -- The balance --------------------------------------------------------------------------


def _balance(reservation: Reservation, *, now: datetime) -> ResponseReturnValue:
    """Show what was paid and what is due, and go to pay that."""
    form = EmptyForm()
    if form.validate_on_submit():
        try:
            return redirect(start_payment(reservation, now=now), 303)
        except ReservationCancelled:
            return redirect(guest_url(reservation), 303)
        except PaymentUnderReview as error:
            return _balance_page(reservation, form, error.say(), now=now), 409
        except (PaymentUnavailable, PaymentRefused) as error:
            return _balance_page(reservation, form, error.say(), now=now), 503
    status = 422 if form.is_submitted() else 200
    return _balance_page(reservation, form, "", now=now), status


def _balance_page(reservation: Reservation, form: EmptyForm, trouble: str, *, now: datetime) -> str:
    # Nobody's name is on it: who booked stands on the reservation's own page.
    _allow_form_to_provider()
    attempt, stands = newest_attempt(reservation.id), standing(reservation, now=now)
    return render_template(
        "payments/balance.html",
        form=form,
        reservation=reservation,
        summary=summary(reservation),
        stands=stands,
        until=_day(stands.until) if stands.until is not None else "",
        trouble=trouble,
        last_attempt=attempt.state if attempt and attempt.part == BALANCE else None,
        back=guest_url(reservation),
    )


@bp.post("/reservations/<reference>/forget-card")
@private_page
def forget_card(reference: str) -> ResponseReturnValue:
    """Take back the wish that a card is kept for the balance; a job has it deleted."""
    reservation = reservation_at_link(reference)
    if EmptyForm().validate_on_submit():
        in_one_go(partial(_forget_card, reservation.id, now=utcnow()))
    return redirect(guest_url(reservation), 303)


def _forget_card(reservation_id: int, *, now: datetime) -> None:
    get_for_update(reservation_id)
    end(reservation_id, now=now)


# -- A sum that the house asks for ---------------------------------------------------------


def _asked(reservation: Reservation, key: str, *, now: datetime) -> ResponseReturnValue:
    """Show what a sum is asked for, and go to pay it; or that it can't be paid any more."""
    if reservation.status == CONFIRMED:
        return redirect(guest_url(reservation), 303)
    attempt, held = newest_attempt(reservation.id), is_held(reservation, now=now)
    if attempt is not None and _outcome(attempt.state, held=held, answered=True) is not None:
        return redirect(url_for(".come_back", key=key), 303)
    form = EmptyForm()
    if held and form.validate_on_submit():
        try:
            return redirect(start_payment(reservation, now=now), 303)
        except (HoldPassed, ReservationCancelled):
            held = False
        except PaymentUnderReview as error:
            return _asked_page(reservation, key, form, error.say()), 409
        except (PaymentUnavailable, PaymentRefused) as error:
            return _asked_page(reservation, key, form, error.say()), 503
    if not held:
        withdrawn = reservation.status == CANCELLED
        page = render_template(
            "payments/asked_over.html", reservation=reservation, key=key, withdrawn=withdrawn
        )
        return page, 410
    return _asked_page(reservation, key, form, ""), 422 if form.is_submitted() else 200


def _asked_page(reservation: Reservation, key: str, form: EmptyForm, trouble: str) -> str:
    _allow_form_to_provider()
    attempt, end = newest_attempt(reservation.id), reservation.held_until
    return render_template(
        "payments/asked.html",
        form=form,
        reservation=reservation,
        key=key,
        summary=summary(reservation),
        venue=shop().venue,
        last_day=wording.last_day(end, shop().venue.zone) if end is not None else "",
        trouble=trouble,
        last_attempt=attempt.state if attempt is not None else None,
    )


# -- Coming back --------------------------------------------------------------------------


@bp.get("/checkout/<key>/return")
@private_page
def come_back(key: str) -> ResponseReturnValue:
    """Look at the provider what became of the payment, and go where that leads.

    The address alone proves nothing: whoever opens it only makes us look.
    """
    reservation, now = _reservation(key), utcnow()
    attempt = newest_attempt(reservation.id)
    answered = attempt is None or _look_again(attempt, now=now)
    attempt = newest_attempt(reservation.id)
    if reservation.status == CONFIRMED:
        return _back_from_balance(reservation, attempt, key, answered=answered)
    held = is_held(reservation, now=now)
    state = attempt.state if attempt is not None else None
    outcome = _outcome(state, held=held, answered=answered)
    if outcome is None:
        return redirect(url_for(".pay", key=key), 303)
    end = reservation.held_until if held else None
    until = wording.day_and_time(end, shop().venue.zone) if end else ""
    return render_template(
        "payments/waiting.html",
        outcome=outcome,
        reservation=reservation,
        key=key,
        held_until=until,
        again=url_for(".come_back", key=key),
    )


def _back_from_balance(
    reservation: Reservation, attempt: Payment | None, key: str, *, answered: bool
) -> ResponseReturnValue:
    """Lead to the reservation, which says how it stands, or back to where it can be paid."""
    if attempt is None or attempt.part != BALANCE or not outstanding(reservation):
        return redirect(guest_url(reservation), 303)
    outcome = _outcome(attempt.state, held=True, answered=answered)
    if outcome in ("checking", "review"):
        again = url_for(".come_back", key=key)
        return render_template(
            "payments/waiting.html", outcome=outcome, reservation=reservation, again=again
        )
    return redirect(url_for(".pay", key=key) if outcome is None else guest_url(reservation), 303)


def _look_again(attempt: Payment, *, now: datetime) -> bool:
    """Bring an open attempt forward; return whether the provider answered.

    This page is opened by GET, and GET only reads, unless it says so.
    """
    provider, ref = provider_named(attempt.provider), attempt.provider_ref
    if attempt.state not in OPEN or provider is None or ref is None:
        return True
    with writing():
        try:
            look(provider, ref, now=now)
        except ProviderError:
            return False
    return True


def _outcome(state: str | None, *, held: bool, answered: bool) -> str | None:
    """Return which page tells of an attempt that didn't confirm its reservation.

    None if it is for the guest to pay, now or again.
    """
    if state in (PROCESSING, AUTHORISED):
        return "processing"
    if state == REVIEW:
        return "review"
    if state == PAID and not held:
        return "returned"  # it came too late, and goes back
    if state in OPEN and not answered:
        return "checking"
    return None


# -- Notices ------------------------------------------------------------------------------


@bp.post("/webhooks/<name>")
def webhook(name: str) -> ResponseReturnValue:
    """Take a provider's signed notice. Answers 200 only once we have looked."""
    provider = provider_named(name)
    if provider is None:
        abort(404)
    try:
        # One byte more than is allowed tells that there is too much.
        raw_body = request.stream.read(MOST_BYTES + 1)
        receive_notice(provider, dict(request.headers), raw_body, now=utcnow())
    except (BadSignature, EnvironmentMismatch, RequestEntityTooLarge):
        return _answer(400)
    except (NotSent, Unknown):
        return _answer(503)
    return _answer(200)


def _answer(status: int) -> Response:
    return Response("", status, mimetype="text/plain")
