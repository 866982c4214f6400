"""The house sees where its money is, and gives some back: twice asked, once done, always said."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import OWNER, READER, STAFF
from app.booking.models import Night, OfferRow, Reservation
from app.core.database import db
from app.core.outbox import Job
from app.owner.payments_routes import RefundForm
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.models import Payment, Refund
from app.payments.refunds import request_refund
from tests.accounts.ways import newest_mail
from tests.owner.guests import book, details, stay
from tests.owner.house import buttons, words
from tests.payments.disputing import Questioned
from tests.payments.till import back_at_bank, bank_says, begin, pay_at_bank, run_jobs

FIRST = date(2031, 6, 2)
ADA = details("Ada Lovelace", "ada@example.org")
NOTE = "The heating failed on Tuesday"


@pytest.fixture
def line(place, settings):
    """The line to a bank where payments are disputed."""
    line = Questioned(settings)
    place.extensions["payment_providers"] = {"demo": line}
    return line


@pytest.fixture
def payment_id(place, line, clock):
    """What Ada paid for a confirmed booking, by its id."""
    with place.test_request_context():
        wish = stay("reed-room", FIRST, FIRST + timedelta(days=2))
        reference = book(wish, now=clock(), who=ADA, firm=False)
        reservation = db.session.scalar(
            sa.select(Reservation).where(Reservation.reference == reference)
        )
        attempt = begin(reservation, now=clock())
        pay_at_bank(attempt, now=clock())
        look(line, attempt.provider_ref, now=clock())
        payment_id = attempt.id
        run_jobs(now=clock())
    return payment_id


def told(app, payment_id):
    """Return what is known of a payment: reference, what came, and its refunds."""
    with app.app_context():
        payment = db.session.get(Payment, payment_id)
        refunds = db.session.scalars(
            sa.select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.created_at)
        )
        rows = [(one.amount_minor, one.because, one.note) for one in refunds]
        return payment.reservation.reference, payment.captured_minor, rows


def hidden(page):
    """Return what the form of a page would send back without a word typed."""
    soup = BeautifulSoup(page.text, "html.parser")
    form = next(form for form in soup.select("main form") if "refund" in (form["action"] or ""))
    found = {one["name"]: one.get("value", "") for one in form.select("input[type=hidden]")}
    for area in form.select("textarea[hidden]"):
        found[area["name"]] = area.text.removeprefix("\n")
    return found


def fill(somebody, payment_id, **typed):
    """Open the form, fill it in and press once; return the answer."""
    page = somebody.get(f"/owner/payments/{payment_id}/refund")
    sent = {**hidden(page), "because": "goodwill", "note": NOTE, "amount": "12.50", **typed}
    sent = {name: value for name, value in sent.items() if value is not None}
    return somebody.client.post(f"/owner/payments/{payment_id}/refund", data=sent)


def press(somebody, payment_id, page):
    """Press the second time, on the page that asks."""
    return somebody.client.post(f"/owner/payments/{payment_id}/refund", data=hidden(page))


def work(app, clock):
    with app.app_context():
        run_jobs(now=clock())


def dispute(app, line, payment_id, state, **more):
    """Let the payment be disputed, and look."""
    with app.test_request_context():
        payment = db.session.get(Payment, payment_id)
        line.dispute(payment, state, **more)
        ref = payment.provider_ref
        db.session.rollback()
        look(line, ref, now=app.extensions["clock"]())


# -- Giving money back ------------------------------------------------------------------------


@pytest.mark.clause("C03")
def test_money_goes_back_after_a_second_press_and_the_guest_is_told_why(
    place, enters, payment_id, clock
):
    staff = enters(STAFF)
    reference, came, _ = told(place, payment_id)

    asked = fill(staff, payment_id)
    before = told(place, payment_id)[2]
    done = press(staff, payment_id, asked)
    page = words(staff.get(done.location))
    work(place, clock)

    assert (asked.status_code, before) == (200, [])
    assert "Give back €12.50?" in words(asked)
    assert done.location == f"/owner/reservations/{reference}?done=refunded#payments"
    assert told(place, payment_id)[2] == [(1250, "goodwill", NOTE)]
    assert "The money is on its way back" in page
    assert "Refund, by the house" in page
    assert NOTE in page
    mail = newest_mail(place)
    text = " ".join(mail.get_content().split())
    assert mail["To"].addresses[0].addr_spec == "ada@example.org"
    assert "€12.50" in text
    assert "make up for something" in text
    assert "heating" not in text
    after = words(staff.get(f"/owner/reservations/{reference}"))
    assert "done" in after
    assert came > 1250


@pytest.mark.clause("C03")
def test_two_presses_of_one_form_send_the_money_once(place, enters, payment_id, clock):
    staff = enters(STAFF)
    asked = fill(staff, payment_id)

    answers = [press(staff, payment_id, asked) for _ in range(3)]
    work(place, clock)

    assert [one.status_code for one in answers] == [303, 303, 303]
    assert len(told(place, payment_id)[2]) == 1


def test_two_forms_send_two_equal_amounts(place, enters, payment_id):
    staff = enters(STAFF)

    for _ in range(2):
        assert press(staff, payment_id, fill(staff, payment_id)).status_code == 303

    assert len(told(place, payment_id)[2]) == 2


def test_what_changed_since_the_page_was_drawn_is_said_and_nothing_is_sent(
    place, enters, payment_id, clock
):
    staff = enters(STAFF)
    asked = fill(staff, payment_id)
    with place.app_context():
        request_refund(lock_payment(payment_id), 100, reason="owner", now=clock())
        db.session.commit()

    answer = press(staff, payment_id, asked)

    assert answer.status_code == 409
    assert "Meanwhile something else has changed" in words(answer)
    assert len(told(place, payment_id)[2]) == 1


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ({"amount": "99999"}, 409, "more than is left"),
        ({"amount": "0"}, 409, "more than is left"),
        ({"amount": "12.505"}, 422, "finer than the currency goes"),
        ({"amount": "-5"}, 422, "write the amount like this"),
        ({"amount": ""}, 422, "Please enter how much goes back"),
        ({"because": None}, 422, "Please choose a reason."),
        ({"because": "bribe"}, 422, "choose one from the list"),
        ({"note": "x" * 501}, 422, "at most"),
        ({"note": "4111 1111 1111 1111"}, 422, "card number"),
        ({"form_id": "x"}, 422, ""),
        ({"left": "many"}, 422, ""),
        ({"left": "9" * 30}, 422, ""),
    ],
)
def test_what_cannot_be_is_refused_beside_the_field_and_kept(
    place, enters, payment_id, typed, status, said
):
    staff = enters(STAFF)

    answer = fill(staff, payment_id, **typed)

    assert answer.status_code == status
    assert said in words(answer)
    assert "4111" not in answer.text
    assert told(place, payment_id)[2] == []
    if "amount" in typed:
        soup = BeautifulSoup(answer.text, "html.parser")
        assert soup.select_one("#amount")["value"] == typed["amount"]


def test_an_amount_changed_on_the_way_is_asked_for_again(place, enters, payment_id):
    staff = enters(STAFF)
    asked = fill(staff, payment_id)
    sent = {**hidden(asked), "amount": "20.00"}

    answer = staff.client.post(f"/owner/payments/{payment_id}/refund", data=sent)

    assert "Give back €20.00?" in words(answer)
    assert told(place, payment_id)[2] == []


def test_the_amount_is_read_as_the_language_of_the_page_writes_it(place, enters, payment_id):
    staff = enters(STAFF)
    page = staff.get(f"/owner/payments/{payment_id}/refund?lang=de")
    sent = {**hidden(page), "because": "mistake", "amount": "12,50"}
    path = f"/owner/payments/{payment_id}/refund?lang=de"

    asked = staff.client.post(path, data=sent)
    done = staff.client.post(path, data=hidden(asked))

    assert done.status_code == 303
    assert told(place, payment_id)[2] == [(1250, "mistake", None)]


def test_the_page_proposes_what_the_terms_give_and_all_that_is_left(enters, payment_id, place):
    staff = enters(STAFF)
    came = told(place, payment_id)[1]

    page = staff.get(f"/owner/payments/{payment_id}/refund")
    chosen = staff.get(f"/owner/payments/{payment_id}/refund?minor={came}")
    nonsense = staff.get(f"/owner/payments/{payment_id}/refund?minor=x")

    assert "all that is left" in words(page)
    assert "which the terms would give back today" in words(page)
    amount = BeautifulSoup(chosen.text, "html.parser").select_one("#amount")["value"]
    assert amount == f"{came // 100}.{came % 100:02}"
    assert nonsense.status_code == 200


@pytest.mark.clause("C03")
def test_a_dispute_forbids_it_in_words(place, enters, line, payment_id):
    staff = enters(STAFF)
    asked = fill(staff, payment_id)
    dispute(place, line, payment_id, "open")

    opened = staff.get(f"/owner/payments/{payment_id}/refund")
    pressed = press(staff, payment_id, asked)

    assert "dispute about this payment decides" in words(opened)
    assert pressed.status_code == 409
    assert "dispute about this payment decides" in words(pressed)
    assert told(place, payment_id)[2] == []


# -- Who may ----------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_readers_see_and_staff_act_and_guests_find_nothing(place, enters, payment_id):
    reference = told(place, payment_id)[0]
    path = f"/owner/payments/{payment_id}/refund"
    reader, staff, guest = enters(READER), enters(STAFF), enters("guest")

    assert reader.get("/owner/payments").status_code == 200
    assert reader.get(path).status_code == 403
    assert reader.post(path).status_code == 403
    assert reader.post("/owner/payments/look").status_code == 403
    assert buttons(reader.get("/owner/payments")) == {"/account/sign-out"}
    assert path not in reader.get(f"/owner/reservations/{reference}").text
    assert path in staff.get(f"/owner/reservations/{reference}").text
    assert {guest.get(one).status_code for one in (path, "/owner/payments")} == {404}
    assert guest.post(path).status_code == 404


@pytest.mark.clause("C04")
def test_money_asks_again_who_it_is(place, enters, payment_id, clock):
    staff = enters(OWNER)
    asked = fill(staff, payment_id)
    clock.move(timedelta(minutes=11))

    opened = staff.get(f"/owner/payments/{payment_id}/refund?minor=5")
    pressed = press(staff, payment_id, asked)

    confirm = f"/account/confirm?next=/owner/payments/{payment_id}/refund"
    assert opened.location == pressed.location == confirm
    assert told(place, payment_id)[2] == []


def test_what_was_never_paid_has_no_page(place, enters, line, clock):
    with place.test_request_context():
        wish = stay("reed-room", FIRST, FIRST + timedelta(days=2))
        reference = book(wish, now=clock(), who=ADA, firm=False)
        reservation = db.session.scalar(
            sa.select(Reservation).where(Reservation.reference == reference)
        )
        attempt_id = begin(reservation, now=clock()).id

    assert enters(STAFF).get(f"/owner/payments/{attempt_id}/refund").status_code == 404


# -- How everything stands --------------------------------------------------------------------


def test_the_page_of_payments_says_what_came_and_that_all_agrees(place, enters, payment_id):
    reference, came, _ = told(place, payment_id)
    page = words(enters(READER).get("/owner/payments"))

    assert "Everything agrees" in page
    assert f"May 2031 €{came / 100:.2f} €0.00 €0.00 €{came / 100:.2f}" in page
    assert f"Payment {reference}" in page
    assert "Ada" not in page


@pytest.mark.clause("C03")
def test_a_dispute_is_shown_with_its_clock_and_what_helps(place, enters, line, payment_id, clock):
    reference = told(place, payment_id)[0]
    due = clock() + timedelta(days=9, hours=1)
    dispute(place, line, payment_id, "open", due=due, reason="duplicate")
    reader = enters(READER)

    page = words(reader.get("/owner/payments"))
    own = words(reader.get(f"/owner/reservations/{reference}"))

    for shown in (page, own):
        assert "Answer at the demo bank by Wednesday, 14 May 2031" in shown
        assert "9 days left" in shown
        assert "they paid twice" in shown
    assert "What helps: What each of the two payments was for" in own


def test_of_very_many_that_do_not_agree_the_first_hundred_are_shown(place, enters, clock):
    """Whatever went wrong, the page opens, and says how many more there are."""
    with place.app_context():
        offer = db.session.scalar(sa.select(OfferRow).where(OfferRow.kind == "stay"))
        first = clock().date() + timedelta(days=10)
        for ahead in range(103):
            night = first + timedelta(days=ahead)
            db.session.add(Night(offer_id=offer.id, night=night, capacity=offer.units, taken=1))
        db.session.commit()

    page = words(enters(READER).get("/owner/payments"))

    assert page.count("More or fewer places are counted") == 100
    assert "3 more don’t agree" in page


def test_a_mismatch_says_what_to_do_and_leads_to_its_reservation(place, enters, payment_id):
    reference = told(place, payment_id)[0]
    with place.app_context():
        db.session.execute(sa.update(Reservation).values(paid_minor=1))
        db.session.commit()

    page = enters(READER).get("/owner/payments")

    assert "What counts as paid for a reservation isn’t what its payments brought." in words(page)
    assert "Press “Look again at the provider” at the payment." in words(page)
    assert f'/owner/reservations/{reference}#payments"' in page.text


def test_looking_again_asks_the_provider_and_writes_it_down(place, enters, line, payment_id):
    staff = enters(STAFF)
    reference = told(place, payment_id)[0]
    with place.app_context():
        payment = db.session.get(Payment, payment_id)
        line.dispute(payment, "open")

    answer = staff.post(f"/owner/payments/{payment_id}/look")
    page = words(staff.get(answer.location))
    with line.broken("cut"):
        silent = staff.post(f"/owner/payments/{payment_id}/look")

    assert answer.location == f"/owner/reservations/{reference}?done=looked#payments"
    assert "says the same as this page" in page
    assert "Dispute about" in page
    assert "done=silent" in silent.location


def test_looking_at_everything_is_left_to_the_worker(place, enters, line, payment_id, clock):
    staff = enters(STAFF)
    with place.app_context():
        line.dispute(db.session.get(Payment, payment_id), "open")

    answer = staff.post("/owner/payments/look")
    with place.app_context():
        topics = set(db.session.scalars(sa.select(Job.topic).where(Job.done_at.is_(None))))
    work(place, clock)

    assert answer.location == "/owner/payments?done=asked"
    assert "payments.reconcile" in topics
    assert "Answer at the demo bank" in words(staff.get("/owner/payments"))


def test_the_form_asks_for_nothing_personal_but_the_note():
    asked = {one.name: one.collects for one in RefundForm.questions()}

    assert asked == {"amount": (), "because": (), "note": ("refund.note",)}


def test_the_page_of_payments_takes_a_few_statements(place, enters, payment_id, count_queries):
    reader = enters(READER)
    reader.get("/owner/payments")

    with count_queries() as sent:
        reader.get("/owner/payments")

    assert len(sent) <= 30, len(sent)


# -- Made good outside ------------------------------------------------------------------------


@pytest.mark.clause("C03")
def test_who_of_the_house_gave_money_back_outside_notes_it_and_it_leaves_the_list(
    place, enters, payment_id, line, clock
):
    staff, reader = enters(STAFF), enters(READER, "rita@house.example")
    press(staff, payment_id, fill(staff, payment_id))
    work(place, clock)
    with place.test_request_context():
        payment = db.session.get(Payment, payment_id)
        ref = payment.provider_ref
        bank_says(back_at_bank(payment)[0].ref, "failed")
        look(line, ref, now=clock())
        refund_id = db.session.scalar(sa.select(Refund.id))
        reference = db.session.get(Payment, payment_id).reservation.reference
    path = f"/owner/payments/refunds/{refund_id}"
    listed = words(staff.get("/owner/payments"))

    empty, refused = staff.post(path, note=NOTE), reader.get(path)
    done = staff.post(path, by="transfer", note=NOTE)
    again = staff.get(path)
    page = words(staff.get(done.location))

    assert "A refund didn’t get through." in listed
    assert (empty.status_code, refused.status_code, again.status_code) == (422, 403, 404)
    assert "How did you give it back? " in words(empty)
    assert done.location.startswith(f"/owner/reservations/{reference}")
    assert "By bank transfer" in page
    assert NOTE in page
    assert "A refund didn’t get through." not in words(staff.get("/owner/payments"))
    assert "Money that needs a look" not in words(staff.get("/owner/"))
