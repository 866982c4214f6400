"""What the books need stays without a name: invoices under a key of their own, sums and days."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.booking.links import (
    checkout_key,
    guest_key,
    reservation_for_checkout,
    reservation_for_guest,
)
from app.booking.models import Reservation
from app.core import erasures as ledger
from app.core.database import db
from app.core.datamap import Personal, declaration
from app.core.outbox import Job, enqueue
from app.core.vault import PersonUnknown, vault
from app.guestbook.models import Message, StayWish, Survey
from app.payments.audit import audit
from app.payments.models import Invoice, Payment, Refund
from app.payments.series import invoices_of, read
from app.privacy import archiving, erasing, planning
from app.privacy.tables import person_tables
from tests.payments import till
from tests.payments.conftest import line, place  # noqa: F401 (fixtures)
from tests.payments.papers import give_back
from tests.privacy.gone import ENDED, STREET, paid, somebody
from tests.privacy.test_erasing import order, run

pytestmark = [pytest.mark.clause("C12"), pytest.mark.clause("C26")]


@pytest.fixture
def erased(place, app, clock, line):  # noqa: F811
    """Somebody who was erased after a paid stay, with what they could open before."""
    made = somebody(app, clock, line)
    clock.move(ENDED)
    order(made, clock())
    run(clock())
    return made


@pytest.mark.both_databases
def test_an_invoice_is_read_under_its_own_key_until_that_is_destroyed(erased):
    _, invoice = paid(erased)
    body = read(invoice)

    vault().destroy([invoice.paper_id])
    db.session.expire_all()

    assert invoice.person_id is None
    assert any(STREET in part for part in body["buyer"]["address"])
    with pytest.raises(PersonUnknown):
        read(invoice)


def test_sums_and_days_stay_and_what_tells_of_a_person_is_empty(erased):
    payment, invoice = paid(erased)

    assert (payment.person_id, payment._method_hint, payment.state) == (None, None, "paid")
    assert payment.amount_minor == invoice.total_minor == till.TOTAL
    assert payment.reservation.lines[0].arrive == till.FIRST_DAY


def test_numbers_of_a_survey_stay_and_words_and_judgements_go(place, app, clock, line):  # noqa: F811
    made = somebody(app, clock, line)
    booked = db.session.get_one(Reservation, made.reservation_id)
    booked.risk_decision, booked.risk_decided_at = "refused", clock()
    booked.reminded_at, booked.unreminded, booked.source = clock(), True, "phone"
    same = {"reservation_id": booked.id, "person_id": booked.person_id}
    told = Survey(sent_at=clock(), answered_at=clock(), overall=2, key_digest=b"k" * 32, **same)
    wrote = Message(author="house", sent_at=clock(), **same)
    db.session.add_all([told, wrote, StayWish(changed_at=clock(), **same)])
    told.words = wrote.body = "Zeisigstieg"
    for name, subject in (("reservation_id", booked.id), ("survey_id", 1)):
        enqueue("tests.guestbook", {name: subject}, now=clock() + timedelta(days=900))
    db.session.commit()
    clock.move(ENDED)

    order(made, clock())
    run(clock())

    [survey] = db.session.scalars(sa.select(Survey))
    left = (survey.person_id, survey._words, survey.key_digest, survey.overall)
    assert left == (None, None, None, 2)
    booked = db.session.get_one(Reservation, made.reservation_id)
    assert (booked.risk_decision, booked.risk_decided_at, booked.reminded_at) == (None, None, None)
    assert (booked.unreminded, booked.source, booked.status) == (False, "phone", "confirmed")
    for gone in (Message, StayWish):
        assert db.session.scalar(sa.select(sa.func.count()).select_from(gone)) == 0
    assert db.session.scalar(sa.select(Job.id).where(Job.topic == "tests.guestbook")) is None


def test_a_credit_note_can_be_written_for_somebody_who_is_gone(erased, clock):
    payment, invoice = paid(erased)

    give_back(payment, 1_000, now=clock())

    note = invoices_of(erased.reservation_id)[-1]
    assert (note.kind, note.total_minor, note.person_id) == ("credit_note", -1_000, None)
    assert note.paper_id not in (None, invoice.paper_id)
    assert read(note)["refers_to"][0] == read(invoice)["number"]


def test_the_books_still_agree_with_each_other(erased, clock):
    found = audit(now=clock())

    assert list(found.mismatches) == []


def test_the_guests_links_open_nothing(erased):
    reservation = db.session.get(Reservation, erased.reservation_id)

    assert reservation_for_guest(erased.reference, guest_key(reservation)) is None
    assert reservation_for_checkout(checkout_key(reservation)) is None


def test_the_plan_names_the_law_and_the_day_of_whatever_stays(place, app, clock, line):  # noqa: F811
    made = somebody(app, clock, line)
    clock.move(ENDED)

    items = {item.table: item for item in planning.plan(made.person_ids, now=clock()).items}

    assert items["invoice"].fate == planning.KEPT
    assert items["invoice"].until == date(2040, 1, 1)
    assert items["invoice"].ground == "AO § 147 (3), UStG § 14b (1)"
    assert items["payment"].fate == items["reservation_line"].fate == planning.ANONYMISED
    assert all(
        item.until and item.ground
        for item in items.values()
        if item.fate != planning.GOES and item.table != "privacy_request"
    )
    assert items["passkey"].fate == items["person"].fate == planning.GOES


def test_of_what_never_became_firm_nothing_stays(place, clock):  # noqa: F811
    reservation = till.book(now=clock())
    till.begin(reservation, now=clock())
    reservation_id, person_id = reservation.id, reservation.person_id

    erasing.begin([person_id], ledger.HOUSE, now=clock(), language="en")
    db.session.commit()
    run(clock())

    assert db.session.get(Reservation, reservation_id) is None
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Payment)) == 0


def test_every_sealed_value_of_a_kept_table_is_emptied():
    """A column that somebody seals tomorrow isn't kept by accident."""
    kept = [t for t in person_tables() if t.name in archiving.ANONYMISED_TABLES]
    for one in kept:
        emptied = archiving.emptied(one.model)
        for column in one.model.__table__.columns:
            declared = declaration(column)
            if isinstance(declared, Personal) and not declared.readable:
                key = sa.inspect(one.model).get_property_by_column(column).key
                assert key in emptied, column
            if isinstance(declared, Personal) and declared.readable:
                path = f"{one.name}.{column.name}"
                assert path in archiving.STAYS or column.nullable, path

    assert {t.name for t in kept} == set(archiving.ANONYMISED_TABLES)
    assert sa.inspect(Refund).mapper.class_ is Refund
    assert Invoice.__sealed_for__ == "sealed_for"
