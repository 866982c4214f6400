"""The owner's pages. Nothing below /owner/ opens for anybody else."""

from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts.sessions import ask_the_house
from app.booking import wording
from app.booking.links import guest_url
from app.booking.models import CANCELLED, CONFIRMED, HELD, RELEASED
from app.booking.shop import NothingOnOffer, shop
from app.booking.summary import summary
from app.core.clock import utcnow
from app.core.database import db
from app.core.egress import MAIL_RELAY, Egress
from app.core.languages import current_locale
from app.core.languages import lazy_gettext as _l
from app.core.vault import load_address
from app.owner import letters, queries, words
from app.owner.domain import renew_guest_link
from app.web.addresses import format_address
from app.web.fields import TextField
from app.web.forms import EmptyForm, Form
from app.web.pages import settings

bp = Blueprint("owner", __name__, url_prefix="/owner")

STATUSES = (CONFIRMED, HELD, CANCELLED, RELEASED)
_MOST_PAGES = 10_000


class FindForm(Form):
    """Find a reservation. Posted, so that no guest's address stands in an address."""

    wanted = TextField(
        _l("Reference or e-mail address"),
        required=_l("Please enter a reference or an e-mail address."),
        most=254,
        why=_l("The whole of it: what is sealed can only be found exactly."),
        collects=(),
        autocomplete="off",
    )


@bp.before_request
def _only_the_house() -> ResponseReturnValue | None:
    g.private = True
    return ask_the_house()


@bp.context_processor
def _frame() -> dict[str, Any]:
    """Give every page of the owner's the button to sign out, and words for states."""
    return {
        "sign_out_form": EmptyForm(),
        "label_word": words.label_word,
        "money_word": words.money_word,
        "status_word": words.status_word,
        "wording": wording,
    }


@bp.get("/")
def today() -> ResponseReturnValue:
    """Show what the day brings."""
    try:
        here = shop()
    except NothingOnOffer:
        return render_template("owner/nothing.html")
    zone = here.venue.zone
    return render_template(
        "owner/today.html",
        today=queries.today(here.catalogue, now=utcnow()),
        zone=zone,
        at=partial(words.instant_word, zone=zone),
    )


@bp.get("/reservations")
def reservations() -> ResponseReturnValue:
    """List reservations, newest first."""
    status = request.args.get("status")
    page = request.args.get("page", "1")
    if (status and status not in STATUSES) or not _is_page(page):
        abort(404)
    rows, more = queries.page_of_reservations(status or None, int(page), now=utcnow())
    return _list(FindForm(formdata=None), rows, status=status or "", page=int(page), more=more)


@bp.post("/reservations")
def find() -> ResponseReturnValue:
    """Find by reference, which leads to the reservation, or by e-mail address."""
    form = FindForm()
    if not form.validate():
        return _list(form, []), 422
    wanted = str(form.wanted.data)
    if "@" in wanted:
        return _list(form, queries.reservations_of(wanted, now=utcnow()))
    reference = wanted.upper().replace(" ", "")
    if queries.reservation_by_reference(reference) is None:
        return _list(form, [])
    return redirect(url_for(".reservation", reference=reference), 303)


@bp.get("/reservations/<reference>")
def reservation(reference: str) -> ResponseReturnValue:
    """Show everything about one reservation."""
    found = queries.reservation_by_reference(reference) or abort(404)
    person = found.person
    now = utcnow()
    return render_template(
        "owner/reservation.html",
        reservation=found,
        status=queries.shown_status(found, now=now),
        person=person,
        addresses={
            "billing": _lines(person.billing_address if person else None),
            "shipping": _lines(person.shipping_address if person else None),
        },
        summary=summary(found),
        units=queries.unit_names([line.id for line in found.lines if line.kind == "stay"]),
        payments=queries.payments_of(found),
        agreements=queries.agreements_of(found),
        document_word=words.document_word,
        language_word=words.language_word,
        guest_link=guest_url(found, external=True) if person else None,
        renew_form=EmptyForm(),
        at=_at(),
    )


@bp.post("/reservations/<reference>/link")
def renew_link(reference: str) -> ResponseReturnValue:
    """End the guest's link and show a new one."""
    found = queries.reservation_by_reference(reference) or abort(404)
    renew_guest_link(found.id)
    db.session.commit()
    return redirect(url_for(".reservation", reference=reference, _anchor="link"), 303)


@bp.get("/mail")
def mail() -> ResponseReturnValue:
    """List the demo's letters; where mail is really sent, say so."""
    folder = _mail_folder()
    return render_template(
        "owner/mail.html",
        relay=folder is None,
        letters=letters.newest(folder) if folder else [],
        at=_at(),
    )


@bp.get("/mail/<name>")
def letter(name: str) -> ResponseReturnValue:
    """Show one of the demo's letters."""
    return render_template("owner/letter.html", letter=letters.read(_letter(name)), at=_at())


@bp.get("/mail/<name>/download")
def download_letter(name: str) -> Response:
    """Answer with a letter as it is, for a mail program to open."""
    response = Response(_letter(name).read_bytes(), content_type="message/rfc822")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _lines(sealed: str | None) -> list[str]:
    """Return an address as it is written on an envelope to its country."""
    address = load_address(sealed)
    return format_address(address, current_locale()) if address else []


def _letter(name: str) -> Path:
    folder = _mail_folder()
    return (letters.letter_file(folder, name) if folder else None) or abort(404)


def _mail_folder() -> Path | None:
    """Return where mails are put instead of being sent; None where there is a relay."""
    egress: Egress = current_app.extensions["egress"]
    if MAIL_RELAY.code in egress.recipients():
        return None
    return settings().instance_dir / "mail"


def _at() -> partial[str]:
    """Return what words an instant by the clock of the place; UTC where there is none yet."""
    try:
        zone = shop().venue.zone
    except NothingOnOffer:
        zone = ZoneInfo("UTC")
    return partial(words.instant_word, zone=zone)


def _is_page(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= _MOST_PAGES


def _list(
    form: FindForm,
    rows: list[queries.Row],
    *,
    status: str = "",
    page: int = 1,
    more: bool = False,
) -> str:
    return render_template(
        "owner/reservations.html",
        form=form,
        rows=rows,
        status=status,
        statuses=STATUSES,
        page=page,
        more=more,
        found=request.method == "POST",
        at=_at(),
    )
