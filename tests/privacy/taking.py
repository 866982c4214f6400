"""Somebody with a row in every table that can be theirs, each value found nowhere else."""

import csv
import io
import json
import zipfile
from datetime import date, datetime, timedelta
from typing import Any
from zlib import crc32

import sqlalchemy as sa

from app.accounts.models import Account, Person
from app.accounts.names import give_address
from app.core import outbox
from app.core.database import UtcDateTime, db
from app.core.datamap import Kind
from app.core.vault import vault
from app.privacy.models import Export
from app.privacy.subjects import of_account
from app.privacy.tables import person_tables
from tests.accounts.ways import let_in

# What the database only takes from a list of its own.
GIVEN = {
    "account.role": "guest",
    "account.language": "en",
    "reservation.status": "confirmed",
    "reservation.language": "en",
    "reservation.cancellation": "{}",
    "reservation.first_start": datetime.fromisoformat("2031-06-02T13:00:00+00:00"),
    "reservation_line.kind": "stay",
    "reservation_line.arrive": date(2031, 6, 2),
    "reservation_line.depart": date(2031, 6, 5),
    "reservation_line.label": {"en": "Reed Room"},
    "reservation_line.nightly": [],
    "reservation.archived_at": None,
    "payment.state": "created",
    "payment.part": "full",
    "payment.way": "page",
    "refund.state": "requested",
    "refund.reason": "cancelled",
    "refund.external": False,
    "dispute.state": "open",
    "mail_link.purpose": "told",
    "message.author": "guest",
    "restriction.kind": "restrict",
    "mail_link.news": "password_changed",
    "export.state": "failed",
    "export.person_ids": [],
    "erasure.state": "withdrawn",
    "erasure.person_ids": [],
    "invoice.kind": "invoice",
    "invoice.language": "en",
    "invoice.currency": "EUR",
    "activity_line.kind": "page",
    "privacy_request.kind": "other",
    "privacy_request.law": "gdpr",
    "privacy_request.extended_at": None,
    "privacy_request.extended_to": None,
    "person.billing_address": None,
    "person.shipping_address": None,
    "review.language": "en",
    "review.state": "draft",
    "partner_terms.way": "mail",
    "partner_terms.kinds": ["name"],
    "partner_transfer.kinds": ["name"],
    "told.how": "mail",
    "told.state": "told",
    "matter.kind": "closing",
    "document_version.document": "privacy",
    "version_notice.noticed_how": "button",
    "controller_change.way": "site",
    "controller_change.state": "stopped",
    "controller_change.live": None,
    "incident.kind": "other",
    "incident_person.kinds": ["name"],
    "incident_person.sealed_kinds": [],
    "offer.kind": "stay",
    "offer.units": 1,
    "offer.guests_most": 2,
    "offer.nights_least": 1,
    "offer.nights_most": 9,
}
BODY = {
    "number": "2031-000001",
    "kind": "invoice",
    "issued": "2031-05-05",
    "reference": "HERONREF",
    "seller": {"name": "House", "address": ["Pier 1"], "tax_id": "", "email": "", "phone": ""},
    "supplied": ["2031-06-02", "2031-06-05"],
    "rows": [],
    "vat": [],
    "total_minor": 1,
    "payments": [],
    "refers_to": None,
}
TODAY = date(2031, 5, 5)


def word(person, path):
    """Return the one value of a person's column, found nowhere else in the world."""
    return f"{person}-{path.replace('.', '-').replace('_', '-')}"


class Somebody:
    """An account's person with a row of their own in every table of the data map."""

    def __init__(self, name, *, now, given=None, but=()):
        """Make all of it, parents before children; the caller commits."""
        self.name, self.now = name, now
        self.given = {**GIVEN, **(given or {})}
        self.person_id = vault().new_person()
        self.world: dict[str, Any] = {"person": self.person_id}
        self.words: dict[str, str] = {}
        for table in person_tables():
            if table.name not in but:
                self._make(table)
        db.session.flush()
        account = self.account
        give_address(account, f"{name}@post.example")
        self.words["person.email"] = f"{name}@post.example"

    @property
    def account(self):
        """Their account."""
        return db.session.get(Account, self.world["account"])

    @property
    def subject(self):
        """Whom they are to the pages about one's own data."""
        return of_account(self.account)

    def _make(self, table):
        mapper = sa.inspect(table.model)
        row = table.model()
        if table.name == "person":
            row.id = self.person_id
        fields = {field.name: field for field in table.columns}
        late = []
        for column in table.model.__table__.columns:
            key = mapper.get_property_by_column(column).key
            path = f"{table.name}.{column.name}"
            if path in self.given:
                value = self.given[path]
            elif column.foreign_keys:
                target = next(iter(column.foreign_keys)).column
                value = self.world.get(target.table.name)
                if value is None and not column.nullable:
                    value = self._of_nobody(target)
            elif column.name in fields and hasattr(table.model, f"_{column.name}"):
                late.append((column.name, path))
                continue
            elif self._goes_without(table, column, fields.get(column.name)):
                continue
            else:
                value = self._value(column, path, fields.get(column.name))
            setattr(row, key, value)
        for attribute, path in late:
            self.words[path] = word(self.name, path)
            setattr(row, attribute, self._sealed(fields[attribute], self.words[path]))
        db.session.add(row)
        db.session.flush()
        self.world[table.name] = sa.inspect(row).identity[0]

    def _of_nobody(self, target):
        """Return the key of a row that is nobody's, and that a row of theirs needs."""
        found = db.session.scalar(sa.select(target).limit(1))
        if found is not None:
            return found
        row = {}
        for column in target.table.columns:
            path = f"{target.table.name}.{column.name}"
            known = column.default is not None or column.server_default is not None
            if path in self.given:
                row[column.name] = self.given[path]
            elif column.nullable or known or (column is target and column.primary_key):
                continue
            elif column.foreign_keys:
                row[column.name] = self._of_nobody(next(iter(column.foreign_keys)).column)
            else:
                row[column.name] = self._value(column, path, None)
        db.session.execute(sa.insert(target.table).values(**row))
        return db.session.scalar(sa.select(target).limit(1))

    def _goes_without(self, table, column, field):
        """Whether a column tells nothing of anybody, and needs no value."""
        if column.name == "id" and (table.name == "person" or isinstance(column.type, sa.Integer)):
            return True
        personal = field is not None and field.declared is not None
        known = column.default is not None or column.server_default is not None
        return not personal and (column.nullable or known)

    def _sealed(self, field, text):
        """Return a text, or one of JSON where the column holds such."""
        if field.path == "invoice.body":
            return json.dumps({**BODY, "buyer": {"address": [text]}}, ensure_ascii=False)
        address = field.declared.kind in (Kind.BILLING_ADDRESS, Kind.SHIPPING_ADDRESS)
        return json.dumps({"name": text}) if address else text

    def _value(self, column, path, field):
        kind = column.type
        if isinstance(kind, UtcDateTime | sa.DateTime):
            return self.now + timedelta(days=20)
        if isinstance(kind, sa.Date):
            return TODAY
        if isinstance(kind, sa.Boolean):
            return True
        if isinstance(kind, sa.Integer | sa.Numeric):
            return 1
        if isinstance(kind, sa.JSON):
            return {}
        text = word(self.name, path)
        if isinstance(kind, sa.LargeBinary):
            return text.encode()[:32]
        if kind.length and kind.length < len(text):
            if column.name == "currency":
                return "EUR"
            # A word that is short enough, and still nobody else's.
            text = f"{self.name[:3]}{crc32(path.encode())}"[: kind.length]
        elif field is not None:
            self.words[path] = text
        return text


def order(app, client):
    """Press the button, and let the worker do what is due. Return the page afterwards."""
    page = client.get("/account/data/download")
    assert page.status_code == 200, page.status_code
    token = page.text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    answer = client.post("/account/data/download", data={"csrf_token": token})
    assert answer.status_code == 303, answer.text
    work(app)
    return client.get("/account/data/download")


def work(app):
    """Let the worker do what is due."""
    with app.app_context():
        while outbox.run_due(now=app.extensions["clock"]()):
            pass


def fetch(client, export_id=None):
    """Fetch the file that the page offers, as bytes."""
    page = client.get("/account/data/download").text
    path = page.split("/account/data/download/")[1].split('"')[0]
    answer = client.get(f"/account/data/download/{path}")
    assert answer.status_code == 200, answer.status
    return answer


def take(app, clock, client, account_id):
    """Sign in, order, fetch, and return the ZIP."""
    let_in(app, clock, client, account_id)
    order(app, client)
    return zipfile.ZipFile(io.BytesIO(fetch(client).data))


def data_of(archive):
    """Return what `data.json` holds, by table."""
    return json.loads(archive.read("data.json"))["tables"]


def csv_of(archive, table):
    """Return a table's rows from its CSV, as Python's own reader has them."""
    text = archive.read(f"csv/{table}.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def exports():
    """Return all downloads."""
    return db.session.scalars(sa.select(Export).order_by(Export.id)).all()


def person(person_id):
    """Return a person."""
    return db.session.get(Person, person_id)
