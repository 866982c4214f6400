"""What the house does with a reservation: answer its guest, decide about signals, cancel it."""

from datetime import datetime
from functools import partial

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import STAFF
from app.accounts.sessions import current_account
from app.booking.models import CANCELLED, CONFIRMED, Reservation
from app.booking.reservations import get_for_update
from app.core.clock import utcnow
from app.core.database import in_one_go
from app.core.errors import DomainError
from app.core.languages import current_locale, gettext
from app.core.languages import lazy_gettext as _l
from app.guestbook import messages
from app.guestbook.forms import MessageForm
from app.guestbook.models import HOUSE
from app.owner import queries, risk, trail, words
from app.owner.roles import ask_again, needs
from app.owner.routes import bp, show_reservation
from app.payments import by_house
from app.payments.refunds import RefundTooMuch
from app.web.choice_fields import ChoiceField
from app.web.forms import EmptyForm, Form
from app.web.hidden_fields import HiddenNumberField
from app.web.money_field import MoneyField, WithCurrency, write_money
from app.web.pages import money

_MOST = 10**15  # minor units


def _find(reference: str) -> Reservation:
    return queries.reservation_by_reference(reference) or abort(404)


def _done(reference: str, done: str, anchor: str = "") -> ResponseReturnValue:
    back = url_for(".reservation", reference=reference, done=done, _anchor=anchor or None)
    return redirect(back, 303)


# -- The thread -----------------------------------------------------------------------------


@bp.post("/reservations/<reference>/messages")
@needs(STAFF)
def answer(reference: str) -> ResponseReturnValue:
    """Write to the guest of a reservation; a mail tells them that there is something."""
    found, form, now = _find(reference), MessageForm(), utcnow()
    if not form.validate_on_submit():
        return _page_again(found, form), 422
    body = str(form.body.data)
    try:
        in_one_go(partial(_answer, found.id, body, now=now))
    except DomainError as error:
        form.form_errors.append(error.say())
        return _page_again(_find(reference), form), 409
    return _done(reference, "answered", "messages")


def _answer(reservation_id: int, body: str, *, now: datetime) -> None:
    who = current_account() or abort(404)
    sent = messages.write(reservation_id, HOUSE, body, now=now, writer_id=who.id)
    if sent.sent_at == now:  # the same form sent twice is one message
        trail.record("message.answered", "reservation", reservation_id, now=now)


def _page_again(found: Reservation, form: MessageForm) -> str:
    g.page_path = f"/owner/reservations/{found.reference}"
    return show_reservation(found, form)


# -- Signals --------------------------------------------------------------------------------


@bp.post("/reservations/<reference>/risk")
@needs(STAFF)
def decide_risk(reference: str) -> ResponseReturnValue:
    """Note whether a booking is fine or refused; nothing else happens by it."""
    found, now = _find(reference), utcnow()
    decision = request.form.get("decision", "")
    if not EmptyForm().validate_on_submit() or decision not in risk.DECISIONS:
        abort(400)
    in_one_go(partial(_decide, found.id, decision, now=now))
    return _done(reference, "decided", "risk")


def _decide(reservation_id: int, decision: str, *, now: datetime) -> None:
    if risk.decide(get_for_update(reservation_id), decision, now=now):
        trail.record("risk.decided", "reservation", reservation_id, now=now, decision=decision)


# -- Cancelling -----------------------------------------------------------------------------


class HouseCancelForm(WithCurrency, Form):
    """Cancel for a guest, or because the house can't keep what it promised: asked twice."""

    amount = MoneyField(
        _l("Amount to give back"),
        why=_l("It goes the way it came. Without it, nothing goes back."),
        collects=(),
    )
    because = ChoiceField(
        _l("Reason"),
        required=_l("Please choose a reason."),
        choices=[SelectChoice(one, words.because_word(one)) for one in by_house.BECAUSE],
        why=_l(
            "For the books of the house. The guest’s mail says that it is cancelled, "
            "and what goes back."
        ),
        collects=(),
    )
    left = HiddenNumberField(low=0, high=_MOST, collects=())
    confirmed = HiddenNumberField(low=0, high=_MOST, collects=())

    def draw_anew(self, *, left: int) -> None:
        """Make it a form that knows what was left as it was drawn, and was pressed nowhere."""
        for field, value in ((self.left, left), (self.confirmed, None)):
            field.data, field.raw_data = value, None


@bp.route("/reservations/<reference>/cancel", methods=["GET", "POST"])
@needs(STAFF)
def cancel_by_house(reference: str) -> ResponseReturnValue:
    """Ask what goes back and why, say what will happen, and do it with the second press."""
    if answer := ask_again(request.path):
        return answer
    found, now = _find(reference), utcnow()
    if found.status == CANCELLED:
        return _done(reference, "cancelled")
    if found.status != CONFIRMED:
        abort(404)
    form = HouseCancelForm(found.currency)
    left = by_house.left_of(found)
    if not form.is_submitted():
        form.draw_anew(left=left)
        form.amount.data = _proposed(found, left, now=now)
        return _cancel_page(form, found, left, now=now)
    if not form.validate():
        return _cancel_page(form, found, left, now=now), 422
    amount = int(form.amount.data or 0)
    if form.confirmed.data is None or form.confirmed.data != amount:
        return _first_press(form, found, amount, left, now=now)
    return _second_press(form, found, amount, now=now)


def _proposed(found: Reservation, left: int, *, now: datetime) -> int | None:
    """Return the sum that a link of the page proposes, or else the terms'."""
    text = request.args.get("minor", "")
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return min(int(text), left) or None
    return by_house.by_terms(found, now=now) or None


def _first_press(
    form: HouseCancelForm, found: Reservation, amount: int, left: int, *, now: datetime
) -> ResponseReturnValue:
    if amount > left:
        form.amount.errors = [RefundTooMuch().say()]
        form.draw_anew(left=left)
        return _cancel_page(form, found, left, now=now), 409
    form.confirmed.data, form.confirmed.raw_data = amount, None
    return render_template(
        "owner/reservation_cancel_confirm.html",
        form=form,
        reservation=found,
        amount=money(amount, found.currency) if amount else "",
        because=words.because_word(str(form.because.data)),
        has_address=found.person is not None and found.person._email is not None,
        # As it was read: what is sent the second time is exactly what is shown.
        typed=write_money(amount, found.currency, current_locale()) if amount else "",
    )


def _second_press(
    form: HouseCancelForm, found: Reservation, amount: int, *, now: datetime
) -> ResponseReturnValue:
    reference, because = found.reference, str(form.because.data)
    seen = int(form.left.data or 0)
    try:
        in_one_go(partial(_cancel, found.id, amount, because, seen, now=now))
    except DomainError as error:
        found = _find(reference)
        if found.status == CANCELLED:
            return _done(reference, "cancelled")
        left = by_house.left_of(found)
        form.form_errors.append(error.say())
        form.draw_anew(left=left)
        return _cancel_page(form, found, left, now=now), 409
    return _done(reference, "cancelled")


def _cancel(reservation_id: int, amount: int, because: str, seen: int, *, now: datetime) -> None:
    by_house.cancel_by_house(reservation_id, amount, because=because, seen_left=seen, now=now)
    currency = get_for_update(reservation_id).currency
    trail.record(
        "reservation.cancelled",
        "reservation",
        reservation_id,
        now=now,
        amount=amount,
        currency=currency,
        because=because,
    )


def _cancel_page(form: HouseCancelForm, found: Reservation, left: int, *, now: datetime) -> str:
    terms = by_house.by_terms(found, now=now)
    proposals = [
        (terms or 0, gettext("what the terms give back today")),
        (left, gettext("all that was paid")),
        (0, gettext("no refund")),
    ]
    # Where two of them come to the same, the first says why.
    why = dict(reversed(proposals))
    shown = [
        (minor, money(minor, found.currency), why[minor])
        for minor in dict.fromkeys(minor for minor, _ in proposals)
    ]
    return render_template(
        "owner/reservation_cancel.html",
        form=form,
        reservation=found,
        left=left,
        begun=terms is None,
        proposals=shown,
        has_address=found.person is not None and found.person._email is not None,
    )
