"""How every way in ends: with a session, on the page that was wished for; or with a wait."""

from datetime import datetime

from flask import Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.codes import has_second_factor
from app.accounts.entering import begin_second_step, enter, keep
from app.accounts.models import Account
from app.accounts.passwords import TooBusy
from app.core.cards import holds_card_number
from app.core.database import db
from app.core.errors import DomainError
from app.core.limits import TooManyRequests
from app.web.paths import local_path

_WAIT = {TooManyRequests: (429, "300"), TooBusy: (503, "10")}
WAITS = tuple(_WAIT)
"""Refusals that a wait heals, and nothing else."""


def wished() -> str | None:
    """Return the page that the address asks to be led to, if it is one of ours."""
    path = local_path(request.args.get("next"))
    return None if path and holds_card_number(path) else path


def landing(account: Account) -> str:
    """Return the page that somebody is led to who wished for none."""
    return url_for("owner.today") if account.of_the_house else url_for("booking.account")


def come_in(account: Account, *, strong: bool, now: datetime, to: str | None) -> Response:
    """Begin a session in the browser at hand, and lead on. Commits."""
    there = to or landing(account)
    token = enter(account, strong=strong, now=now)
    db.session.commit()
    return keep(make_response(redirect(there, 303)), token)


def step_in(account: Account, *, now: datetime, to: str | None) -> ResponseReturnValue:
    """Lead somebody on who showed one factor: to the second, if the account has one. Commits."""
    if not has_second_factor(account):
        return come_in(account, strong=False, now=now, to=to)
    ticket = begin_second_step(account, now=now)
    db.session.commit()
    return redirect(url_for("accounts.second_step", ticket=ticket, next=to), 303)


def later(page: str, error: DomainError) -> Response:
    """Return a page with its form kept, which says to wait and for how long (RFC 9110 §10.2.3)."""
    code, seconds = _WAIT[type(error)]
    response = make_response(page, code)
    response.headers["Retry-After"] = seconds
    return response
