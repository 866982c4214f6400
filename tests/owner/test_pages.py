"""The owner sees today, every reservation and what was paid; nobody else sees anything."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.booking.links import guest_key
from app.booking.models import Reservation
from app.booking.reservations import cancel, get_for_update
from app.booking.shop import shop
from app.core.database import db
from app.payments.models import Payment
from tests.accounts.ways import sign_in, token_on
from tests.house.routes import NOWHERE, addresses
from tests.owner.guests import book, details, seats, stay

TODAY = date(2031, 5, 5)
DAY = timedelta(days=1)
ADA = details("Ada Lovelace", "ada@example.org")
BO = details("Bo Ek", "bo@example.org")

PAGES = ("/owner/", "/owner/reservations", "/owner/mail")


def part(page, heading):
    """Return the section of a page that has a heading of that id."""
    return page.text.split(f'id="{heading}"')[1].split("</section>")[0]


def post(client, path, **data):
    """Post a form of a page of the owner's, with the session's token."""
    token = token_on(client.get("/owner/reservations"))
    return client.post(path, data={"csrf_token": token, **data})


def found(reference):
    return db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))


@pytest.fixture
def ada(place, clock):
    """Ada arrives today, for two nights in the Reed Room."""
    with place.app_context():
        return book(stay("reed-room", TODAY, TODAY + 2 * DAY), now=clock(), who=ADA)


# -- Who may see ------------------------------------------------------------------------------


@pytest.mark.clause("C04")
def test_every_address_below_owner_is_shut_to_strangers(place, client, ada):
    values = {**NOWHERE, "reference": ada, "name": "a.eml", "account_id": "1", "request_id": "1"}
    ways = [one for one in addresses(place, values) if one.rule.endpoint.startswith("owner.")]
    answers = []
    for rule, path in ways:
        method = "POST" if "POST" in rule.methods else "GET"
        answers.append(client.open(path, method=method))

    assert len(ways) >= 8
    assert all(answer.location.startswith("/account/sign-in") for answer in answers)
    assert all("Ada" not in answer.text for answer in answers)


@pytest.mark.parametrize("page", PAGES)
def test_no_copy_of_a_page_is_kept(owner, page):
    answer = owner.get(page, headers={"Accept-Encoding": "br, gzip"})

    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_open_before_there_is_a_place(app, clock, client, page):
    sign_in(app, clock, client)

    assert client.get(page).status_code == 200


# -- Today ------------------------------------------------------------------------------------


def test_who_arrives_leaves_and_stays_on_is_told_apart(place, owner, clock, ada):
    with place.app_context():
        now = clock()
        book(stay("lagoon-suite", TODAY - 2 * DAY, TODAY), now=now, who=BO)
        staying = details("Chen Wei", "chen@example.org")
        book(stay("boathouse", TODAY - DAY, TODAY + DAY), now=now, who=staying)
        book(stay("boathouse", TODAY + 3 * DAY, TODAY + 5 * DAY), now=now, who=BO)

    page = owner.get("/owner/")

    assert "Ada Lovelace" in part(page, "arrivals")
    assert "Bo Ek" in part(page, "departures")
    assert "Chen Wei" in part(page, "in-house")
    assert page.text.count("Chen Wei") == 2  # and among the newest
    assert "Bekassine" in part(page, "arrivals")
    assert "Bo Ek" not in part(page, "arrivals")


def test_a_cancelled_stay_is_not_expected(place, owner, clock):
    with place.app_context():
        reference = book(stay("reed-room", TODAY, TODAY + DAY), now=clock(), who=ADA)
        cancel(get_for_update(found(reference).id), expected_refund=None, now=clock())
        db.session.commit()

    page = owner.get("/owner/")

    assert "Ada" not in part(page, "arrivals")
    assert "cancelled" in part(page, "newest")


def test_sessions_say_how_full_they_are_and_who_comes(place, owner, clock):
    with place.app_context():
        tour = first_start("kayak-tour", TODAY + DAY)
        book(seats("kayak-tour", tour, 3), now=clock(), who=ADA)
        book(seats("kayak-tour", tour, 2), now=clock(), who=BO, firm=False)
        run_out = clock() - timedelta(hours=1)
        book(seats("kayak-tour", tour, 1), now=run_out, firm=False)

    sessions = part(owner.get("/owner/"), "sessions")

    assert "5 of 8" in sessions
    assert "Ada Lovelace" in sessions
    assert "Bo Ek</bdi></a> 2 (held)" in sessions


def first_start(slug, day):
    """Return the first start of a session from a day on."""
    schedule = shop().catalogue.session(slug).schedule
    return schedule.occurrences(day, day + 6 * DAY)[0].starts_at


def test_a_hold_is_shown_while_it_lasts(place, owner, clock):
    with place.app_context():
        book(stay("reed-room", TODAY + DAY, TODAY + 3 * DAY), now=clock(), firm=False)

    while_it_lasts = part(owner.get("/owner/"), "holds")
    for _ in range(3):
        clock.move(timedelta(minutes=12))
        owner.get("/owner/")  # or the session would end before the hold
    afterwards = part(owner.get("/owner/"), "holds")

    assert "Reed Room" in while_it_lasts
    assert "Nothing is held" in afterwards


# -- Lists and search -------------------------------------------------------------------------


def test_reservations_are_listed_by_status_and_page(place, owner, clock):
    with place.app_context():
        for week in range(26):
            first = TODAY + 7 * week * DAY
            book(stay("reed-room", first, first + 2 * DAY), now=clock(), who=ADA)
        held = book(stay("boathouse", TODAY, TODAY + 3 * DAY), now=clock(), firm=False)

    first = owner.get("/owner/reservations")
    second = owner.get("/owner/reservations?page=2")
    only_held = owner.get("/owner/reservations?status=held")

    assert first.text.count("<tr><td>") == 25
    assert second.text.count("<tr><td>") == 2
    assert only_held.text.count("<tr><td>") == 1
    assert held in only_held.text


@pytest.mark.parametrize(
    "query", ["status=gone", "page=0", "page=-1", "page=x", "page=99999999999999999999", "page=²"]
)
def test_a_list_that_does_not_exist_is_not_found(owner, query):
    assert owner.get(f"/owner/reservations?{query}").status_code == 404


def test_a_reservation_is_found_by_its_reference(owner, ada):
    answer = post(owner, "/owner/reservations", wanted=f" {ada.lower()} ")

    assert (answer.status_code, answer.location) == (303, f"/owner/reservations/{ada}")


@pytest.mark.parametrize("wanted", ["ada@example.org", " ADA@Example.org "])
def test_a_guest_is_found_by_the_whole_of_their_address(owner, ada, wanted):
    answer = post(owner, "/owner/reservations", wanted=wanted)

    assert answer.status_code == 200
    assert ada in answer.text


@pytest.mark.parametrize("wanted", ["ada@example.com", "da@example.org", "NOTTHERE", "%", "'--"])
def test_who_is_not_there_is_not_found(owner, ada, wanted):
    answer = post(owner, "/owner/reservations", wanted=wanted)

    assert answer.status_code == 200
    assert "No reservation was found." in answer.text


def test_a_search_for_nothing_is_asked_again(owner):
    answer = post(owner, "/owner/reservations", wanted=" ")

    assert answer.status_code == 422
    assert "Please enter a reference" in answer.text


# -- One reservation --------------------------------------------------------------------------


def test_everything_about_a_reservation_is_on_its_page(place, owner, clock):
    address = {"country": "GB", "street_address": "Regent’s Row 1", "city": "London"}
    who = details(
        "<b>Ada</b>",
        "ada@example.org",
        phone="+447400123456",
        company="Analytical Engines",
        wechat_id="ada_1815",
        billing_address=address,
    )
    with place.app_context():
        reference = book(stay("reed-room", TODAY, TODAY + 2 * DAY), now=clock(), who=who)
        reservation = found(reference)
        db.session.add(
            Payment(
                id="p-1",
                reservation_id=reservation.id,
                person_id=reservation.person_id,
                provider="demo",
                state="paid",
                amount_minor=reservation.total_minor,
                captured_minor=reservation.total_minor,
                currency="EUR",
                expires_at=clock(),
                created_at=clock(),
                changed_at=clock(),
            )
        )
        db.session.commit()

    page = owner.get(f"/owner/reservations/{reference}").text

    for text in (
        "&lt;b&gt;Ada&lt;/b&gt;",
        "Bekassine",
        "paid",
        "Terms, version 2",
        "Privacy policy, version ",
    ):
        assert text in page
    assert "<b>Ada" not in page


@pytest.mark.parametrize("reference", ["ABCD2345", "a", "é", "%27", "A" * 500])
def test_a_reservation_that_does_not_exist_is_not_found(owner, ada, reference):
    assert owner.get(f"/owner/reservations/{reference}").status_code == 404
    assert post(owner, f"/owner/reservations/{reference}/link").status_code == 404


def test_a_renewed_link_replaces_the_guests_old_one(place, owner, client, ada):
    with place.app_context():
        old = f"/reservations/{ada}?key={guest_key(found(ada))}"
    before = client.get(old).status_code

    answer = post(owner, f"/owner/reservations/{ada}/link")

    with place.app_context():
        new = guest_key(found(ada))
    assert before == 200
    assert answer.location == f"/owner/reservations/{ada}#link"
    assert client.get(old).status_code == 404
    assert client.get(f"/reservations/{ada}?key={new}").status_code == 200
    assert new in owner.get(f"/owner/reservations/{ada}").text


def test_a_link_is_renewed_by_the_owners_own_form_only(place, owner, ada):
    without_token = owner.post(f"/owner/reservations/{ada}/link")
    from_elsewhere = owner.post(
        f"/owner/reservations/{ada}/link", headers={"Origin": "https://evil.example"}
    )
    opened = owner.get(f"/owner/reservations/{ada}/link")

    with place.app_context():
        assert found(ada).link_serial == 1
    assert (without_token.status_code, from_elsewhere.status_code) == (400, 403)
    assert opened.status_code == 405


def test_fields_that_a_form_does_not_have_do_nothing(place, owner, ada):
    extra = {"status": "cancelled", "total_minor": "1", "person_id": "x", "link_serial": "9"}

    post(owner, f"/owner/reservations/{ada}/link", **extra)

    with place.app_context():
        reservation = found(ada)
        assert (reservation.status, reservation.link_serial) == ("confirmed", 2)
        assert reservation.total_minor > 1
        assert reservation.person_id != "x"


def test_money_that_needs_a_look_stands_on_the_first_page(place, owner, ada, clock):
    before = owner.get("/owner/")
    with place.app_context():
        reservation = found(ada)
        db.session.add(
            Payment(
                id="00000000-0000-4000-8000-000000000000",
                reservation_id=reservation.id,
                person_id=reservation.person_id,
                provider="demo",
                state="review",
                review="amount",
                amount_minor=reservation.total_minor,
                currency="EUR",
                expires_at=clock(),
                created_at=clock(),
                changed_at=clock(),
            )
        )
        db.session.commit()

    after = owner.get("/owner/")

    assert 'id="odd"' not in before.text
    assert ada in part(after, "odd")


# -- What it costs ----------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["/owner/", "/owner/reservations"])
def test_a_page_costs_the_same_with_many_reservations(place, owner, clock, count_queries, page):
    costs = []
    for month in range(2):
        with place.app_context():
            for room in ("reed-room", "lagoon-suite", "boathouse"):
                for week in range(month * 8, month * 8 + 2):
                    first = TODAY + 7 * week * DAY
                    wish = stay(room, first, first + 3 * DAY)
                    book(
                        wish, now=clock(), who=details(f"{room} {week}", f"{room}{week}@a.example")
                    )
        owner.get(page)
        with count_queries() as sent:
            owner.get(page)
        costs.append(len(sent))

    assert costs[0] == costs[1] <= 17


def test_one_reservation_costs_a_few_statements(owner, ada, count_queries):
    owner.get(f"/owner/reservations/{ada}")  # what every page knows by then
    with count_queries() as sent:
        owner.get(f"/owner/reservations/{ada}")

    assert len(sent) <= 26  # lines, guest, restrictions, money, thread, signals, history, mails
