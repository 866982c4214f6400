"""An account's address changes by a link to the new one, and both addresses are told (C04)."""

from datetime import timedelta

import pytest

from app.accounts.mail_links import EMAIL, LIFE, WAY_IN, address, send
from app.accounts.models import MailLink
from app.accounts.names import account_named
from app.accounts.registering import MAILS_TO, REGISTERING
from app.accounts.sessions import PROOF_LIFE
from app.core.database import db
from tests.accounts.guests import ALICE, BOB, Guest, book
from tests.accounts.ways import link_in, mails, newest_mail
from tests.house.canaries import found_in

pytestmark = pytest.mark.clause("C04")

PAGE, NEW = "/account/email", "alice.heron@nest.example"


@pytest.fixture
def alice(place, clock):
    return Guest(place, clock, ALICE)


@pytest.fixture
def bob(place, clock):
    return Guest(place, clock, BOB)


def ask(guest, email=NEW, **more):
    """Ask for a new address, and return the answer itself."""
    return guest.send(guest.open(PAGE).form(PAGE), go_on=False, email=email, **more)


def press(guest, link):
    """Open a link and press its button."""
    page = guest.open(link)
    assert page.status == 200, page.words
    return guest.send(page.form(link.partition("?")[0]), go_on=False)


def email_of(place, guest):
    with place.app_context():
        return guest.account().person.email


@pytest.mark.both_databases
def test_the_new_address_counts_once_its_link_is_used(place, alice):
    said = alice.follow(ask(alice))
    mail = newest_mail(place)
    before = email_of(place, alice)
    pressed = press(alice, link_in(mail))

    assert "sent a link" in said.words
    assert str(mail["To"]) == NEW
    assert before == ALICE
    assert pressed.status == 303
    assert email_of(place, alice) == NEW
    with place.app_context():
        assert account_named(NEW).id == alice.account_id
        assert account_named(ALICE) is None


def test_both_addresses_are_told(place, alice):
    ask(alice)
    link = link_in(newest_mail(place))
    before = len(mails(place))

    press(alice, link)

    told = mails(place)[before:]
    assert {str(mail["To"]) for mail in told} == {ALICE, NEW}
    assert all("e-mail address" in str(mail["Subject"]) for mail in told)


def test_whoever_has_the_former_mailbox_can_take_it_back(place, alice, visitor):
    ask(alice)
    link = link_in(newest_mail(place))
    before = len(mails(place))
    press(alice, link)
    told = next(mail for mail in mails(place)[before:] if str(mail["To"]) == ALICE)

    page = visitor.open(link_in(told))
    changed = email_of(place, alice)
    visitor.send(page.form(page.url.partition("?")[0]))

    assert changed == NEW
    assert email_of(place, alice) == ALICE
    assert alice.open("/account").status == 303
    with place.app_context():
        assert account_named(NEW) is None


def test_looking_at_the_link_changes_nothing(place, alice):
    ask(alice)
    link = link_in(newest_mail(place))

    pages = [alice.open(link) for _ in range(3)]

    assert [page.status for page in pages] == [200] * 3
    assert NEW in pages[0].words
    assert email_of(place, alice) == ALICE


def test_a_link_works_once_and_for_a_day(place, clock, alice):
    ask(alice)
    first = link_in(newest_mail(place))
    press(alice, first)
    ask(alice, "later@nest.example")
    late = link_in(newest_mail(place))
    clock.move(LIFE[EMAIL])
    alice.come_in(place, clock)

    assert alice.open(first).status == 410
    assert alice.open(late).status == 410
    assert email_of(place, alice) == NEW


def test_a_newer_request_ends_the_one_before(place, alice):
    ask(alice, "mistyped@nest.example")
    mistyped = link_in(newest_mail(place))
    ask(alice)
    meant = link_in(newest_mail(place))

    assert alice.open(mistyped).status == 410
    assert press(alice, meant).status == 303
    assert email_of(place, alice) == NEW


def test_whoever_has_the_new_mailbox_cannot_use_the_link_without_the_account(
    place, visitor, alice, bob
):
    ask(alice)
    link = link_in(newest_mail(place))

    stranger = visitor.open(link)
    strangers_press = visitor.ask("POST", link, data={})
    bobs = bob.open(link)
    token = bob.open("/account").form("/account/sign-out").values["csrf_token"]
    bobs_press = bob.ask("POST", link, data={"csrf_token": token})

    assert (stranger.status, strangers_press.status) == (303, 303)
    assert stranger.header("Location").startswith("/account/sign-in?next=/account/email/")
    assert (bobs.status, bobs_press.status) == (410, 410)
    assert email_of(place, alice) == ALICE
    assert email_of(place, bob) == BOB
    assert press(alice, link).status == 303


def test_who_they_are_is_asked_again_first(place, clock, alice):
    page = alice.open(PAGE)
    clock.move(PROOF_LIFE)

    late = alice.send(page.form(PAGE), go_on=False, email=NEW)

    assert late.status == 303
    assert late.header("Location").startswith("/account/confirm?next=/account/email")
    assert alice.open(PAGE).status == 303
    assert mails(place) == []


def test_an_address_that_somebody_has_is_answered_alike_and_mailed_the_truth(place, alice, bob):
    free = alice.follow(ask(alice, NEW))
    taken = alice.follow(ask(alice, BOB))
    mail = newest_mail(place)

    assert free.words.replace(NEW, "…") == taken.words.replace(BOB, "…")
    assert str(mail["To"]) == BOB
    assert "/account/email/" not in mail.get_content()
    assert not found_in(mail.as_bytes(), (ALICE,))
    assert email_of(place, bob) == BOB


def test_an_address_that_is_taken_meanwhile_is_not_given_twice(place, clock, alice):
    ask(alice)
    link = link_in(newest_mail(place))
    late = Guest(place, clock, NEW)

    page = alice.open(link)
    pressed = alice.send(page.form(link.partition("?")[0]), go_on=False)

    assert pressed.status == 410
    assert email_of(place, alice) == ALICE
    assert email_of(place, late) == NEW
    with place.app_context():
        assert account_named(NEW).id == late.account_id


@pytest.mark.parametrize("typed", ["", "no address", "a@", "Alice <alice@nest.example>", ALICE])
def test_what_is_no_new_address_is_refused_beside_the_field(place, alice, typed):
    page = ask(alice, typed)

    assert page.status == 422
    assert page.said_beside("email")
    assert mails(place) == []


@pytest.mark.clause("C03")
def test_a_card_number_is_no_address(place, alice):
    page = ask(alice, "4111111111111111@post.example")

    assert page.status == 422
    assert "card number" in page.said_beside("email")
    assert "4111111111111111" not in page.text
    assert mails(place) == []


def test_links_to_the_former_address_end_with_it(place, clock, alice):
    with place.app_context():
        account = alice.account()
        send(account, WAY_IN, to=ALICE, now=clock())
        db.session.commit()
    ask(alice)
    links = [link_in(mail) for mail in mails(place)[1:]]

    press(alice, links[-1])

    with place.app_context():
        left = {link.purpose for link in db.session.query(MailLink)}
    assert left == {"told"}


def test_a_mailbox_cannot_be_filled_and_nobody_is_told_that_it_is(place, alice):
    pages = [alice.follow(ask(alice)) for _ in range(MAILS_TO.burst + 2)]

    assert {page.words for page in pages} == {pages[0].words}
    assert len(mails(place)) <= MAILS_TO.burst
    assert press(alice, link_in(newest_mail(place))).status == 303


def test_a_network_asks_for_so_many_only(place, clock, alice):
    statuses = [
        ask(alice, f"alice.{number}@nest.example").status for number in range(REGISTERING.burst + 1)
    ]

    assert statuses == [303] * REGISTERING.burst + [429]
    assert "too often" in alice.seen[-1].words
    clock.move(timedelta(minutes=9))
    assert ask(alice).status == 303


def test_extra_fields_do_nothing(place, alice, bob):
    ask(alice, account_id=str(bob.account_id), to=BOB, role="owner", verified_at="")
    press(alice, link_in(newest_mail(place)))

    assert email_of(place, alice) == NEW
    assert email_of(place, bob) == BOB
    with place.app_context():
        assert alice.account().role == "guest"


def test_what_was_booked_keeps_its_address_and_stays_in_the_account(place, clock):
    book(place, ALICE)
    alice = Guest(place, clock, ALICE)  # claims it, as its link did
    ask(alice)
    press(alice, link_in(newest_mail(place)))

    page = alice.open("/account")
    reservation = alice.open(page.soup.select_one("main a[href*=reservations]")["href"])

    assert ALICE in reservation.words
    assert NEW not in reservation.words


def test_bookings_under_the_new_address_are_claimed_with_it(place, alice):
    book(place, NEW)
    before = alice.open("/account")
    ask(alice)

    press(alice, link_in(newest_mail(place)))

    after = alice.open("/account")
    assert not before.soup.select("main a[href*=reservations]")
    assert after.soup.select("main a[href*=reservations]")


def test_neither_address_stands_in_any_address_of_a_page(place, alice):
    ask(alice)
    press(alice, link_in(newest_mail(place)))
    alice.open("/account/profile")

    everywhere = "\n".join(page.url for page in alice.seen)
    assert not found_in(everywhere.encode(), (ALICE, NEW))
    assert all(page.header("Cache-Control") == "no-store" for page in alice.seen)


def test_a_stolen_book_tells_no_address_to_be(place, alice, instance):
    ask(alice)

    stolen = b"".join(file.read_bytes() for file in sorted(instance.glob("*.db*")))

    assert found_in(stolen, (ALICE, NEW)) == []


def test_a_link_of_another_purpose_opens_nothing_here(place, clock, alice):
    with place.app_context():
        link = send(alice.account(), WAY_IN, to=ALICE, now=clock())
        token = address(link, language="en").partition("?")[0].rpartition("/")[2]
        db.session.commit()

    assert alice.open(f"/account/email/{token}").status == 410
    assert alice.open(f"/account/claim/{token}").status == 410
