"""Somebody with everything: an account, a claimed stay that was paid, an invoice, and traces."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from app.accounts import disclosures, readings
from app.accounts.claims import claim_all, persons_of
from app.accounts.models import Account, Passkey, Person, SessionRow
from app.consent.models import ActivityLine, Glance, Grant
from app.core.database import db
from app.core.datamap import Kind
from app.core.vault import vault
from app.payments.models import Invoice, Payment
from app.policy.documents import publish_missing
from app.policy.models import Agreement, DocumentVersion
from app.privacy import requests
from app.privacy.models import Export, ExportChunk
from app.privacy.subjects import Subject, of_account
from tests.accounts.ways import _opened, let_in, make_house
from tests.payments import till
from tests.payments.papers import ADDRESS, make, pay

NAME, EMAIL = "Kanarie Zwölfelf", "kanarie.zwoelf@nest.example"
PHONE, COMPANY, USERNAME = "+4917139202777", "Kanariennest KG", "kanarienvogel77"
DEVICE, CREDENTIAL, PAGE = "Kanarienbrowser 9", b"kanarien-credential-0123", "/kanarie/seite"
STREET = "Zeisigstieg 7711"
IN_CLEAR = (NAME, EMAIL, PHONE, COMPANY, USERNAME, DEVICE, CREDENTIAL.decode(), PAGE, STREET)
ENDED = timedelta(days=60)
"""From the tests' morning until the stay is over."""


@dataclass
class Somebody:
    """Who they are in the books."""

    account_id: int
    person_ids: list[str]
    reservation_id: int
    reference: str
    payment_id: str
    invoice_id: int
    reader_id: int

    @property
    def subject(self) -> Subject:
        """They, signed in."""
        return of_account(db.session.get_one(Account, self.account_id))


def somebody(app, clock, line, *, email=EMAIL, name=NAME, arrive=till.FIRST_DAY):
    """Make somebody with a stay ahead; the place is open already."""
    now = clock()
    reservation = till.book(now=now, arrive=arrive)
    booked = db.session.get_one(Person, reservation.person_id)
    booked.name, booked.email, booked.phone, booked.company = name, email, PHONE, COMPANY
    vault().index(booked.id, Kind.EMAIL, email)
    db.session.commit()
    payment = pay(app, reservation, line, now=now)
    invoice = make(reservation, now=now, address={**ADDRESS, "street_address": STREET})
    reader = db.session.scalar(sa.select(Account.id).where(Account.role == "reader"))
    db.session.rollback()
    if reader is None:
        reader = make_house(app, clock, "reader").account_id
    account = _opened(now, "guest", email, "three herons in the reeds", f"{USERNAME}{name[:1]}")
    account.person.name = name
    claim_all(account, now=now)
    db.session.commit()
    made = Somebody(
        account.id,
        persons_of(account),
        reservation.id,
        reservation.reference,
        payment.id,
        invoice.id,
        reader,
    )
    db.session.commit()
    _traces(made, now=now)
    return made


def _traces(made, *, now):
    """Leave something in every other corner."""
    publish_missing(now=now)
    version = db.session.scalar(sa.select(DocumentVersion.id))
    db.session.add_all(
        [
            Passkey(
                account_id=made.account_id,
                credential_id=CREDENTIAL + made.reference.encode(),
                public_key=b"k",
                sign_count=1,
                device=DEVICE,
                created_at=now,
            ),
            Agreement(
                person_id=made.person_ids[-1],
                version_id=version,
                reservation_reference=made.reference,
                agreed_at=now,
            ),
        ]
    )
    _looked(made, now=now)
    _asked(made, now=now)
    db.session.commit()
    till.run_jobs(now=now)


def _looked(made, *, now):
    """Leave what was opened, by them and of them."""
    grant = Grant(
        receipt_id=made.reference * 2,
        category="statistics",
        token_digest=made.reference.encode(),
        person_id=made.person_ids[0],
        granted_at=now,
        expires_at=now + timedelta(days=300),
    )
    db.session.add(grant)
    db.session.flush()
    db.session.add_all(
        [
            ActivityLine(
                grant_id=grant.id,
                at=now,
                kind="page",
                what=PAGE,
                referring_host="",
                device="",
                browser="",
                system="",
            ),
            Glance(grant_id=grant.id, what=PAGE, last_at=now),
        ]
    )
    readings.note(
        db.session.get_one(Account, made.reader_id), made.person_ids, "reservation", now=now
    )


def _asked(made, *, now):
    """Leave what they asked for, and where they are signed in."""
    person_id = made.person_ids[0]
    export = Export(
        person_id=person_id,
        person_ids=made.person_ids,
        language="en",
        state="ready",
        asked_at=now,
        ready_at=now,
        expires_at=now + timedelta(days=3),
    )
    db.session.add(export)
    db.session.flush()
    db.session.add(ExportChunk(export_id=export.id, position=1, sealed_bytes=b"sealed"))
    disclosures.note(person_id, "mail_relay", disclosures.MAIL_ABOUT_ACCOUNT, now=now)
    requests.record(person_id, "access", now=now, words=f"Was wisst ihr über {NAME}?")
    db.session.add(
        SessionRow(
            id_digest=made.reference.encode() * 4,
            account_id=made.account_id,
            csrf_token="t" * 64,
            created_at=now,
            seen_at=now,
            device=DEVICE,
        )
    )


def signed_in(app, clock, made):
    """Return a browser in which they are signed in."""
    return let_in(app, clock, app.test_client(), made.account_id)


def paid(made):
    """Return the payment and the invoice, as they are."""
    db.session.expire_all()
    return db.session.get(Payment, made.payment_id), db.session.get(Invoice, made.invoice_id)
