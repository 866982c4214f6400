"""A guest's invoices and credit notes, for the house: the same papers, noted as read.

An address stands on most of them, so they are for those who may open one.
"""

from flask import abort, render_template
from flask.typing import ResponseReturnValue

from app.accounts.models import STAFF
from app.accounts.readings import RESERVATION
from app.core.vault import PersonUnknown
from app.owner import queries
from app.owner.masking import refuse_hidden
from app.owner.readings import note, note_detail
from app.owner.roles import needs
from app.owner.routes import bp
from app.payments.invoice_routes import gone, pdf_answer
from app.payments.models import Invoice
from app.payments.paper import put_into_words
from app.payments.series import find_paper, read


@bp.get("/reservations/<reference>/invoices/<invoice_number>")
@needs(STAFF)
def invoice(reference: str, invoice_number: str) -> ResponseReturnValue:
    """Show an invoice or a credit note."""
    paper = _find(reference, invoice_number)
    try:
        words = put_into_words(paper)
    except PersonUnknown:
        return gone()
    page = render_template("owner/invoice.html", paper=words, reference=reference)
    _note(paper)
    return page


@bp.get("/reservations/<reference>/invoices/<invoice_number>.pdf")
@needs(STAFF)
def invoice_pdf(reference: str, invoice_number: str) -> ResponseReturnValue:
    """Answer with an invoice or a credit note as a PDF."""
    paper = _find(reference, invoice_number)
    answer = pdf_answer(paper)
    if answer.status_code == 200:
        _note(paper)
    return answer


def _note(paper: Invoice) -> None:
    """Note that a paper was shown: with an address on it that is one of a guest's details."""
    persons, buyer = [paper.person_id] if paper.person_id else [], read(paper)["buyer"]
    if set(buyer["address"]) - {buyer["name"], buyer["company"]}:
        note_detail(persons, "billing_address", purpose="billing")
    else:
        note(persons, RESERVATION)


def _find(reference: str, invoice_number: str) -> Invoice:
    """Return a paper. Raises DetailsRestricted where its guest may not be seen now."""
    found = queries.reservation_by_reference(reference) or abort(404)
    paper = find_paper(found.id, invoice_number) or abort(404)
    refuse_hidden(paper.person_id)
    return paper
