"""The day is on one page: who comes, stays and leaves, their wishes, and what needs somebody."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.booking.models import Reservation
from app.booking.prices import SessionWish, StayWish
from app.booking.shop import shop
from app.continuity.models import BOOK, BackupRun
from app.core import outbox
from app.core.database import db
from app.core.outbox import MOST_ATTEMPTS, Job, enqueue, run_due
from app.guestbook import messages
from app.guestbook.models import GUEST
from app.guestbook.wishes import Wishes, put_wishes
from app.owner.today_routes import start_in_address
from app.privacy import models as requests_model
from app.privacy import requests
from tests.accounts.ways import sign_in
from tests.owner.guests import book, details, seats, stay
from tests.owner.house import words

TODAY = date(2031, 5, 5)
DAY = timedelta(days=1)
ADA = details("Ada Lovelace", "ada@example.org")
BO = details("Bo Ek", "bo@example.org")


def part(page, heading):
    """Return the section of a page that has a heading of that id."""
    return page.text.split(f'id="{heading}"')[1].split("</section>")[0]


def found(reference):
    return db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))


def wish(reference, now, **said):
    put_wishes(found(reference), Wishes(**said), agreed=True, zone=shop().venue.zone, now=now)
    db.session.commit()


def extra(code, number=1):
    every = {one.code: one for one in shop().catalogue.extras}
    return (every[code], number)


@pytest.fixture
def ada(place, clock):
    """Ada arrives today with breakfast, and asked for something."""
    with place.app_context():
        offer = shop().catalogue.stay("reed-room")
        arrives = StayWish(offer, TODAY, TODAY + 2 * DAY, 2, 1, (extra("breakfast"),))
        reference = book(arrives, now=clock(), who=ADA)
        wish(reference, clock(), arrival="21:30", bed="two", diet="no nuts")
    return reference


# -- Stays ------------------------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_who_arrives_is_shown_with_room_party_extras_and_wishes(owner, ada):
    arrivals = part(owner.get("/owner/"), "arrivals")

    for said in ("Bekassine", "Ada Lovelace", "2 adults, 1 child", "Breakfast × 6"):
        assert said in arrivals
    for said in ("21:30", "Two beds", "no nuts"):
        assert said in arrivals


@pytest.mark.clause("C18")
def test_wishes_are_in_front_of_the_house_on_the_days_of_the_stay_and_on_no_other(
    place, owner, ada, clock
):
    before = owner.get("/owner/?day=2031-05-04")
    looked_at = owner.get("/owner/?day=2031-05-06")
    on_its_page = owner.get(f"/owner/reservations/{ada}")
    with place.app_context():
        tomorrow = book(stay("boathouse", TODAY + DAY, TODAY + 3 * DAY), now=clock(), who=BO)
        wish(tomorrow, clock(), diet="no milk")
    ahead = owner.get("/owner/?day=2031-05-06")

    assert "no nuts" not in before.text + looked_at.text
    assert "Ada Lovelace" in part(looked_at, "in-house")
    assert "Bo Ek" in part(ahead, "arrivals")
    assert "no milk" not in ahead.text
    assert "no milk" not in owner.get(f"/owner/reservations/{tomorrow}").text
    assert "no nuts" in on_its_page.text


def test_a_balance_is_shown_while_it_is_owed(place, owner, ada):
    nothing_owed = part(owner.get("/owner/"), "arrivals")
    with place.app_context():
        reservation = found(ada)
        reservation.paid_minor = reservation.total_minor - 12_50
        reservation.deposit_minor = 100
        reservation.balance_due_at = reservation.first_start
        db.session.commit()

    assert "owed" not in nothing_owed
    assert "€12.50 owed" in part(owner.get("/owner/"), "arrivals")


@pytest.mark.clause("C17")
def test_coming_and_leaving_are_noted_with_one_press_on_the_day_itself(place, owner, ada, clock):
    def press(page, heading):
        form = BeautifulSoup(part(page, heading), "html.parser").form
        values = {one["name"]: one["value"] for one in form.find_all("input")}
        return owner.post(form["action"], data=values)

    came = press(owner.get("/owner/"), "arrivals")
    after = owner.get("/owner/")
    ahead = owner.get("/owner/?day=2031-05-07")
    clock.move(timedelta(hours=1))
    clock.set(clock() + 2 * DAY)
    sign_in(place, clock, owner)
    left = press(owner.get("/owner/"), "departures")

    assert (came.status_code, left.status_code) == (303, 303)
    assert came.location.startswith("/owner/?done=check_in&line=")
    said = owner.get(came.location)
    assert "Noted: they are here." in words(said)
    assert 'href="/owner/board/' in said.text
    assert "is here" in part(after, "arrivals")
    assert "<form" not in part(after, "arrivals") + part(ahead, "departures")
    assert "has left" in part(owner.get("/owner/"), "departures")


@pytest.mark.clause("C17")
def test_who_leaves_without_having_been_noted_as_here_is_noted_with_one_press(place, owner, clock):
    with place.app_context():
        book(stay("lagoon-suite", TODAY - 2 * DAY, TODAY), now=clock(), who=BO)
    form = BeautifulSoup(part(owner.get("/owner/"), "departures"), "html.parser").form

    left = owner.post(form["action"], data={one["name"]: one["value"] for one in form("input")})

    assert left.status_code == 303
    assert "has left" in part(owner.get("/owner/"), "departures")


def test_rooms_to_clean_and_to_make_ready_are_named(place, owner, ada, clock):
    with place.app_context():
        book(stay("lagoon-suite", TODAY - 2 * DAY, TODAY), now=clock(), who=BO)

    rooms = part(owner.get("/owner/"), "rooms")

    assert "To clean</dt><dd>Kranich" in rooms
    assert "To make ready</dt><dd>Bekassine" in rooms


def test_another_day_can_be_looked_at(owner, ada):
    arrives = owner.get("/owner/?day=2031-05-05")
    leaves = owner.get("/owner/?day=2031-05-07")

    assert "Ada Lovelace" in part(arrives, "arrivals")
    assert "Ada Lovelace" in part(leaves, "departures")
    assert "Wednesday 7 May 2031" in leaves.text.replace(",", "")
    assert 'href="/owner/?day=2031-05-08"' in leaves.text


@pytest.mark.parametrize(
    ("day", "status"),
    [("2031-02-30", 422), ("yesterday", 422), ("2031-05-05x", 422), ("", 200), ("1900-01-01", 404)],
)
def test_a_day_that_there_is_not_is_answered_beside_its_field(owner, day, status):
    assert owner.get(f"/owner/?day={day}").status_code == status


@pytest.mark.parametrize("day", ["1900-01-02", "2200-12-30", "0001-01-01", "9999-12-31"])
def test_no_day_is_too_far_for_an_answer(owner, day):
    assert owner.get(f"/owner/?day={day}").status_code in (200, 404, 422)


# -- Sessions ---------------------------------------------------------------------------------


def sauna(day, clock, *parties):
    """Book seats in the sauna of a day; return its start."""
    start = shop().catalogue.session("sauna").schedule.occurrences(day, day)[0].starts_at
    for who, adults in parties:
        book(seats("sauna", start, adults), now=clock(), who=who)
    return start


@pytest.mark.clause("C18")
def test_a_manifest_has_who_comes_with_seats_extras_and_what_they_asked_for(place, owner, clock):
    with place.app_context():
        offer = shop().catalogue.session("sauna")
        start = offer.schedule.occurrences(TODAY, TODAY)[0].starts_at
        parcel = SessionWish(offer, start, 2, 1, (extra("sea-buckthorn-parcel", 2),))
        address = {"country": "DE", "street_address": "Gasse 1", "city": "Bonn"}
        posted = {**ADA, "shipping_address": address}
        reference = book(parcel, now=clock(), who=posted)
        wish(reference, clock(), words="We sing.")
        book(seats("sauna", start, 1), now=clock(), who=BO)
        path = f"/owner/manifest/sauna/{start_in_address(start)}"

    today, sheet = owner.get("/owner/"), owner.get(path)

    assert f'href="{path}"' in part(today, "sessions")
    for said in ("4 of 6 seats", "Ada Lovelace", "2 adults, 1 child", "parcel × 2", "We sing."):
        assert said in words(sheet)


def test_a_manifest_is_of_one_start_alone(place, owner, clock):
    with place.app_context():
        first = sauna(TODAY + DAY, clock, (ADA, 2))
        other = sauna(TODAY + 2 * DAY, clock, (BO, 2))

    sheet = owner.get(f"/owner/manifest/sauna/{start_in_address(first)}")

    assert "Ada Lovelace" in sheet.text
    assert "Bo Ek" not in sheet.text
    assert owner.get(f"/owner/manifest/kayak-tour/{start_in_address(other)}").status_code == 404


@pytest.mark.parametrize("start", ["nothing", "20310505T1500", "²0310505T1500Z", "99999999T9999Z"])
def test_a_session_that_there_is_not_has_no_manifest(owner, start):
    assert owner.get(f"/owner/manifest/sauna/{start}").status_code == 404


# -- What needs somebody ----------------------------------------------------------------------


@pytest.fixture
def gave_up(place, clock, monkeypatch):
    """A mail that ran out of tries; returns what may mend its way."""
    broken = [True]

    def send(_payload, _now):
        if broken:
            raise OSError("relay away")

    monkeypatch.setitem(outbox._handlers, "test-mail", send)
    with place.app_context():
        enqueue("test-mail", {"template": "confirmed"}, now=clock())
        db.session.commit()
        for _ in range(MOST_ATTEMPTS):
            run_due(now=clock.move(timedelta(days=3)))
    return broken.clear


@pytest.mark.clause("C17")
def test_a_mail_that_gave_up_is_a_need_until_it_is_tried_again(place, gave_up, clock, enters):
    staff = enters("staff", "sam@house.example")
    before = staff.get("/owner/")
    listed = staff.get("/owner/given-up")
    gave_up()

    answer = staff.post("/owner/given-up")
    with place.app_context():
        run_due(now=clock.move(timedelta(seconds=1)))
        done = db.session.scalars(sa.select(Job.done_at)).all()
    after = staff.get("/owner/")

    assert "1 mail or task couldn’t be done" in part(before, "needs")
    assert "OSError" in listed.text
    assert (answer.status_code, answer.location) == (303, "/owner/given-up?again=1")
    assert None not in done
    assert "/owner/given-up" not in after.text
    assert "is tried again now" in staff.get(answer.location).text


def test_trying_again_is_in_the_trail_and_not_for_who_only_reads(place, gave_up, enters):
    reader, staff = enters("reader", "ria@house.example"), enters("staff", "sam@house.example")

    refused = reader.post("/owner/given-up")
    not_shown = reader.get("/owner/")
    staff.post("/owner/given-up")

    with place.app_context():
        rows = db.session.execute(sa.text("SELECT verb, detail FROM audit_entry")).all()
    assert refused.status_code == 403
    assert "/owner/given-up" not in not_shown.text
    assert [row.verb for row in rows].count("jobs.tried_again") == 1


# -- Messages, requests and backups -------------------------------------------------------------


@pytest.mark.clause("C17")
def test_a_message_that_nobody_has_read_is_a_need_that_leads_to_it(place, ada, clock, enters):
    staff = enters("staff", "sam@house.example")
    before = staff.get("/owner/")
    with place.app_context():
        messages.write(found(ada).id, GUEST, "May we come at ten?", now=clock())
        db.session.commit()

    told, listed = staff.get("/owner/"), staff.get("/owner/messages")
    staff.get(f"/owner/reservations/{ada}")
    after = staff.get("/owner/")

    assert "/owner/messages" not in before.text + after.text
    assert "1 message of a guest isn’t read yet." in part(told, "needs")
    assert f"/owner/reservations/{ada}#messages" in listed.text
    assert "May we come" not in listed.text + told.text
    assert "Every message is read." in words(staff.get("/owner/messages"))


@pytest.mark.clause("C26")
def test_a_request_about_personal_data_is_a_need_with_its_clock(place, ada, clock, enters):
    staff, reader = enters("staff", "sam@house.example"), enters("reader", "ria@house.example")
    before = staff.get("/owner/")
    with place.app_context():
        requests.record(found(ada).person_id, requests_model.OBJECT, words="", now=clock())
        db.session.commit()
    clock.move(timedelta(minutes=5))

    told, not_theirs = staff.get("/owner/"), reader.get("/owner/")

    assert "/owner/requests#" not in before.text
    assert "1 request about personal data waits" in part(told, "needs")
    assert "personal data waits" not in not_theirs.text


@pytest.mark.clause("C14")
def test_backups_that_are_late_or_failed_are_a_need(place, clock, enters):
    staff = enters("staff", "sam@house.example")
    before = staff.get("/owner/")
    with place.app_context():
        db.session.add(BackupRun(kind=BOOK, begun_at=clock(), name="x", failure="OSError"))
        db.session.commit()

    after = staff.get("/owner/")

    assert "backup" not in words(before)
    assert "The newest backup failed." in part(after, "needs")


# -- What it costs, and who is told -----------------------------------------------------------


def test_the_day_costs_the_same_however_full_it_is(place, owner, clock, count_queries):
    owner.get("/owner/")
    costs = []
    for number in range(2):
        with place.app_context():
            for room in ("lagoon-suite", "reed-room"):
                who = details(f"{room} {number}", f"{room}{number}@example.org")
                reference = book(stay(room, TODAY, TODAY + 2 * DAY), now=clock(), who=who)
                wish(reference, clock(), words="quiet")
            sauna(TODAY, clock, (ADA, 1))
        owner.get("/owner/")
        with count_queries() as sent:
            owner.get("/owner/")
        costs.append(len(sent))

    assert costs[0] == costs[1] <= 17


@pytest.mark.clause("C04")
def test_whose_day_was_looked_at_is_told(place, owner, ada, client):
    owner.get("/owner/?day=2031-05-06")

    with place.app_context():
        noted = db.session.execute(sa.text("SELECT what FROM reading")).scalars().all()
    assert noted == ["list"]
