"""The owner's page of a refund that failed, and that the house has made good outside."""

from functools import partial

import sqlalchemy as sa
from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import joinedload
from wtforms.fields.choices import SelectChoice

from app.accounts.models import STAFF
from app.core.clock import utcnow
from app.core.database import db, in_one_go
from app.core.languages import lazy_gettext as _l
from app.owner import trail, words
from app.owner.payments import may_make_good
from app.owner.roles import ask_again, needs
from app.owner.routes import bp
from app.payments.attempts import lock_payment
from app.payments.by_hand import WAYS, NotFailed, make_good
from app.payments.models import Payment, Refund
from app.payments.refunds import refundable
from app.web.choice_fields import ChoiceField
from app.web.fields import LinesField
from app.web.forms import Form


class MadeGoodForm(Form):
    """Note that money was given back in another way."""

    by = ChoiceField(
        _l("How did you give it back?"),
        required=_l("Please choose how it went back."),
        choices=[SelectChoice(way, words.way_word(way)) for way in WAYS],
        why=_l("The guest sees on their receipt that it was given back."),
        collects=(),
    )
    note = LinesField(
        _l("Note for the house"),
        most=500,
        why=_l(
            "Sealed, and kept with the refund; the guest may ask to see it. "
            "Without it, the way says all."
        ),
        collects=("refund.made_good",),
        autocomplete="off",
    )


@bp.route("/payments/refunds/<refund_id>", methods=["GET", "POST"])
@needs(STAFF)
def failed_refund(refund_id: str) -> ResponseReturnValue:
    """Ask how a refund that failed was made good, and write it down."""
    if answer := ask_again(request.path):
        return answer
    refund = _find(refund_id) or abort(404)
    payment, status = refund.payment, 200
    if not may_make_good(refund, refundable(payment)):
        abort(404)
    form = MadeGoodForm()
    if form.validate_on_submit():
        reference = payment.reservation.reference
        try:
            in_one_go(partial(_write_down, refund_id, payment.id, form))
        except NotFailed as error:
            form.form_errors.append(error.say())
            status = 409
        else:
            back = url_for(
                ".reservation", reference=reference, done="made_good", _anchor="payments"
            )
            return redirect(back, 303)
    elif form.is_submitted():
        status = 422
    return render_template("owner/payments_failed.html", form=form, refund=refund), status


def _find(refund_id: str) -> Refund | None:
    query = sa.select(Refund).where(Refund.id == refund_id)
    whole = joinedload(Refund.payment).joinedload(Payment.reservation)
    return db.session.scalar(query.options(whole))


def _write_down(refund_id: str, payment_id: str, form: MadeGoodForm) -> None:
    lock_payment(payment_id)
    refund = db.session.get_one(Refund, refund_id, populate_existing=True)
    by, now = str(form.by.data), utcnow()
    make_good(refund, by=by, note=str(form.note.data or ""), now=now)
    if refund.made_good_at == now:  # the second press of the same form changes nothing
        trail.record(
            "refund.made_good",
            "reservation",
            refund.payment.reservation_id,
            now=now,
            amount=refund.amount_minor,
            currency=refund.payment.currency,
            by=by,
        )
