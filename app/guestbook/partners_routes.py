"""A guest's side of partners: a switch for each, in their account and on a reservation's page."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Blueprint, abort, redirect, url_for
from flask.typing import ResponseReturnValue

from app.accounts.claims import persons_of
from app.accounts.sessions import account_required, current_account
from app.booking.links import guest_key, guest_url, reservation_at_link
from app.booking.models import CONFIRMED, Reservation
from app.consent import permissions
from app.core.clock import utcnow
from app.core.database import db, in_one_go
from app.guestbook import partners
from app.guestbook.partners_models import PartnerTerms
from app.guestbook.partners_words import sent_lines, switches
from app.web.forms import EmptyForm
from app.web.pages import private_page

bp = Blueprint("partners", __name__)

_TERMS = "<int(max=2147483647):terms_id>"
_OF_RESERVATION = f"/reservations/<reference>/partners/{_TERMS}"
_OF_ACCOUNT = f"/account/permissions/partners/{_TERMS}"


@bp.app_context_processor
def _parts() -> dict[str, Any]:
    """Let the pages of a reservation and of an account show the switches."""
    return {"partners_of_reservation": of_reservation, "partners_of_account": of_account}


def of_reservation(reservation: Reservation) -> dict[str, Any] | None:
    """Return the switches on the page of a reservation; None where there is nothing to show."""
    person = reservation.person
    if reservation.status != CONFIRMED or person is None:
        return None
    persons = permissions.whose_yes_counts(person.id)
    # Once it has begun nothing is sent any more; what was allowed can still be taken back.
    ahead = reservation.first_start > utcnow()
    where = {"reference": reservation.reference, "key": guest_key(reservation)}
    return _shown(persons, "turn_{}", where, live=ahead, reservation=reservation)


def of_account() -> dict[str, Any] | None:
    """Return the switches of whoever is signed in; None where there is nothing to show."""
    who = current_account()
    return _shown(persons_of(who), "turn_{}_in_account", {}) if who else None


def _shown(
    persons: Sequence[str],
    endpoint: str,
    where: dict[str, Any],
    *,
    live: bool = True,
    reservation: Reservation | None = None,
) -> dict[str, Any] | None:
    rows = [
        (one, url_for(f"partners.{endpoint.format('off' if one.on else 'on')}",
                      terms_id=one.terms_id, **where))
        for one in switches(persons, live=live, reservation=reservation)
    ]  # fmt: skip
    # Whoever has the link of one reservation has no business with the others of an account.
    of_theirs = [reservation.person_id] if reservation and reservation.person_id else persons
    return {"rows": rows, "sent": sent_lines(of_theirs), "form": EmptyForm(None)} if rows else None


# -- On the page of a reservation -------------------------------------------------------------


@bp.post(f"{_OF_RESERVATION}/on")
@private_page
def turn_on(reference: str, terms_id: int) -> ResponseReturnValue:
    """Let a partner get what its terms say, of those of this stay."""
    found, terms, now = reservation_at_link(reference), _terms(terms_id), utcnow()
    person_id, how = found.person_id or abort(404), permissions.RESERVATION
    in_one_go(partial(partners.allow, person_id, terms, how=how, now=now))
    return redirect(f"{guest_url(reservation_at_link(reference))}#partners", 303)


@bp.post(f"{_OF_RESERVATION}/off")
@private_page
def turn_off(reference: str, terms_id: int) -> ResponseReturnValue:
    """Take it back, wherever it was given: nothing goes from this moment on."""
    found, terms, now = reservation_at_link(reference), _terms(terms_id), utcnow()
    persons, how = permissions.same_person(found.person_id or abort(404)), permissions.RESERVATION
    in_one_go(partial(partners.disallow, persons, terms, how=how, now=now))
    return redirect(f"{guest_url(reservation_at_link(reference))}#partners", 303)


# -- In an account ----------------------------------------------------------------------------


@bp.post(f"{_OF_ACCOUNT}/on")
@account_required
def turn_on_in_account(terms_id: int) -> ResponseReturnValue:
    """Let a partner get what its terms say, of every stay of this account."""
    who, terms, now = current_account() or abort(404), _terms(terms_id), utcnow()
    if not EmptyForm().validate_on_submit():
        abort(400)
    person_id, how = who.person_id, permissions.ACCOUNT
    in_one_go(partial(partners.allow, person_id, terms, how=how, now=now))
    return redirect(url_for("consent_permissions.show", _anchor="partners"), 303)


@bp.post(f"{_OF_ACCOUNT}/off")
@account_required
def turn_off_in_account(terms_id: int) -> ResponseReturnValue:
    """Take it back, wherever it was given: nothing goes from this moment on."""
    who, terms, now = current_account() or abort(404), _terms(terms_id), utcnow()
    if not EmptyForm().validate_on_submit():
        abort(400)
    persons, how = persons_of(who), permissions.ACCOUNT
    in_one_go(partial(partners.disallow, persons, terms, how=how, now=now))
    return redirect(url_for("consent_permissions.show", _anchor="partners"), 303)


def _terms(terms_id: int) -> PartnerTerms:
    return db.session.get(PartnerTerms, terms_id) or abort(404)
