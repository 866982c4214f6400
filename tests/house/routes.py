"""Every address of the site, found in its URL map, with values that lead somewhere or nowhere."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from app.consent.models import NoticeText
from app.core.database import db
from app.payments.demo.models import BankPayment
from app.payments.models import Payment
from tests.house.visitor import Page, Visitor, address_of, key_of, reference_of

_PLACEHOLDER = re.compile(r"<(?:[^:>]*:)?(?P<name>[^>]+)>")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
NOWHERE = {
    "slug": "nowhere",
    "key": "AAAAAAAAAAAAAAAAAAAAAAAA",
    "reference": "AAAAAAAA",
    "ref": "db_nothing",
    "name": "nothing",
    "token": "nothing",
    "ticket": "nothing",
    "number": "9999",
    "invoice_number": "2031-999999",
    "line_id": "2147483647",
    "block_id": "2147483647",
    "feed_id": "2147483647",
    "conflict_id": "2147483647",
    "account_id": "2147483647",
    "passkey_id": "2147483647",
    "row_id": "2147483647",
    "offer_id": "2147483647",
    "rate_id": "2147483647",
    "closed_id": "2147483647",
    "extra_id": "2147483647",
    "charge_id": "2147483647",
    "width": "480",
    "draft_id": "2147483647",
    "document": "privacy",
    "language": "en",
    "survey_id": "2147483647",
    "partner_id": "2147483647",
    "review_id": "2147483647",
    "terms_id": "2147483647",
    "change_id": "2147483647",
    "incident_id": "2147483647",
    "device_id": "2147483647",
    "payment_id": "nothing",
    "export_id": "2147483647",
    "request_id": "2147483647",
    "refund_id": "nothing",
    "digest": "0" * 64,
    "start": "20310505T1500Z",
}


class Address(NamedTuple):
    """A rule of the URL map, and one address that it meets."""

    rule: Rule
    path: str


def addresses(app: Flask, values: Mapping[str, str], *, query: str = "") -> Iterator[Address]:
    """Yield an address for each rule of the site."""
    for rule in app.url_map.iter_rules():
        path = _PLACEHOLDER.sub(lambda found: values[found["name"]], rule.rule)
        yield Address(rule, f"{path}{query}")


def gets(app: Flask, values: Mapping[str, str], *, query: str = "") -> Iterator[Address]:
    """Yield an address for each rule that can be opened."""
    return (one for one in addresses(app, values, query=query) if "GET" in (one.rule.methods or ()))


def unsafe(app: Flask, values: Mapping[str, str]) -> Iterator[tuple[Address, str]]:
    """Yield an address and a method for each way to change something."""
    for one in addresses(app, values):
        for method in sorted((one.rule.methods or set()) - SAFE):
            yield one, method


def lead_somewhere(app: Flask, visitor: Visitor) -> tuple[dict[str, str], Page]:
    """Book, fill another basket and hold it; return values for which there is a page, and it."""
    reservation = visitor.book()
    basket = visitor.choose_stay("lagoon-suite")
    details = visitor.hold(basket)
    with app.app_context():
        ref = db.session.scalar(sa.select(BankPayment.ref))
        payment_id = db.session.scalar(sa.select(Payment.id))
    Visitor(app).ask("POST", "/cookies", data={"choice": "refuse"})
    with app.app_context():
        digest = db.session.scalar(sa.select(NoticeText.digest))
    return {
        **{name: "1" for name in NOWHERE if name.endswith("_id")},
        "slug": "reed-room",
        "key": address_of(details).rpartition("/")[2],
        "reference": reference_of(reservation),
        "ref": str(ref),
        "name": next(iter(app.extensions["assets"])),
        "token": "nothing",
        "ticket": "nothing",
        "number": "1",
        "invoice_number": "2031-000001",
        "width": "480",
        "document": "privacy",
        "language": "en",
        "payment_id": str(payment_id),
        "refund_id": "nothing",
        "digest": str(digest),
        "start": "20310505T1500Z",
        "basket": address_of(basket).rpartition("/")[2],
        "guest": key_of(reservation),
    }, reservation
