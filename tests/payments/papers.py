"""A reservation that is paid, in a place whose prices have tax in them."""

import pypdfium2
import sqlalchemy as sa

from app.booking.links import guest_key
from app.booking.models import OfferRow, VenueRow
from app.booking.reservations import get_for_update
from app.core.database import db
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.invoices import issue
from app.payments.models import Invoice
from app.payments.refunds import request_refund
from app.payments.series import invoices_of
from tests.payments.till import bank_says, begin, pay_at_bank, run_jobs

ADDRESS = {
    "country": "DE",
    "street_address": "Ufer 3",
    "postal_code": "18439",
    "city": "Stralsund",
}
TYPED = {f"billing_{name}": value for name, value in ADDRESS.items()}


def with_tax():
    """Let nights have 7 % of tax in them, and the place a tax number."""
    db.session.execute(sa.update(OfferRow).values(vat_bp=700))
    venue = db.session.get(VenueRow, 1)
    venue.tax_id = "DE123456788"
    db.session.commit()


def pay(app, reservation, line, *, now):
    """Pay all that is asked for now, and do what follows; return the payment."""
    with app.test_request_context():
        payment = begin(reservation, now=now)
    pay_at_bank(payment, now=now)
    look(line, payment.provider_ref, now=now)
    run_jobs(now=now)
    return payment


def give_back(payment, minor, *, now):
    """Send a part back, as the house does, and do what follows; return the refund."""
    refund = request_refund(lock_payment(payment.id), minor, reason="owner", now=now)
    db.session.commit()
    run_jobs(now=now)
    return refund


def come_back(payment, refund, line, *, now):
    """Let the guest's bank return a refund that had left."""
    bank_says(refund.provider_ref, "failed")
    look(line, payment.provider_ref, now=now)
    run_jobs(now=now)


def make(reservation, *, now, address=ADDRESS):
    """Issue the invoice of a reservation."""
    made = issue(get_for_update(reservation.id), now=now, address=address)
    db.session.commit()
    return made


def papers(reservation):
    """Return (kind, year and number, total) of the papers of a reservation."""
    return [
        (one.kind, f"{one.series}-{one.number}", one.total_minor)
        for one in invoices_of(reservation.id)
    ]


def numbers():
    """Return all numbers that were given, in order."""
    query = sa.select(Invoice.series, Invoice.number).order_by(Invoice.series, Invoice.number)
    return [tuple(row) for row in db.session.execute(query)]


def address_of(reservation, rest):
    """Return an address below a guest's reservation, with its key."""
    return f"/reservations/{reservation.reference}/{rest}?key={guest_key(reservation)}"


def text_of(pdf):
    """Return what another program reads in a PDF, and its metadata."""
    with pypdfium2.PdfDocument(pdf) as opened:
        pages = [page.get_textpage().get_text_bounded() for page in opened]
        return "\n".join(pages), opened.get_metadata_dict()
