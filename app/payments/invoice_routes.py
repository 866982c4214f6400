"""The receipt of a reservation, and its invoices and credit notes, as pages and as PDF.

They open with the key of the reservation's own link; without it there is nothing here.
"""

from collections.abc import Iterable

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.booking import wording
from app.booking.links import guest_key, guest_url, reservation_at_link
from app.booking.models import Reservation
from app.booking.reservations import get_for_update
from app.booking.shop import shop
from app.booking.summary import summary
from app.core.clock import utcnow
from app.core.database import in_one_go
from app.core.errors import DomainError
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.core.vault import PersonUnknown, load_address
from app.payments.invoice_pdf import pdf_of
from app.payments.invoices import (
    SMALL_CURRENCY,
    SMALL_MINOR,
    issue,
    may_go_without_address,
    may_issue,
)
from app.payments.models import Invoice
from app.payments.paper import put_into_words, title_of
from app.payments.receipt import Receipt, receipt_of
from app.payments.series import find_paper, invoices_of, number_of
from app.web.addresses import AddressField
from app.web.attachments import attachment
from app.web.errors import error_page
from app.web.fields import CheckboxField
from app.web.forms import Form
from app.web.languages import likely_country
from app.web.pages import money, private_page

bp = Blueprint("invoices", __name__)


class InvoiceForm(Form):
    """Ask for an invoice. For a small sum the address may be left out."""

    with_address = CheckboxField(_l("With an address on it"), collects=())
    billing_address = AddressField(
        _l("Billing address"),
        name="billing",
        needed_by="with_address",
        why=_l(
            "It is printed on the invoice and kept with it alone. Without it, this receipt is "
            "all there is."
        ),
        collects=("invoice.body",),
    )


# -- The receipt --------------------------------------------------------------------------


@bp.route("/reservations/<reference>/receipt", methods=["GET", "POST"])
@private_page
def receipt(reference: str) -> ResponseReturnValue:
    """Show what was paid and what went back, and make an invoice if one is asked for."""
    found = reservation_at_link(reference)
    form = _form(found)
    if request.method == "POST" and form.validate_on_submit():
        address, now = form.billing_address.data, utcnow()
        try:
            number = in_one_go(
                lambda: number_of(issue(get_for_update(found.id), address=address, now=now))
            )
        except DomainError as error:
            return _receipt_page(reservation_at_link(reference), form, error), 409
        except PersonUnknown:
            return gone()
        return redirect(_address(".page", reservation_at_link(reference), number), 303)
    redrawn = request.method == "POST" and not form.errors
    return _receipt_page(found, form), 422 if request.method == "POST" and not redrawn else 200


def _address(endpoint: str, found: Reservation, number: str) -> str:
    return url_for(endpoint, reference=found.reference, invoice_number=number, key=guest_key(found))


def _form(found: Reservation) -> InvoiceForm:
    """Return the form, with the billing address that was given with the booking, if any."""
    try:
        known = load_address(found.person.billing_address if found.person else None)
    except PersonUnknown:
        known = None
    form = InvoiceForm(
        data={
            "with_address": known is not None,
            "billing_address": known or {"country": likely_country()},
        }
    )
    if not may_go_without_address(found):
        # Not a question then, whatever was sent.
        form.with_address.data = True
    return form


def _receipt_page(found: Reservation, form: InvoiceForm, error: DomainError | None = None) -> str:
    g.page_path = f"/reservations/{found.reference}/receipt"
    venue, key = shop().venue, guest_key(found)
    name, shown, erased = "", Receipt((), 0, 0), False
    try:
        name = (found.person.name if found.person else "") or ""
        shown = receipt_of(found, venue.zone)
    except PersonUnknown:
        erased = True
    papers = invoices_of(found.id)
    return render_template(
        "payments/receipt.html",
        reservation=found,
        key=key,
        error=error.say() if error else "",
        name=name,
        receipt=shown,
        erased=erased,
        summary=summary(found),
        venue=venue,
        day=wording.long_day,
        word=movement_word,
        amount=lambda minor: money(minor, found.currency),
        papers=listed(papers),
        form=form if may_issue(found) and not papers and not erased else None,
        small=money(SMALL_MINOR, SMALL_CURRENCY) if may_go_without_address(found) else "",
        back=guest_url(found),
    )


def movement_word(kind: str) -> str:
    """Return what a movement of money is called on a receipt."""
    return {
        "paid": gettext("Paid"),
        "looked_at": gettext("Paid; we are looking at it"),
        "returned": gettext("Given back"),
        "returning": gettext("On its way back to you"),
        "otherwise": gettext("Given back in another way"),
        "stuck": gettext("Sent back, but it did not arrive; we will write to you"),
    }[kind]


def listed(papers: Iterable[Invoice]) -> list[tuple[str, str, str]]:
    """Return (number, title, total) of papers, in the language of the page."""
    return [
        (number_of(paper), title_of(paper.kind), money(paper.total_minor, paper.currency))
        for paper in papers
    ]


# -- Invoices and credit notes ------------------------------------------------------------


@bp.get("/reservations/<reference>/invoices/<invoice_number>")
@private_page
def page(reference: str, invoice_number: str) -> ResponseReturnValue:
    """Show an invoice or a credit note."""
    found = reservation_at_link(reference)
    paper = find_paper(found.id, invoice_number) or abort(404)
    try:
        words = put_into_words(paper)
    except PersonUnknown:
        return gone()
    return render_template(
        "payments/invoice.html",
        paper=words,
        pdf=_address(".pdf", found, invoice_number),
        back=url_for(".receipt", reference=found.reference, key=guest_key(found)),
    )


@bp.get("/reservations/<reference>/invoices/<invoice_number>.pdf")
@private_page
def pdf(reference: str, invoice_number: str) -> ResponseReturnValue:
    """Answer with an invoice or a credit note as a PDF."""
    paper = find_paper(reservation_at_link(reference).id, invoice_number) or abort(404)
    return pdf_answer(paper)


def pdf_answer(paper: Invoice) -> Response:
    """Return the answer with a paper as a PDF, to be saved under a name without a person in it."""
    try:
        name, content = put_into_words(paper).file_name, pdf_of(paper)
    except PersonUnknown:
        return gone()
    return attachment(content, "application/pdf", name)


def gone() -> Response:
    """Return the page that stands for a paper whose person was erased."""
    return error_page(
        410,
        gettext("The person it was made out to had their details erased, so nobody can read it."),
        gettext("This paper can’t be opened any more"),
    )
