"""Earlier bookings come into an account by proof of their address, and by nothing else (C04)."""

import pytest
import sqlalchemy as sa

from app.accounts.claims import claim_all
from app.accounts.mail_links import CLAIM, LIFE
from app.accounts.models import Claim
from app.core.database import db
from app.core.sweeps import named
from tests.accounts.guests import ALICE, BOB, Guest, book
from tests.accounts.ways import link_in, mails, newest_mail
from tests.house.visitor import Visitor, reference_of

pytestmark = pytest.mark.clause("C04")

ASK = "/account/claim"


@pytest.fixture
def alice(place, clock):
    return Guest(place, clock, ALICE)


@pytest.fixture
def bob(place, clock):
    return Guest(place, clock, BOB)


def ask(guest):
    """Press the button that has the link mailed."""
    return guest.send(guest.open("/account").form(ASK))


def press(guest, link):
    page = guest.open(link)
    assert page.status == 200
    return guest.send(page.form(link.partition("?")[0]), go_on=False)


def listed(guest):
    """Return the references that an account's page lists."""
    page = guest.open("/account")
    assert page.status == 200
    return {tag.get_text() for tag in page.soup.select("main [translate=no]")}


def mailed_claims(place):
    """Return the subjects of all mails that lead to a claim."""
    subjects = [str(mail["Subject"]) for mail in mails(place)]
    return [subject for subject in subjects if subject.startswith("Add your earlier")]


@pytest.mark.both_databases
def test_a_link_to_the_address_adds_what_was_booked_under_it(place, alice):
    booked = {reference_of(book(place, ALICE)), reference_of(book(place, ALICE))}
    offered = alice.open("/account")
    said = ask(alice)
    mail = newest_mail(place)
    before = listed(alice)
    pressed = press(alice, link_in(mail))
    done = alice.follow(pressed)

    assert "2 more reservations" in offered.words
    assert "sent a link" in said.words
    assert str(mail["To"]) == ALICE
    assert before == set()
    assert listed(alice) == booked
    assert "in your account now" in done.words
    assert "more reservations" not in done.words


def test_an_address_that_only_folds_to_ones_own_is_somebody_elses(place, clock):
    book(place, "vo\u00df@post.example")
    voss = Guest(place, clock, "voss@post.example")
    own = reference_of(book(place, "Voss@post.example"))

    ask(voss)
    press(voss, link_in(newest_mail(place)))

    assert listed(voss) == {own}


def test_somebody_else_is_neither_told_nor_given_anything(place, alice, bob):
    reference = reference_of(book(place, ALICE))
    ask(alice)

    page = bob.open("/account")

    assert "more reservation" not in page.words
    assert reference not in page.text
    assert listed(bob) == set()


def test_the_link_adds_to_the_account_that_asked_whoever_presses(place, alice, bob):
    reference = reference_of(book(place, ALICE))
    ask(alice)

    press(bob, link_in(newest_mail(place)))

    assert listed(bob) == set()
    assert listed(alice) == {reference}


def test_the_link_works_in_a_browser_in_which_nobody_is_signed_in(place, alice, visitor):
    reference = reference_of(book(place, ALICE))
    ask(alice)

    page = visitor.open(link_in(newest_mail(place)))
    answer = visitor.send(page.form("/claim/" + page.url.rpartition("/")[2].partition("?")[0]),
                          go_on=False)  # fmt: skip

    assert answer.status == 303
    assert listed(alice) == {reference}


def test_looking_at_the_link_adds_nothing(place, alice):
    book(place, ALICE)
    ask(alice)
    link = link_in(newest_mail(place))

    assert [alice.open(link).status for _ in range(3)] == [200] * 3
    assert listed(alice) == set()


def test_a_link_works_once_and_for_a_day(place, clock, alice):
    book(place, ALICE)
    ask(alice)
    used = link_in(newest_mail(place))
    press(alice, used)
    book(place, ALICE)
    ask(alice)
    late = link_in(newest_mail(place))
    clock.move(LIFE[CLAIM])

    assert [alice.open(link).status for link in (used, late)] == [410, 410]
    assert alice.open("/account/claim/nothing").status == 410


def test_an_old_link_never_opens_what_was_mailed_to_somebody_else(place, clock, alice, bob):
    book(place, ALICE)
    bobs = reference_of(book(place, BOB))
    ask(alice)
    old = link_in(newest_mail(place))
    clock.move(LIFE[CLAIM])
    with place.app_context():
        named("mail-links").carry_out(clock())
    bob.come_in(place, clock)
    ask(bob)  # whose link may have the number that went
    new = link_in(newest_mail(place))

    assert old.split("?")[0] != new.split("?")[0]
    assert bob.open(old).status == 410
    press(bob, new)
    assert listed(bob) == {bobs}


def test_a_claim_is_never_taken_over(place, clock, alice):
    reference = reference_of(book(place, ALICE))
    ask(alice)
    press(alice, link_in(newest_mail(place)))
    with place.app_context():
        alice.account().person.email = "moved@post.example"
        db.session.commit()

    second = Guest(place, clock, "second@post.example")
    with place.app_context():
        second.account().person.email = ALICE
        db.session.commit()
        assert claim_all(second.account(), now=clock()) == 0

    assert listed(second) == set()
    assert listed(alice) == {reference}


def test_a_link_to_an_address_that_is_no_longer_theirs_adds_nothing(place, alice):
    book(place, ALICE)
    ask(alice)
    link = link_in(newest_mail(place))
    with place.app_context():
        alice.account().person.email = "moved@post.example"
        db.session.commit()

    page = alice.open(link)
    assert alice.send(page.form(link.partition("?")[0]), go_on=False).status == 410
    assert listed(alice) == set()


def test_nothing_is_mailed_where_nothing_waits(place, alice):
    token = alice.open("/account").form("/sign-out").values["csrf_token"]

    answer = alice.ask("POST", ASK, data={"csrf_token": token})

    assert answer.status == 303
    assert mails(place) == []


def test_a_mailbox_cannot_be_filled(place, alice):
    book(place, ALICE)
    token = alice.open("/account").form("/sign-out").values["csrf_token"]

    statuses = [alice.ask("POST", ASK, data={"csrf_token": token}).status for _ in range(6)]

    assert statuses == [303] * 4 + [429] * 2


# -- Booking while signed in ------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_booking_under_ones_own_address_is_in_the_account_at_once(place, alice):
    reference = reference_of(alice.book(email=ALICE.upper()))

    assert listed(alice) == {reference}


def test_a_booking_under_another_address_is_for_somebody_else(place, alice, bob):
    alice.book(email=BOB)

    assert listed(alice) == set()
    assert "1 more reservation was" in bob.open("/account").words


def test_whose_address_was_corrected_away_has_the_booking_no_more(place, alice):
    details = alice.hold(alice.choose_stay())
    alice.tell(details, email=ALICE)
    with place.app_context():
        first = db.session.scalars(sa.select(Claim.account_id)).all()

    corrected = alice.tell(alice.open(details.url), email=BOB)
    alice.pay(corrected)

    with place.app_context():
        assert first == [alice.account_id]
        assert db.session.scalars(sa.select(Claim.account_id)).all() == []
    assert listed(alice) == set()


def test_a_booking_that_another_finishes_is_theirs(place, alice, bob):
    details = alice.hold(alice.choose_stay())
    alice.tell(details, email=ALICE)

    bob.pay(bob.tell(bob.open(details.url), email=BOB))

    assert listed(alice) == set()
    assert len(listed(bob)) == 1


def test_whoever_goes_on_with_a_booking_under_its_address_leaves_it_in_its_account(
    place, alice, bob
):
    """Signed out meanwhile, or with the link alone: an account may be better guarded."""
    details = alice.hold(alice.choose_stay())
    alice.tell(details, email=ALICE)

    visitor = Visitor(place)
    visitor.tell(visitor.open(details.url), email=ALICE.upper())
    bob.pay(bob.tell(bob.open(details.url), email=ALICE))

    assert len(listed(alice)) == 1
    assert listed(bob) == set()


def test_without_signing_in_an_address_alone_adds_nothing(place, alice):
    Visitor(place).book(email=ALICE)

    assert listed(alice) == set()


def test_extra_fields_do_nothing(place, alice, bob):
    alice.book(email="third@post.example", account_id=str(alice.account_id), claim="y")
    book(place, BOB)
    token = alice.open("/account").form("/sign-out").values["csrf_token"]
    alice.ask("POST", ASK, data={"csrf_token": token, "email": BOB, "to": BOB, "account_id": "2"})

    assert listed(alice) == set()
    assert mailed_claims(place) == []
