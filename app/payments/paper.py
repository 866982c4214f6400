"""An invoice or a credit note in words: one and the same for the page and for the PDF.

Everything is in the language of the document, whatever the page around it speaks:
words from its catalogue, dates and amounts by CLDR.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from babel.numbers import format_percent

from app.booking import wording
from app.core.languages import BY_CODE, current_locale, gettext, use_language
from app.core.money import format_money
from app.payments.models import Invoice
from app.payments.series import CREDIT_NOTE, Body, PaidBy, number_of, read


class Line(NamedTuple):
    """One line: what, how it comes about, at which rate of tax, and the amount."""

    label: str
    detail: str
    rate: str
    amount: str


class Tax(NamedTuple):
    """What falls to one rate of value-added tax."""

    rate: str
    net: str
    vat: str
    gross: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as text. `kind` is "invoice" or "credit_note"; `tag` is its language in HTML."""

    kind: str
    number: str
    tag: str
    title: str
    seller: tuple[str, ...]
    buyer: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    line_heads: Line
    lines: tuple[Line, ...]
    total_label: str
    total: str
    tax_heads: Tax
    taxes: tuple[Tax, ...]
    notes: tuple[str, ...]
    to: str
    caption: str
    tax_caption: str

    @property
    def file_name(self) -> str:
        """What its file is called: nothing of a person, and the same in every language."""
        return f"{self.kind.replace('_', '-')}-{self.number}.pdf"


def put_into_words(invoice: Invoice) -> Paper:
    """Return a document as text. Raises PersonUnknown after its person was erased."""
    body = read(invoice)
    with use_language(invoice.language):
        return _paper(invoice, body)


def title_of(kind: str) -> str:
    """Return what a kind of document is called in the current language."""
    # Translators: a document that corrects an invoice downwards. German law calls it
    # "Rechnungskorrektur"; a "Gutschrift" is something else there (§ 14 (2) UStG).
    return gettext("Credit note") if kind == CREDIT_NOTE else gettext("Invoice")


def _paper(invoice: Invoice, body: Body) -> Paper:
    currency = invoice.currency
    seller = body["seller"]
    return Paper(
        kind=invoice.kind,
        number=number_of(invoice),
        tag=BY_CODE[invoice.language].tag,
        title=title_of(invoice.kind),
        seller=(seller["name"], *seller["address"], seller["phone"], seller["email"]),
        buyer=tuple(body["buyer"]["address"]),
        facts=_facts(body),
        line_heads=Line(gettext("Item"), "", gettext("VAT"), gettext("Amount")),
        lines=tuple(
            Line(
                row["label"],
                row["detail"],
                _percent(row["vat_bp"]),
                _money(row["gross_minor"], currency),
            )
            for row in body["rows"]
        ),
        total_label=gettext("Total with VAT"),
        total=_money(body["total_minor"], currency),
        tax_heads=Tax(
            gettext("VAT rate"), gettext("Before VAT"), gettext("VAT"), gettext("With VAT")
        ),
        taxes=tuple(
            Tax(
                _percent(rate),
                _money(gross - vat, currency),
                _money(vat, currency),
                _money(gross, currency),
            )
            for rate, gross, vat in body["vat"]
        ),
        notes=tuple(_notes(body, currency)),
        to=gettext("To"),
        caption=gettext("What it is for"),
        tax_caption=gettext("VAT by rate"),
    )


def _facts(body: Body) -> tuple[tuple[str, str], ...]:
    first, last = map(date.fromisoformat, body["supplied"])
    supplied = wording.long_day(first) if first == last else wording.dates(first, last)
    return tuple(
        (term, text)
        for term, text in (
            (gettext("Number"), body["number"]),
            (gettext("Date"), _day(body["issued"])),
            (gettext("Supplied"), supplied),
            (gettext("Reservation"), body["reference"]),
            (gettext("Our tax number"), body["seller"]["tax_id"]),
        )
        if text
    )


def _notes(body: Body, currency: str) -> list[str]:
    said = []
    if body["refers_to"] is not None:
        number, day = body["refers_to"]
        if body["kind"] == CREDIT_NOTE:
            said.append(
                gettext(
                    "This corrects invoice %(number)s of %(day)s.", number=number, day=_day(day)
                )
            )
        else:
            said.append(
                gettext(
                    "The refund of credit note %(number)s of %(day)s came back to us, so that "
                    "credit note no longer counts. This invoice stands against it; it asks for "
                    "no further payment.",
                    number=number,
                    day=_day(day),
                )
            )
    return said + [_paid(paid, currency) for paid in body["payments"]]


def _paid(paid: PaidBy, currency: str) -> str:
    day, amount = _day(paid["day"]), _money(paid["minor"], currency)
    if not paid["means"]:
        return gettext("Paid on %(day)s: %(amount)s.", day=day, amount=amount)
    return gettext(
        "Paid on %(day)s: %(amount)s (%(means)s).", day=day, amount=amount, means=paid["means"]
    )


def _day(iso: str) -> str:
    return wording.long_day(date.fromisoformat(iso))


def _money(minor: int, currency: str) -> str:
    return format_money(minor, currency, current_locale())


def _percent(basis_points: int) -> str:
    """Return "7%" as the language writes it, and "7.7%" where there is more to it."""
    share = Decimal(basis_points) / 10_000
    return format_percent(share, locale=current_locale(), decimal_quantization=False)
