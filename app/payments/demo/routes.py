"""The demo bank's pages: every outcome that a payment can have is on a button."""

from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.core.clock import utcnow
from app.core.database import db
from app.payments.demo import bank, later
from app.payments.demo.models import ASK, DECLINE, DISPUTED, OPEN, PAY, BankPayment
from app.payments.demo.notices import send_later, settle_later
from app.payments.states import FAILED, PAID, PROCESSING
from app.web.forms import EmptyForm
from app.web.pages import private_page

bp = Blueprint("demo_bank", __name__, url_prefix="/demo-bank")

SLOW = timedelta(minutes=1)


@bp.get("/<ref>")
@private_page
def show(ref: str) -> ResponseReturnValue:
    """The bank's page."""
    return _page(ref, "demo_bank/pay.html")


@bp.get("/<ref>/secure")
@private_page
def secure(ref: str) -> ResponseReturnValue:
    """The second page of the bank, where the card's holder approves: 3-D Secure."""
    return _page(ref, "demo_bank/secure.html")


def _page(ref: str, template: str) -> ResponseReturnValue:
    payment = _payment(ref)
    state = bank.state_of(payment, now=utcnow())
    if state != OPEN:
        template = "demo_bank/done.html"
    return render_template(template, payment=payment, state=state, form=EmptyForm(formdata=None))


def _payment(ref: str) -> BankPayment:
    # The bank has connections of its own. On SQLite it would wait for ours.
    db.session.rollback()
    payment = bank.find(ref)
    if payment is None:
        abort(404)
    return payment


@bp.post("/<ref>/pay")
def pay(ref: str) -> ResponseReturnValue:
    """The card is charged; the guest comes back, and a notice goes out."""
    return _back(_settle(ref, PAID))


@bp.post("/<ref>/pay-declines-later")
def pay_declines_later(ref: str) -> ResponseReturnValue:
    """The card is charged and kept; the next charge of it will be declined."""
    return _back(_settle(ref, PAID, kept=DECLINE))


@bp.post("/<ref>/pay-asks-later")
def pay_asks_later(ref: str) -> ResponseReturnValue:
    """The card is charged and kept; at the next charge its bank will want to see the guest."""
    return _back(_settle(ref, PAID, kept=ASK))


@bp.post("/<ref>/decline")
def decline(ref: str) -> ResponseReturnValue:
    """The card is refused."""
    return _back(_settle(ref, FAILED))


@bp.post("/<ref>/secure")
def ask(ref: str) -> ResponseReturnValue:
    """The card's bank wants its holder to approve."""
    _payment(ref)
    return redirect(url_for(".secure", ref=ref), 303)


@bp.post("/<ref>/secure/approve")
def approve(ref: str) -> ResponseReturnValue:
    """The card's holder approves."""
    return _back(_settle(ref, PAID))


@bp.post("/<ref>/secure/refuse")
def refuse(ref: str) -> ResponseReturnValue:
    """The card's holder doesn't approve."""
    return _back(_settle(ref, FAILED))


@bp.post("/<ref>/later")
def slow(ref: str) -> ResponseReturnValue:
    """A transfer that arrives after a minute."""
    return _back(_settle(ref, PROCESSING, then=PAID))


@bp.post("/<ref>/later-fails")
def later_fails(ref: str) -> ResponseReturnValue:
    """A transfer that never arrives, as turns out after a minute."""
    return _back(_settle(ref, PROCESSING, then=FAILED))


@bp.post("/<ref>/pay-and-stay")
def pay_and_stay(ref: str) -> ResponseReturnValue:
    """The card is charged, and the guest closes the window: only the notice tells the shop."""
    _settle(ref, PAID)
    return redirect(url_for(".show", ref=ref), 303)


@bp.post("/<ref>/leave")
def leave(ref: str) -> ResponseReturnValue:
    """The guest goes back without paying; the page stays open until its time is over."""
    return redirect(_payment(ref).cancel_url, 303)


@bp.post("/<ref>/question")
def question(ref: str) -> ResponseReturnValue:
    """The guest's bank questions a payment, and takes the money until it is decided."""
    return _question(ref, DISPUTED)


@bp.post("/<ref>/question/won")
def won(ref: str) -> ResponseReturnValue:
    """It is decided for the house."""
    return _question(ref, "won")


@bp.post("/<ref>/question/lost")
def lost(ref: str) -> ResponseReturnValue:
    """It is decided for the guest."""
    return _question(ref, "lost")


def _question(ref: str, state: str) -> ResponseReturnValue:
    _payment(ref)
    now = utcnow()
    event = later.question(ref, state, now=now)
    if event is not None:
        send_later(event, now=now)
    return redirect(url_for(".show", ref=ref), 303)


def _settle(ref: str, state: str, *, then: str | None = None, kept: str = PAY) -> BankPayment:
    payment, now = _payment(ref), utcnow()
    event = bank.settle(ref, state, now=now, later=kept)
    if event is not None:
        send_later(event, now=now)
        if then is not None:
            settle_later(ref, then, now=now, at=now + SLOW)
    return payment


def _back(payment: BankPayment) -> ResponseReturnValue:
    return redirect(payment.return_url, 303)
