"""The house books for who calls or stands at the door: the prices and places of the site."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import READER, STAFF
from app.booking.holds import release_run_out
from app.booking.inventory import PlacesTaken
from app.booking.links import checkout_key, guest_key
from app.booking.models import CONFIRMED, HELD, RELEASED, Reservation
from app.booking.prices import quote
from app.booking.reservations import cancel, get_for_update, prove
from app.booking.shop import shop
from app.core.audit import AuditEntry
from app.core.database import db
from app.owner.by_phone import AT_PLACE, LINK, PHONE, WALK_IN, Asked, Terms, check, make
from app.payments.audit import audit
from app.payments.models import Payment
from app.policy.models import Agreement
from tests.accounts.ways import mails
from tests.owner.guests import details, stay
from tests.owner.house import buttons, words
from tests.payments.till import run_jobs

NEW = "/owner/reservations/new"
NIGHTS = "offer=reed-room&arrive=2031-06-02&depart=2031-06-04&adults=2&children=0"
FIRST, DAY = date(2031, 6, 2), timedelta(days=1)
ADA = details("Ada Lovelace", "ada@example.org")


def sheet(page):
    """Return what the form for the details would send back as it was drawn."""
    soup = BeautifulSoup(page.text, "html.parser")
    form = next(
        f
        for f in soup.select("main form")
        if f.get("method") == "post" and f.select_one("[name=pays]")
    )
    found = {
        i["name"]: i.get("value", "") for i in form.select("input[type=hidden], input[type=date]")
    }
    found["language"] = form.select_one("select[name=language] option[selected]")["value"]
    return found | {"phone_country": "DE", "source": "phone", "pays": "at_place"}


def fill(somebody, query=NIGHTS, **typed):
    """Open the page with what is asked for, and send the details; return the answer."""
    page = somebody.get(f"{NEW}?{query}")
    sent = {**sheet(page), "name": "Ada Lovelace", "email": "ada@example.org", **typed}
    return somebody.client.post(f"{NEW}?{query}", data=sent)


def made(app):
    """Return the reservations that the house made, as they are now."""
    with app.app_context():
        query = sa.select(Reservation).where(Reservation.source != "web")
        rows = db.session.scalars(query.order_by(Reservation.id)).all()
        return [(one.status, one.source, one.total_minor, one.paid_minor) for one in rows]


def reservation(app):
    """Return the only reservation, with its lines and its keys."""
    with app.app_context():
        found = db.session.scalar(sa.select(Reservation))
        return found.reference, guest_key(found), checkout_key(found), found.held_until


@pytest.mark.clause("C17")
def test_a_booking_by_telephone_is_firm_unpaid_and_costs_what_the_site_says(place, enters):
    staff = enters(STAFF)
    page = staff.get(f"{NEW}?{NIGHTS}")

    answer = fill(staff)
    with place.test_request_context():
        here = shop().catalogue
        expected = quote(here, [stay("reed-room", FIRST, FIRST + 2 * DAY)]).total_minor

    assert page.status_code == 200
    assert answer.status_code == 303
    assert made(place) == [(CONFIRMED, "phone", expected, 0)]
    shown = words(staff.get(answer.location))
    assert "The reservation is made" in shown
    assert "are paid at the place" in shown
    assert "Made the reservation for a guest" in shown
    with place.app_context():
        assert db.session.scalars(sa.select(Payment)).all() == []
        assert audit(now=place.extensions["clock"]()).mismatches == ()
        assert prove(now=place.extensions["clock"]()) == []
        entries = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.kind == "reservation"))
        assert [one.verb for one in entries] == ["reservation.made"]


@pytest.mark.clause("C05")
def test_nobody_agrees_for_the_guest_who_says_so_on_their_own_page(place, client, enters):
    staff = enters(STAFF)
    done = fill(staff)
    reference, key, _, _ = reservation(place)
    own = f"/reservations/{reference}?key={key}"
    before = (_agreed(place), words(client.get(own)))
    seen = words(staff.get(done.location))

    answer = client.post(f"/reservations/{reference}/agree?key={key}")
    after = words(client.get(own))

    assert before[0] == 0
    assert "I agree to the terms" in before[1]
    assert "You pay at the place" in before[1]
    assert "hasn’t said yes" in seen
    assert answer.status_code == 303
    assert _agreed(place) == 2
    assert "I agree to the terms" not in after
    client.post(f"/reservations/{reference}/agree?key={key}")
    assert _agreed(place) == 2


def _agreed(app):
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(Agreement))


def test_the_confirmation_says_who_booked_and_that_it_is_paid_at_the_place(place, enters):
    fill(enters(STAFF))

    text = " ".join(mails(place)[-1].get_body().get_content().split())

    assert "We booked this for you" in text
    assert "You pay at the place" in text


@pytest.mark.clause("C07")
def test_somebody_at_the_door_needs_no_address_and_is_mailed_nothing(place, client, enters):
    staff = enters(STAFF)

    answer = fill(staff, source="walk_in", email="")
    letters = mails(place)
    reference, key, _, _ = reservation(place)
    page = words(staff.get(answer.location))
    own = words(client.get(f"/reservations/{reference}?key={key}"))
    staff.post(f"/owner/reservations/{reference}/messages", body="Your key is at the desk")

    assert made(place)[0][:2] == (CONFIRMED, "walk_in")
    assert letters == mails(place) == []
    assert "gave no e-mail address" in page
    assert "no address to send it to" in page
    assert "keep the address of this page" in own
    assert "None" not in own


@pytest.mark.clause("C17")
def test_a_link_to_pay_holds_the_places_until_its_day_and_leads_over_the_terms(
    place, client, enters, clock
):
    staff = enters(STAFF)

    answer = fill(staff, pays="link", until="2031-05-09")
    _, _, checkout, until = reservation(place)
    letter = mails(place)[-1]
    clock.move(timedelta(days=3))
    page = client.get(f"/checkout/{checkout}")

    assert answer.location.endswith("?done=linked")
    assert made(place)[0][0] == HELD
    assert until == datetime(2031, 5, 9, 16, 0, tzinfo=UTC)
    assert f"/checkout/{checkout}" in letter.get_content()
    assert letter["To"].addresses[0].addr_spec == "ada@example.org"
    assert "Ada Lovelace" in page.text
    assert 'name="agrees"' in page.text
    clock.set(datetime(2031, 5, 9, 16, 1, tzinfo=UTC))
    with place.app_context():
        run_jobs(now=clock())
        release_run_out(now=clock())
    assert made(place)[0][0] == RELEASED


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"pays": "link", "email": ""}, "ask for an e-mail address"),
        ({"pays": "link", "until": "2031-05-04"}, "at most two weeks ahead"),
        ({"pays": "link", "until": "2031-06-01"}, "at most two weeks ahead"),
        ({"pays": "link", "until": ""}, "at most two weeks ahead"),
        ({"quoted": "another"}, "A price has changed"),
    ],
)
def test_what_cannot_be_made_is_refused_with_nothing_taken(place, enters, typed, said):
    answer = fill(enters(STAFF), **typed)

    assert answer.status_code == 409
    assert said in words(answer)
    assert 'value="Ada Lovelace"' in answer.text
    with place.app_context():
        assert prove(now=place.extensions["clock"]()) == []
    assert made(place) == []


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"name": ""}, 422),
        ({"pays": "gold"}, 422),
        ({"form_id": "x"}, 422),
        ({"language": "tlh"}, 422),
    ],
)
def test_a_form_with_a_fault_comes_back(place, enters, typed, status):
    assert fill(enters(STAFF), **typed).status_code == status
    assert made(place) == []


def test_one_form_pressed_three_times_makes_one_reservation(place, enters):
    staff = enters(STAFF)
    sent = {**sheet(staff.get(f"{NEW}?{NIGHTS}")), "name": "Ada", "email": "ada@example.org"}

    answers = [staff.client.post(f"{NEW}?{NIGHTS}", data=sent) for _ in range(3)]

    assert len({answer.location for answer in answers}) == 1
    assert len(made(place)) == 1
    assert len([m for m in mails(place) if "Your reservation" in str(m["Subject"])]) == 1


# -- What the house may and may not ------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("offer=reed-room&arrive=2031-06-02&depart=2031-07-20&adults=2", "at most"),
        ("offer=reed-room&arrive=2033-06-02&depart=2033-06-05&adults=2", "book until"),
    ],
)
def test_the_house_goes_beyond_limits_and_is_told(place, enters, query, note):
    staff = enters(STAFF)
    page = words(staff.get(f"{NEW}?{query}"))

    answer = fill(staff, query)

    assert "Visitors couldn’t book this; you can." in page
    assert note in page
    assert answer.status_code == 303


def test_a_session_that_is_about_to_begin_can_be_booked_at_the_door(place, enters, clock):
    staff = enters(STAFF)
    times = staff.get(f"{NEW}?offer=sauna&arrive=2031-05-05&adults=2")
    soup = BeautifulSoup(times.text, "html.parser")
    first = soup.select_one("a[href*=starts_at]")["href"]
    starts_at = datetime.fromisoformat(
        first.split("starts_at=")[1].split("&")[0].replace("%3A", ":").replace("%2B", "+")
    )
    clock.set(starts_at + timedelta(minutes=5))
    staff = enters(STAFF, "late@house.example")

    page = staff.get(first)
    answer = fill(staff, first.partition("?")[2], source="walk_in", email="")

    assert "Visitors couldn’t book this; you can." in words(page)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("offer=reed-room&arrive=2031-05-01&depart=2031-05-03&adults=2", "has passed"),
        ("offer=reed-room&arrive=2031-06-04&depart=2031-06-02&adults=2", "after the day"),
        ("offer=reed-room&arrive=2031-06-02&depart=2031-06-04&adults=9", "room for all of you"),
        ("offer=reed-room&arrive=2031-06-02&adults=2", "the day they leave"),
        ("offer=sauna&arrive=2031-06-03&starts_at=2031-06-03T01:23:00%2B00:00", "Nothing starts"),
    ],
)
def test_beds_and_days_bind_the_house_too(place, enters, query, said):
    staff = enters(STAFF)
    page = staff.get(f"{NEW}?{query}")

    assert said in words(page)
    assert "Who it is for" not in words(page)
    assert staff.post(f"{NEW}?{query}", name="Ada").status_code in (409, 422)
    assert made(place) == []


@pytest.mark.clause("C11")
def test_what_is_taken_cannot_be_given_twice(place, enters):
    staff = enters(STAFF)
    answers = [fill(staff).status_code for _ in range(5)]

    refused = fill(staff)

    assert set(answers) <= {303, 409}
    assert refused.status_code == 409
    with place.app_context():
        assert prove(now=place.extensions["clock"]()) == []


@pytest.mark.clause("C04")
def test_who_only_reads_makes_nothing(place, enters):
    reader = enters(READER)

    assert reader.get(f"{NEW}?{NIGHTS}").status_code == 403
    assert reader.post(f"{NEW}?{NIGHTS}", name="Ada").status_code == 403
    assert NEW not in reader.get("/owner/reservations").text
    assert made(place) == []


@pytest.mark.clause("C03")
def test_a_card_number_read_out_on_the_telephone_is_not_kept(place, enters):
    answer = fill(enters(STAFF), company="4111 1111 1111 1111")

    assert answer.status_code == 422
    assert "4111" not in answer.text


# -- The verb, on both databases ----------------------------------------------------------------


@pytest.mark.both_databases
def test_cancelling_what_was_never_paid_promises_nothing_back(place, clock):
    with place.test_request_context():
        here, now = shop().catalogue, clock()
        asked = Asked(here.stay("reed-room"), 2, 0, FIRST, FIRST + 2 * DAY)
        wish, note = check(asked, here, now=now)
        terms = Terms(PHONE, AT_PLACE)
        given = {"language": "en", "form_id": "a" * 32, "now": now}
        one, fresh = make(here, quote(here, [wish]), ADA, terms, **given)
        db.session.commit()
        again, twice = make(here, quote(here, [wish]), ADA, terms, **given)
        same = again.id == one.id
        db.session.commit()

        back = cancel(get_for_update(one.id), expected_refund=None, now=now)
        db.session.commit()

        assert (note, fresh, twice, same) == ("", True, False, True)
        assert back == 0
        assert prove(now=now) == []


@pytest.mark.both_databases
def test_places_that_are_gone_leave_nothing_behind(place, clock):
    with place.test_request_context():
        here, now = shop().catalogue, clock()
        wish = stay("boathouse", FIRST, FIRST + 2 * DAY)
        priced, terms = quote(here, [wish]), Terms(WALK_IN, LINK, date(2031, 5, 8))
        units = here.stay("boathouse").units
        for number in range(units):
            given = {"language": "en", "form_id": f"{number:032d}", "now": now}
            make(here, priced, ADA, terms, **given)
        db.session.commit()

        with pytest.raises(PlacesTaken):
            make(here, priced, ADA, terms, language="en", form_id="f" * 32, now=now)
        db.session.rollback()

        assert len(made(place)) == units
        assert prove(now=now) == []


def test_the_page_has_one_form_to_make_and_one_to_ask(enters):
    page = enters(STAFF).get(f"{NEW}?{NIGHTS}")

    assert any(str(one).startswith(f"{NEW}?") for one in buttons(page))
    assert NEW in buttons(page)
