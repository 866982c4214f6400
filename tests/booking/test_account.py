"""What a guest has an account for: bookings in one place, and details typed once (C05, C07)."""

import pytest
import sqlalchemy as sa

from app.accounts import readings
from app.accounts.claims import persons_of
from app.accounts.models import Account, Claim, Person
from app.booking.links import guest_url
from app.booking.models import Reservation
from app.core.database import db
from app.core.vault import dump_address, load_address, vault
from tests.accounts.guests import ALICE, BOB, Guest, book
from tests.accounts.ways import let_in, make_house
from tests.house.canaries import BILLING, SHIPPING
from tests.house.visitor import Visitor, reference_of

PAGE = "/account"
PARCEL = {"extra__sea__buckthorn__parcel": "1"}
AHEAD, PAST, CANCELLED, UNPAID = "After that", "Past", "Cancelled reservations", "Not paid yet"


@pytest.fixture
def alice(place, clock):
    return Guest(place, clock, ALICE)


@pytest.fixture
def bob(place, clock):
    return Guest(place, clock, BOB)


def under(page, title):
    """Return the references listed under a heading of the page."""
    for section in page.soup.select("main section"):
        if section.h2.get_text(strip=True) == title:
            return [tag.get_text() for tag in section.select("[translate=no]")]
    return []


def references(page):
    return [tag.get_text() for tag in page.soup.select("main [translate=no]")]


# -- The overview -----------------------------------------------------------------------------


def test_an_empty_account_says_what_will_be_here(alice):
    page = alice.open(PAGE)

    assert page.title == "Good to see you"
    assert "you find it here" in page.words
    links = {a["href"].partition("?")[0] for a in page.soup.select("main a")}
    assert links >= {
        "/search", "/account/profile", "/account/security", "/account/readings",
        "/account/activity",
    }  # fmt: skip


def test_a_guest_is_greeted_as_they_wish(place, alice):
    with place.app_context():
        person = alice.account().person
        person.name, person.title = "Alice Reiher", "Dr."
        db.session.commit()

    assert alice.open(PAGE).title == "Good to see you, Dr. Alice Reiher"


@pytest.mark.both_databases
def test_the_next_stay_comes_first_and_each_opens_its_page(alice):
    later = reference_of(alice.book(email=ALICE))
    alice.dates = {"arrive": "2031-05-20", "depart": "2031-05-22"}
    sooner = reference_of(alice.book(email=ALICE))

    page = alice.open(PAGE)

    assert references(page) == [sooner, later]
    assert page.soup.select_one(".letter .reference__text").get_text() == sooner
    assert under(page, AHEAD) == [later]
    for link in page.soup.select("main a[href*=reservations]"):
        assert reference_of(alice.open(link["href"])) in (sooner, later)


def test_what_is_over_and_what_was_cancelled_stand_apart(place, clock, alice):
    stayed = reference_of(alice.book(email=ALICE))
    alice.dates = {"arrive": "2031-07-20", "depart": "2031-07-22"}
    given_up = alice.book(email=ALICE)
    alice.send(given_up.form("/cancel"))
    waiting = alice.tell(alice.hold(alice.choose_stay("lagoon-suite")), email=ALICE)

    now = alice.open(PAGE)
    clock.set(clock().replace(month=6, day=6))
    alice.come_in(place, clock)
    afterwards = alice.open(PAGE)

    assert waiting.title == "Check and pay"
    assert len(under(now, UNPAID)) == 1
    assert under(now, CANCELLED) == [reference_of(given_up)]
    assert under(afterwards, PAST) == [stayed]
    assert under(afterwards, UNPAID) == []  # nobody paid, so nothing was reserved
    assert not afterwards.soup.select(".letter")


def test_a_stay_is_not_over_before_the_guest_has_left(place, clock, alice):
    alice.book(email=ALICE)  # until 5 June, in the morning

    found = []
    for hour in (7, 9):
        clock.set(clock().replace(month=6, day=5, hour=hour, minute=30))
        alice.come_in(place, clock)
        found.append(len(under(alice.open(PAGE), PAST)))

    assert found == [0, 1]


@pytest.mark.clause("C14")
def test_nobody_sees_what_is_anothers(alice, bob):
    reference = reference_of(alice.book(email=ALICE))

    page = bob.open(PAGE)

    assert reference not in page.text
    assert ALICE not in page.text
    assert references(page) == []


def copied(row, **changed):
    """Return a new row like another."""
    kept = {column.key: getattr(row, column.key) for column in sa.inspect(type(row)).columns}
    return type(row)(**{**kept, "id": None, **changed})


def book_more(place, guest, many):
    """Copy the guest's latest reservation, each with a claimed person of its own."""
    with place.app_context():
        one = db.session.scalars(sa.select(Reservation).order_by(Reservation.id.desc())).first()
        for number in range(many):
            person = Person(id=vault().new_person(), created_at=one.created_at)
            db.session.add(person)
            copy = copied(one, reference=f"C{many:02}{number:05}", person_id=person.id)
            copy.basket_id = None
            copy.lines = [copied(line, reservation_id=None) for line in one.lines]
            db.session.add(copy)
            db.session.flush()
            claim = Claim(person_id=person.id, account_id=guest.account_id)
            claim.claimed_at = one.created_at
            db.session.add(claim)
        db.session.commit()


def test_a_page_costs_a_few_statements_however_much_is_booked(place, alice, count_queries):
    alice.book(email=ALICE)
    found = []

    for many in (2, 57):
        book_more(place, alice, many)
        alice.open(PAGE)
        with count_queries() as sent:
            page = alice.open(PAGE)
        found.append((len(references(page)), len(sent)))

    assert [count for count, _ in found] == [3, 60]
    assert found[0][1] == found[1][1] <= 14


def test_the_house_finds_the_way_to_its_pages(place, clock):
    staff = Visitor(place, cookies=True)
    member = make_house(place, clock, "staff")
    let_in(place, clock, staff.client, member.account_id, strong=True)

    page = staff.open(PAGE)

    assert page.status == 200
    assert any(a["href"].partition("?")[0] == "/owner/" for a in page.soup.select("main a"))


def test_signing_out_is_a_button_on_the_page(alice):
    gone = alice.send(alice.open(PAGE).form("/account/sign-out"))

    assert gone.title == "You are signed out"
    assert alice.open(PAGE).status == 303


def test_made_up_words_in_the_address_are_not_repeated(alice):
    for done in ("<script>alert(1)</script>", "claim2", "x" * 300):
        page = alice.open(f"{PAGE}?done={done}")
        assert page.status == 200
        assert not page.soup.select("main .notice")
        assert "<script>alert" not in page.text


@pytest.mark.clause("C14")
def test_the_page_is_never_stored_and_names_of_others_are_text(place, alice):
    alice.book(email=ALICE, name="<b>Alice</b>")
    with place.app_context():
        alice.account().person.name = "<script>alert(1)</script>"
        db.session.commit()

    page = alice.open(PAGE)

    assert page.header("Cache-Control") == "no-store"
    assert not page.soup.select("main script, main b")
    assert "<script>alert(1)</script>" in page.title


# -- Shared pages -----------------------------------------------------------------------------


@pytest.mark.clause("C14")
@pytest.mark.parametrize("path", ["/", "/search", "/offers/reed-room", "/terms", "/contact"])
def test_who_is_signed_in_never_shows_on_a_page_for_everybody(place, alice, visitor, path):
    with place.app_context():
        alice.account().person.name = "Alice Reiher"
        db.session.commit()

    hers = alice.open(path)
    afterwards = visitor.open(path)
    again = alice.open(path)

    assert hers.soup.footer.get_text() == afterwards.soup.footer.get_text()
    assert "Your account" in afterwards.soup.footer.get_text()
    for page in (hers, afterwards, again):
        assert "Reiher" not in page.text
        assert ALICE not in page.text
        assert "csrf_token" not in afterwards.text


# -- Booking with an account ------------------------------------------------------------------


def known(place, guest):
    """Let a guest have said everything that a profile asks."""
    billing = {k.removeprefix("billing_"): v for k, v in BILLING.items()}
    shipping = {k.removeprefix("shipping_"): v for k, v in SHIPPING.items()}
    with place.app_context():
        person = guest.account().person
        person.name, person.title, person.company = "Alice Reiher", "Dr.", "Reiher & Co."
        person.phone, person.wechat_id = "+493831123456", "alice_reiher"
        person.billing_address = dump_address(billing)
        person.shipping_address = dump_address(shipping)
        db.session.commit()


@pytest.mark.clause("C07")
def test_what_is_known_is_filled_in(place, alice):
    known(place, alice)

    page = alice.hold(alice.choose_stay("lagoon-suite", **PARCEL))

    fields = ("name", "title", "company", "phone", "wechat_id", "email")
    assert [page.typed_in(name) for name in fields] == [
        "Alice Reiher", "Dr.", "Reiher & Co.", "+493831123456", "alice_reiher", ALICE,
    ]  # fmt: skip
    assert page.typed_in("shipping_city") == SHIPPING["shipping_city"]
    assert page.typed_in("billing_city") == BILLING["billing_city"]
    assert not page.soup.find(attrs={"name": "wants_invoice"}).has_attr("checked")
    assert not page.soup.find(attrs={"name": "agrees"}).has_attr("checked")


@pytest.mark.clause("C03")
def test_an_address_that_is_filled_in_is_kept_only_where_it_was_asked_for(place, alice):
    known(place, alice)
    page = alice.hold(alice.choose_stay())

    alice.send(page.form(), agrees="y")

    with place.app_context():
        booked = db.session.scalars(sa.select(Reservation)).one().person
        assert (booked.billing_address, booked.shipping_address) == (None, None)
        assert booked.name == "Alice Reiher"
        kept = load_address(alice.account().person.billing_address)
        assert kept["city"] == BILLING["billing_city"]


def test_nothing_is_filled_in_for_others(place, clock, alice, bob, visitor):
    known(place, alice)
    staff = Visitor(place, cookies=True)
    let_in(place, clock, staff.client, make_house(place, clock).account_id, strong=True)
    with place.app_context():
        person = db.session.scalars(sa.select(Person)).all()[-1]
        person.name = "Somebody of the House"
        db.session.commit()

    pages = [one.hold(one.choose_stay()) for one in (visitor, bob, staff)]

    assert [page.typed_in("name") for page in pages] == ["", "", ""]
    assert [page.typed_in("email") for page in pages] == ["", BOB, ""]


def test_what_was_typed_for_a_booking_is_not_put_over_by_the_account(place, alice):
    known(place, alice)
    details = alice.hold(alice.choose_stay())
    alice.tell(details, name="Aunt Agatha", email="agatha@post.example", company="")

    again = alice.open(details.url)

    assert again.typed_in("name") == "Aunt Agatha"
    assert again.typed_in("company") == ""


@pytest.mark.clause("C14")
def test_extra_fields_at_checkout_change_no_account(place, alice, bob):
    details = alice.hold(alice.choose_stay())
    alice.tell(
        details, email=ALICE, account_id=str(bob.account_id), person_id="x", role="owner",
        username="mallory", verified_at="",
    )  # fmt: skip

    with place.app_context():
        account = alice.account()
        assert (account.role, account.username) == ("guest", None)
        assert account.person.name is None  # a booking is no profile
        assert db.session.scalars(sa.select(Claim.account_id)).all() == [alice.account_id]


# -- A reservation's own page -----------------------------------------------------------------


@pytest.mark.clause("C07")
def test_an_account_is_offered_after_a_booking_and_needed_for_nothing(place, visitor, alice):
    page = visitor.book(email="somebody@post.example")
    hers = alice.book(email=ALICE)
    cancelled = visitor.send(page.form("/cancel"))

    links = [a["href"].partition("?")[0] for a in page.soup.select("main a")]
    assert "/account/register" in links
    assert "You need no account" in page.words
    assert "need no account" not in hers.words
    assert "need no account" not in cancelled.words
    # Whoever has the link isn't told whether the address has an account.
    with_account = Visitor(place).book(email=ALICE)
    assert "You need no account" in with_account.words


@pytest.mark.clause("C17")
def test_who_of_the_house_looked_is_shown_to_the_guest_and_to_nobody_else(place, clock, alice, bob):
    page = alice.book(email=ALICE)
    others = bob.book(email=BOB)
    with place.app_context():
        reader = make_house(place, clock, "owner").account_id
    with place.app_context():
        found = db.session.scalar(
            sa.select(Reservation.person_id).where(Reservation.reference == reference_of(page))
        )
        owner = db.session.get(Account, reader)
        for _ in range(3):
            readings.note(owner, [found], readings.RESERVATION, now=clock())
        readings.note(owner, [alice.account().person_id], readings.MAIL, now=clock())
        db.session.commit()

    shown = alice.open(page.url)
    listed = alice.open("/account/readings")
    elsewhere = [bob.open(others.url), bob.open("/account/readings")]

    said = "The owner opened everything about a reservation of yours, 3 times that day."
    assert f"5 May 2031: {said}" in shown.words
    assert said in listed.words
    assert "The owner opened a mail to you." in listed.words
    assert "a mail to you" not in shown.words
    assert all("The owner opened" not in page.words for page in elsewhere)
    assert "Nobody has opened them so far" in elsewhere[1].words
    assert "who of the house" not in elsewhere[0].words.lower()


@pytest.mark.clause("C17")
@pytest.mark.both_databases
def test_a_list_that_showed_many_bookings_of_one_guest_was_opened_once(place, clock, alice):
    alice.book(email=ALICE)
    book_more(place, alice, 3)
    reader = make_house(place, clock, "staff").account_id
    with place.app_context():
        staff, ids = db.session.get(Account, reader), persons_of(alice.account())
        readings.note(staff, ids, readings.LIST, now=clock())
        readings.note(staff, ids, readings.LIST, now=clock())
        readings.note(staff, ids[1:], readings.RESERVATION, now=clock())
        db.session.commit()

    page = alice.open("/account/readings")

    lines = [tag.get_text(" ", strip=True) for tag in page.soup.select("main li.session div")]
    assert sorted(line.rpartition(", ")[2] for line in lines) == [
        "2 times that day.", "4 times that day.",
    ]  # fmt: skip
    assert all(line.startswith("Somebody of the staff opened") for line in lines)


def test_a_reservation_opens_by_its_link_whoever_is_signed_in(place, alice, bob):
    page = alice.book(email=ALICE)

    assert bob.open(page.url).status == 200
    assert bob.open(page.url.partition("?")[0]).status == 404
    assert alice.open(page.url.partition("?")[0]).status == 404


def test_bookings_under_the_address_wait_for_proof(place, alice):
    book(place, ALICE)

    page = alice.open(PAGE)

    assert references(page) == []
    assert "1 more reservation was made under your address" in page.words
    with place.app_context():
        waiting = db.session.scalars(sa.select(Reservation)).one()
        with place.test_request_context():
            assert guest_url(waiting) not in page.text
