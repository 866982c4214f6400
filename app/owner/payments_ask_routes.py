"""The owner's pages of sums that are asked for by a link: ask, look and withdraw."""

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import STAFF
from app.booking.models import ASKED
from app.booking.shop import Shop, shop
from app.core.clock import utcnow
from app.core.database import in_one_go
from app.core.languages import BY_CODE, current_language
from app.core.languages import lazy_gettext as _l
from app.owner import queries, trail, words
from app.owner.roles import ask_again, needs
from app.owner.routes import bp
from app.payments import links
from app.payments.links import Asking, NotAsked, PaidAlready, PaymentComing, rates_in_use
from app.web.choice_fields import ChoiceField
from app.web.fields import DateField, EmailField, TextField
from app.web.forms import EmptyForm, Form
from app.web.hidden_fields import HiddenField
from app.web.money_field import MoneyField, WithCurrency

_DAYS = 14  # what is proposed for how long a link can be paid


class AskForm(WithCurrency, Form):
    """Ask somebody for a sum that isn't booked."""

    amount = MoneyField(
        _l("Amount, tax included"),
        required=_l("Please enter how much you ask for."),
        why=_l("Whoever pays sees this sum and the tax in it."),
        collects=(),
    )
    vat = ChoiceField(
        _l("Value-added tax in it"),
        required=_l("Please choose the rate of tax."),
        choices=(),
        why=_l("It stands on the receipt, and on an invoice."),
        collects=(),
    )
    what_for = TextField(
        _l("What for"),
        required=_l("Please say what it is for."),
        most=120,
        why=_l("Whoever pays reads it, in the mail and on the receipt. It is kept sealed."),
        collects=("reservation.what_for",),
        autocomplete="off",
    )
    about = TextField(
        _l("Belongs to the reservation"),
        most=12,
        why=_l("Its reference. Without a name and an address here, whoever booked it is asked."),
        collects=(),
        autocomplete="off",
    )
    name = TextField(
        _l("Name"),
        most=100,
        why=_l("On the mail and the receipt. Without it, whoever booked is asked."),
        collects=("person.name",),
        autocomplete="off",
    )
    email = EmailField(
        _l("E-mail address"),
        why=_l("The link goes there. Without it, it goes to whoever booked."),
        collects=("person.email",),
        autocomplete="off",
    )
    language = ChoiceField(
        _l("Language"),
        required=_l("Please choose a language."),
        choices=[SelectChoice(code, language.name) for code, language in BY_CODE.items()],
        why=_l("The mail and the page to pay on speak it."),
        collects=("reservation.language",),
    )
    until = DateField(
        _l("Can be paid until"),
        required=_l("Please choose the last day."),
        why=_l("The whole of that day. After it, the link leads nowhere."),
        collects=(),
    )
    form_id = HiddenField(collects=())

    def __init__(self, here: Shop, **kwargs: Any) -> None:
        super().__init__(here.venue.currency, **kwargs)
        rates = rates_in_use(here.catalogue)
        self.vat.choices = [SelectChoice(str(rate), words.rate_word(rate)) for rate in rates]

    @property
    def is_ours(self) -> bool:
        """Whether what is hidden in it can be what we put there."""
        return re.fullmatch(r"[0-9a-f]{32}", str(self.form_id.data or "")) is not None

    def asking(self) -> Asking:
        """Return what was typed, once it was checked."""
        assert self.until.data is not None  # it is required
        return Asking(
            minor=int(self.amount.data or 0),
            vat_bp=int(self.vat.data),
            what_for=str(self.what_for.data),
            language=str(self.language.data),
            until=self.until.data,
            name=str(self.name.data or ""),
            email=str(self.email.data or ""),
            about=str(self.about.data or ""),
        )


@bp.route("/payments/ask", methods=["GET", "POST"])
@needs(STAFF)
def ask_for_money() -> ResponseReturnValue:
    """Ask somebody for a sum, mail them the link, and show it: once for each form."""
    if answer := ask_again(request.full_path.removesuffix("?")):
        return answer
    here = shop()
    form, now = AskForm(here), utcnow()
    if not form.is_submitted():
        _propose(form, here)
        return render_template("owner/payments_ask.html", form=form, most=links.MOST_DAYS)
    if form.validate() and form.is_ours:
        form_id = str(form.form_id.data)
        try:
            reference = in_one_go(partial(_ask, form.asking(), here, form_id, now=now))
        except NotAsked as error:
            form[error.field].errors = [error.say()]
        else:
            back = url_for(".reservation", reference=reference, done="sum_asked", _anchor="link")
            return redirect(back, 303)
    if not form.is_ours:
        _draw_anew(form)
    return render_template("owner/payments_ask.html", form=form, most=links.MOST_DAYS), 422


def _ask(asking: Asking, here: Shop, form_id: str, *, now: datetime) -> str:
    made = links.ask(asking, here.catalogue, form_id=form_id, now=now)
    if made.created_at == now:  # the same form sent twice asks once
        amount = {"amount": made.total_minor, "currency": made.currency}
        trail.record("sum.asked", "reservation", made.id, now=now, **amount)
    return made.reference


def _propose(form: AskForm, here: Shop) -> None:
    """Fill in what is likely: the reference that led here, the page's language, two weeks."""
    _draw_anew(form)
    about = request.args.get("about", "")
    if re.fullmatch(r"[0-9A-Z]{8}", about):
        form.about.data = about
        found = queries.reservation_by_reference(about)
        form.language.data = found.language if found else current_language()
    else:
        form.language.data = current_language()
    form.until.data = utcnow().astimezone(here.venue.zone).date() + timedelta(days=_DAYS)


def _draw_anew(form: AskForm) -> None:
    form.form_id.data, form.form_id.raw_data = uuid4().hex, None


@bp.post("/payments/ask/<reference>/withdraw")
@needs(STAFF)
def withdraw_link(reference: str) -> ResponseReturnValue:
    """Let a link be paid no more."""
    found = queries.reservation_by_reference(reference)
    if found is None or found.kind != ASKED:
        abort(404)
    done = "sum_withdrawn"
    if EmptyForm().validate_on_submit():
        try:
            in_one_go(partial(_withdraw, found.id, now=utcnow()))
        except PaidAlready:
            done = "sum_paid"
        except PaymentComing:
            done = "sum_coming"
    back = url_for(".reservation", reference=reference, done=done, _anchor="payments")
    return redirect(back, 303)


def _withdraw(reservation_id: int, *, now: datetime) -> None:
    links.withdraw(reservation_id, now=now)
    trail.record("sum.withdrawn", "reservation", reservation_id, now=now)
