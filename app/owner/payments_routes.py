"""The owner's pages of money: how everything stands, and giving money back by hand."""

import re
from datetime import datetime
from functools import partial
from uuid import uuid4

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import READER, STAFF
from app.booking import wording
from app.booking.links import pay_url
from app.booking.shop import shop
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import current_locale, gettext
from app.core.languages import lazy_gettext as _l
from app.core.money import format_money
from app.core.outbox import enqueue
from app.owner import payments, words
from app.owner.roles import ask_again, may_use, needs
from app.owner.routes import bp
from app.owner.trail import record
from app.payments import links
from app.payments.attempts import lock_payment
from app.payments.by_hand import REASONS, DisputeForbids, LeftHasChanged, refund_by_hand
from app.payments.compare import look_again
from app.payments.compared import compare_moved
from app.payments.models import Payment
from app.payments.provider import ProviderError
from app.payments.refunds import RefundTooMuch, is_blocked, refundable
from app.web.choice_fields import ChoiceField
from app.web.fields import LinesField
from app.web.forms import EmptyForm, Form
from app.web.hidden_fields import HiddenField, HiddenNumberField
from app.web.money_field import MoneyField, WithCurrency, write_money

_MOST = 10**15  # minor units
LINKS = 25  # of which the page shows the newest
MISMATCHES = 100  # that the page lists at once


class RefundForm(WithCurrency, Form):
    """Give money back by hand: asked twice, done once."""

    amount = MoneyField(
        _l("Amount to give back"),
        required=_l("Please enter how much goes back."),
        why=_l("It goes the way it came."),
        collects=(),
    )
    because = ChoiceField(
        _l("Reason"),
        required=_l("Please choose a reason."),
        choices=[SelectChoice(reason, words.because_word(reason)) for reason in REASONS],
        why=_l("The guest gets a mail about the refund."),
        collects=(),
    )
    note = LinesField(
        _l("Note for the house"),
        most=500,
        why=_l(
            "Sealed, and kept with the refund; the guest may ask to see it. "
            "Without it, the reason says all."
        ),
        collects=("refund.note",),
        autocomplete="off",
    )
    form_id = HiddenField(collects=())
    left = HiddenNumberField(low=0, high=_MOST, collects=())
    confirmed = HiddenNumberField(low=0, high=_MOST, collects=())

    def draw_anew(self, *, left: int) -> None:
        """Make it a form of its own, that knows what was left as it was drawn."""
        for field, value in (
            (self.form_id, uuid4().hex),
            (self.left, left),
            (self.confirmed, None),
        ):
            field.data, field.raw_data = value, None

    @property
    def is_ours(self) -> bool:
        """Whether what is hidden in it can be what we put there."""
        known = re.fullmatch(r"[0-9a-f]{32}", str(self.form_id.data or "")) is not None
        return known and self.left.data is not None


# -- How everything stands ------------------------------------------------------------------


@bp.get("/payments", endpoint="payments")
@needs(READER)
def payments_page() -> ResponseReturnValue:
    """Show what came and went, what doesn't agree, and what to do about it."""
    now = utcnow()
    zone = shop().venue.zone
    found, found_links = compare_moved(now=now), links.newest(LINKS)
    # A dispute has a list of its own, with its clock.
    wrong = [one for one in found.mismatches if not one.code.startswith("dispute_")]
    return render_template(
        "owner/payments.html",
        months=payments.months(zone, now=now),
        movements=payments.movements(),
        disputes=payments.open_disputes(),
        mismatches=wrong[:MISMATCHES],
        more=max(0, len(wrong) - MISMATCHES),
        elsewhere=found.elsewhere,
        links=found_links,
        stands=links.states_of(found_links, now=now),
        link_word=words.link_word,
        pay_url=pay_url if may_use("owner.withdraw_link") else None,
        last_day=partial(wording.last_day, zone=zone),
        done=words.done_word(request.args.get("done", "")),
        form=EmptyForm(),
        at=partial(words.instant_word, zone=zone),
        month_word=words.month_word,
        movement_word=words.movement_word,
        dispute=partial(words.dispute_words, zone=zone, now=now),
        detail_word=words.mismatch_detail,
    )


@bp.post("/payments/look")
@needs(STAFF)
def look_at_all() -> ResponseReturnValue:
    """Have the worker ask the provider about every payment."""
    now = utcnow()
    enqueue("payments.reconcile", {}, now=now)
    record("payments.looked", "house", 0, now=now)
    db.session.commit()
    return redirect(url_for(".payments", done="asked"), 303)


@bp.post("/payments/<payment_id>/look")
@needs(STAFF)
def look_at_one(payment_id: str) -> ResponseReturnValue:
    """Ask the provider what became of one payment, and write it down."""
    payment = payments.payment_by_id(payment_id) or abort(404)
    reference, now = payment.reservation.reference, utcnow()
    record("payment.looked", "reservation", payment.reservation_id, now=now)
    db.session.commit()  # that it was asked stays, whatever the provider answers
    try:
        done = "looked" if look_again(payment_id, now=now) is None else "differs"
    except ProviderError:
        db.session.rollback()
        done = "silent"
    back = url_for(".reservation", reference=reference, done=done, _anchor="payments")
    return redirect(back, 303)


# -- Giving money back ----------------------------------------------------------------------


@bp.route("/payments/<payment_id>/refund", methods=["GET", "POST"])
@needs(STAFF)
def refund(payment_id: str) -> ResponseReturnValue:
    """Ask how much goes back and why, ask once more, and send it: once for each form."""
    if answer := ask_again(request.path):
        return answer
    payment = payments.payment_by_id(payment_id) or abort(404)
    if not payment.captured_minor:
        abort(404)
    form, now = RefundForm(payment.currency), utcnow()
    if not form.is_submitted():
        form.draw_anew(left=refundable(payment))
        _propose(form, payment)
        return _refund_page(form, payment, now=now)
    if not (form.validate() and form.is_ours):
        if not form.is_ours:
            form.draw_anew(left=refundable(payment))
        return _refund_page(form, payment, now=now), 422
    if form.confirmed.data != form.amount.data:
        return _first_press(form, payment, now=now)
    return _second_press(form, payment, now=now)


def _propose(form: RefundForm, payment: Payment) -> None:
    """Fill in an amount that a link of the page proposes."""
    text = request.args.get("minor", "")
    if text.isascii() and text.isdigit() and len(text) <= 15:
        form.amount.data = min(int(text), refundable(payment)) or None


def _first_press(form: RefundForm, payment: Payment, *, now: datetime) -> ResponseReturnValue:
    """Show what would happen, and ask for the second press."""
    amount = int(form.amount.data or 0)
    if is_blocked(payment):
        return _refused(form, payment, DisputeForbids().say(), now=now)
    if not 0 < amount <= refundable(payment):
        form.amount.errors = [RefundTooMuch().say()]
        return _refund_page(form, payment, now=now), 409
    form.confirmed.data, form.confirmed.raw_data = amount, None
    return render_template(
        "owner/payments_confirm.html",
        form=form,
        payment=payment,
        amount=_money(amount, payment),
        because=words.because_word(str(form.because.data)),
        # As it was read: what is sent the second time is exactly what is shown.
        typed=write_money(amount, payment.currency, current_locale()),
    )


def _second_press(form: RefundForm, payment: Payment, *, now: datetime) -> ResponseReturnValue:
    locked = lock_payment(payment.id) or abort(404)
    try:
        sent = refund_by_hand(
            locked,
            int(form.amount.data or 0),
            because=str(form.because.data),
            note=str(form.note.data or ""),
            form_id=str(form.form_id.data),
            seen_left=int(form.left.data or 0),
            now=now,
        )
    except (DisputeForbids, LeftHasChanged, RefundTooMuch) as error:
        db.session.rollback()
        return _refused(form, payment, error.say(), now=now)
    if sent.created_at == now:  # the same form sent twice gives the same refund
        record(
            "refund.asked",
            "reservation",
            locked.reservation_id,
            now=now,
            amount=sent.amount_minor,
            currency=locked.currency,
            because=sent.because,
        )
    db.session.commit()
    reference = payment.reservation.reference
    back = url_for(".reservation", reference=reference, done="refunded", _anchor="payments")
    return redirect(back, 303)


def _refused(
    form: RefundForm, payment: Payment, message: str, *, now: datetime
) -> ResponseReturnValue:
    form.form_errors.append(message)
    form.draw_anew(left=refundable(payment))
    return _refund_page(form, payment, now=now), 409


def _refund_page(form: RefundForm, payment: Payment, *, now: datetime) -> str:
    left, by_terms = refundable(payment), payments.policy_share(payment, now=now)
    if by_terms == left:
        proposed = [(left, gettext("all that is left, which the terms would give back today"))]
    else:
        proposed = [
            (by_terms, gettext("what the terms would give back today")),
            (left, gettext("all that is left")),
        ]
    return render_template(
        "owner/payments_refund.html",
        form=form,
        payment=payment,
        blocked=is_blocked(payment),
        left=left,
        proposals=[(minor, _money(minor, payment), word) for minor, word in proposed if minor],
    )


def _money(minor: int, payment: Payment) -> str:
    return format_money(minor, payment.currency, current_locale())
