"""A guest without an account sees everything held on them, after a code in their mailbox."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Claim
from app.booking.links import checkout_key, guest_key
from app.booking.models import Reservation
from app.booking.shop import shop
from app.core.database import db
from app.core.outbox import Job
from app.owner.search import by_name
from app.payments import links
from app.payments.links import Asking, rates_in_use
from app.privacy import requests
from app.privacy.codes import ALPHABET, CODE_LIFE, LENGTH, MAILS, MOST_TRIES, masked
from app.privacy.erasure_links import address_of
from app.privacy.models import DataKey, Erasure
from app.privacy.subjects import KEY_LIFE
from tests.accounts.guests import Guest
from tests.accounts.ways import mails
from tests.house.visitor import EMAIL, NAME, Visitor, reference_of
from tests.privacy.guests import code_in, mailed_code, ways_in

OTHER = "sister@post.example"


@pytest.fixture
def stay(visitor):
    """The page of a guest's reservation."""
    return visitor.book()


def asked(visitor, stay):
    """Follow the link from the reservation's page, and have a code mailed."""
    page = visitor.open(stay.soup.find("a", string="What we hold on you")["href"])
    return visitor.send(page.form("/data"))


@pytest.mark.clause("C26")
@pytest.mark.clause("C17")
def test_a_mailed_code_opens_everything_that_is_held_for_half_an_hour(place, clock, visitor, stay):
    waiting = asked(visitor, stay)
    mail = mailed_code(place)

    opened = visitor.send(waiting.form("/code"), code=code_in(mail))

    assert mail["To"].addresses[0].addr_spec == EMAIL
    assert re.fullmatch(r"/data/[\w-]{43}", opened.url.partition("?")[0])
    assert NAME in opened.words
    assert EMAIL in opened.words
    clock.move(KEY_LIFE - timedelta(seconds=1))
    assert visitor.open(opened.url).status == 200
    clock.move(timedelta(seconds=1))
    assert visitor.open(opened.url).status == 404


@pytest.mark.clause("C26")
def test_who_booked_without_an_address_is_told_how_else_to_ask(place, clock, visitor, stay):
    page = visitor.open(stay.soup.find("a", string="What we hold on you")["href"])
    with place.app_context():
        reservation = db.session.scalars(sa.select(Reservation)).one()
        reservation.person.email = None
        db.session.commit()

    told = visitor.open(page.url)
    refused = visitor.send(page.form("/data"))

    assert "You gave us no e-mail address" in told.words
    assert "•••" not in told.words
    assert "Mail me a code" not in told.words
    assert (refused.status, "You gave us no e-mail address" in refused.words) == (409, True)
    with place.app_context():
        assert db.session.scalars(sa.select(Job).where(Job.topic == "privacy.code")).all() == []


@pytest.mark.clause("C17")
def test_the_page_masks_the_address_and_the_job_holds_nothing_personal(place, visitor, stay):
    waiting = asked(visitor, stay)

    assert EMAIL not in waiting.text
    assert "w•••@p•••.example" in waiting.words
    with place.app_context():
        job = db.session.scalars(sa.select(Job).where(Job.topic == "privacy.code")).one()
        kept = db.session.scalars(sa.select(DataKey)).one()
        assert job.payload == {"data_key_id": kept.id}
        assert len(kept.code) == LENGTH
        assert set(kept.code) <= set(ALPHABET)


@pytest.mark.clause("C17")
def test_after_five_wrong_codes_the_right_one_opens_nothing(place, visitor, stay):
    waiting = asked(visitor, stay)
    right = code_in(mailed_code(place))

    wrong = [
        visitor.send(waiting.form("/code"), code="2222 2222").status for _ in range(MOST_TRIES)
    ]
    late = visitor.send(waiting.form("/code"), code=right)

    assert wrong == [422] * MOST_TRIES
    assert late.status == 409
    assert "one try too many" in late.words
    assert keys_of(place) == []


@pytest.mark.clause("C17")
def test_a_code_runs_out_works_once_and_ends_with_a_newer_one(place, clock, visitor, stay):
    first = asked(visitor, stay)
    old = code_in(mailed_code(place))
    visitor.send(first.form("/data"))
    new = code_in(mailed_code(place))

    assert visitor.send(first.form("/code"), code=old).status == 422
    assert visitor.send(first.form("/code"), code=new.lower()).url.startswith("/data/")
    assert visitor.send(first.form("/code"), code=new).status == 422

    visitor.send(first.form("/data"))
    late = code_in(mailed_code(place))
    clock.move(CODE_LIFE)
    assert visitor.send(first.form("/code"), code=late).status == 422


@pytest.mark.clause("C14")
def test_a_mailbox_is_not_filled_by_asking_again_and_again(place, visitor, stay):
    page = asked(visitor, stay)
    sent = [visitor.send(page.form("/data")).status for _ in range(MAILS.burst)]

    assert sent == [200] * (MAILS.burst - 1) + [429]
    codes = [mail for mail in mails(place) if "code" in mail["Subject"]]
    assert len(codes) == 1  # of those asked for before, none would open anything


@pytest.mark.clause("C17")
def test_nothing_opens_with_another_reference_another_key_or_a_guessed_one(place, visitor, stay):
    other = Visitor(place).book(email=OTHER)
    key = stay.url.partition("key=")[2]
    path = f"/reservations/{reference_of(other)}/data?key={key}"

    for method, url in (
        ("GET", path),
        ("POST", path),
        ("POST", path.replace("/data", "/data/code")),
        ("GET", f"/reservations/{reference_of(stay)}/data"),
        ("GET", "/data/" + "A" * 43),
        ("GET", "/data/" + "A" * 43 + "/limits"),
        ("GET", f"/data/{'A' * 43}/details/{reference_of(stay)}"),
        ("GET", "/data/" + "A" * 500),
    ):
        assert visitor.ask(method, url, data={} if method == "POST" else None).status == 404


@pytest.mark.clause("C17")
def test_a_key_opens_its_own_guests_pages_and_no_other_guests_details(place, visitor, stay):
    other = Visitor(place).book(email=OTHER, name="Somebody Else")
    opened = ways_in(place, visitor, stay)
    base = opened.url.partition("?")[0]

    strange = visitor.open(f"{base}/details/{reference_of(other)}")

    assert "Somebody Else" not in opened.text
    assert reference_of(other) not in opened.text
    assert strange.status == 404


@pytest.mark.clause("C17")
def test_what_an_account_has_claimed_opens_by_signing_in_alone(place, clock, visitor, stay):
    page = asked(visitor, stay)
    code = code_in(mailed_code(place))
    Guest(place, clock, EMAIL)  # whose address was proved: the booking is theirs now

    seen = visitor.open(page.url)

    assert "in an account" in seen.words
    assert visitor.send(page.form("/data")).status == 409
    assert visitor.send(page.form("/code"), code=code).status == 409
    assert visitor.open("/account/data").status == 303


@pytest.mark.clause("C17")
def test_a_key_ends_when_an_account_claims_the_booking(place, clock, visitor, stay):
    opened = ways_in(place, visitor, stay)
    account = Guest(place, clock, OTHER)
    with place.app_context():
        person_id = db.session.scalar(sa.select(Reservation.person_id))
        db.session.add(
            Claim(person_id=person_id, account_id=account.account_id, claimed_at=clock())
        )
        db.session.commit()

    assert visitor.open(opened.url).status == 404


@pytest.fixture
def sum_asked(place, clock):
    """A sum that the house asks somebody for: its reservation's id, and where it is paid."""
    with place.app_context():
        here = shop().catalogue
        asking = Asking(
            minor=3_500, vat_bp=rates_in_use(here)[0], what_for="A lost key", language="en",
            until=clock().date() + timedelta(days=7), name=NAME, email=EMAIL,
        )  # fmt: skip
        made = links.ask(asking, here, form_id="f" * 32, now=clock())
        db.session.commit()
        return made.id, f"/checkout/{checkout_key(made)}/pay"


def own_data(visitor, page):
    """Follow the link to one's own data."""
    return visitor.open(page.soup.find("a", string="What we hold on you")["href"])


@pytest.mark.clause("C26")
@pytest.mark.clause("C17")
def test_who_is_asked_for_a_sum_sees_all_that_is_held_by_a_code_in_their_mailbox(
    place, clock, visitor, sum_asked
):
    """Before paying, after, and when there is nothing to pay; the link alone shows nobody."""
    made, address = sum_asked
    unpaid = visitor.open(address)
    way = own_data(visitor, unpaid)
    waiting = visitor.send(way.form("/data"))
    mail = mailed_code(place)
    opened = visitor.send(waiting.form("/code"), code=code_in(mail))
    base = opened.url.partition("?")[0]

    with place.app_context():
        key = guest_key(db.session.get_one(Reservation, made))
    for page in (unpaid, way, waiting):
        assert not [word for word in (NAME, EMAIL, key) if word in page.text]
    assert "the address that we wrote to, w•••@p•••.example" in way.words
    assert way.soup.find("a", string="Payment by link")["href"].startswith(address)
    assert mail["To"].addresses[0].addr_spec == EMAIL
    assert re.fullmatch(r"/data/[\w-]{43}", base)
    assert NAME in opened.words
    assert "A lost key" in opened.words
    assert visitor.open(f"{base}/erase").status == 200

    receipt = visitor.send(visitor.send(unpaid.form()).form("/pay"))
    assert "Receipt" in receipt.words
    assert own_data(visitor, receipt).form("/data")


@pytest.mark.clause("C26")
def test_the_way_is_there_too_once_a_sum_is_withdrawn(place, clock, visitor, sum_asked):
    made, address = sum_asked
    with place.app_context():
        links.withdraw(made, now=clock())
        db.session.commit()

    over = visitor.open(address)

    assert over.status == 410
    assert own_data(visitor, over).form("/data")


@pytest.mark.clause("C17")
def test_the_checkout_of_a_booking_is_no_such_way(place, visitor, stay):
    with place.app_context():
        key = checkout_key(db.session.scalars(sa.select(Reservation)).one())

    for method, path in (("GET", "data"), ("POST", "data"), ("POST", "data/code")):
        answer = visitor.ask(
            method, f"/checkout/{key}/{path}", data={} if method == "POST" else None
        )
        assert answer.status == 404


@pytest.mark.clause("C26")
def test_bookings_under_the_same_address_are_seen_together(place, visitor, stay):
    again = Visitor(place)
    again.dates = {"arrive": "2031-07-07", "depart": "2031-07-09"}
    second = again.book()

    opened = ways_in(place, visitor, stay)

    assert reference_of(stay) in opened.words
    assert reference_of(second) in opened.words


@pytest.mark.clause("C14")
@pytest.mark.clause("C26")
def test_two_mailboxes_that_a_search_takes_for_one_are_seen_apart(place, visitor):
    """The letters of "voß" are "voss" to who folds them, and so are capitals to everybody."""
    theirs = visitor.book(email="voß@post.example")
    again = Visitor(place)
    again.dates = {"arrive": "2031-07-07", "depart": "2031-07-09"}
    mine = again.book(email="voss@post.example")
    third = Visitor(place)
    third.dates = {"arrive": "2031-08-07", "depart": "2031-08-09"}
    too = third.book(email="VOSS@post.example")

    opened = ways_in(place, again, mine)

    assert reference_of(too) in opened.words
    assert reference_of(theirs) not in opened.words


@pytest.fixture
def waits_for_money(place, clock):
    """Somebody else, who pays in a way that takes days: their places are held meanwhile."""
    other = Visitor(place)
    other.dates = {"arrive": "2031-07-07", "depart": "2031-07-09"}
    check = other.tell(other.hold(other.choose_stay()), name="Otto Anders", email=OTHER)
    at_bank = other.send(check.form())
    other.send(at_bank.form("/later"))
    link = next(one for one in mails(place) if one["To"].addresses[0].addr_spec == OTHER)
    other.page = re.search(r"http://localhost(/reservations/\S+)", link.get_content())[1]
    other.details = check.url.replace("/pay", "")
    return other


def gives_address(other, email):
    """Put another address onto what is held, as its checkout lets one do."""
    done = other.tell(other.open(other.details), name="Otto Anders", email=email)
    assert done.status == 200, done.words


@pytest.mark.clause("C14")
@pytest.mark.clause("C26")
def test_a_code_shows_nothing_of_whose_address_is_given_after_it(place, stay, waits_for_money):
    """Neither once it was typed, nor if it is typed then: it proved another mailbox."""
    thief = waits_for_money
    opened = ways_in(place, thief, thief.open(thief.page))
    assert "Otto Anders" in opened.words

    gives_address(thief, EMAIL)
    after = thief.open(opened.url)

    assert after.status == 404
    assert not [one for one in (NAME, reference_of(stay)) if one in after.text]

    gives_address(thief, OTHER)
    waiting = asked(thief, thief.open(thief.page))
    code = code_in(mailed_code(place))
    gives_address(thief, EMAIL)
    typed = thief.send(waiting.form("/code"), code=code)
    assert (typed.status, NAME in typed.words) == (422, False)


@pytest.mark.clause("C26")
@pytest.mark.parametrize("by", ["who typed it wrongly", "whose it is"])
def test_whose_address_was_wrong_is_not_erased_with_whose_it_is(
    place, clock, visitor, stay, waits_for_money, by
):
    """They typed somebody else's; whose it is has all under it erased, once nothing is open."""
    wrong = waits_for_money
    gives_address(wrong, EMAIL)
    if by == "whose it is":
        page = ways_in(place, visitor, stay)
    else:
        page = ways_in(place, wrong, wrong.open(wrong.page))
    planned = visitor.open(page.soup.find("a", string="Have it erased")["href"])
    waiting = visitor.send(planned.form("/erase"), sure="y")
    theirs = reference_of(wrong.open(wrong.page))
    assert theirs in waiting.words
    wrong.send(wrong.open(wrong.details).form("/again"))  # what was held is let go at once

    gives_address(wrong, OTHER)
    mails(place)

    with place.app_context():
        erasure = db.session.scalars(sa.select(Erasure)).one()
        mine, others = (
            db.session.scalars(sa.select(Reservation.person_id).filter_by(reference=one)).one()
            for one in (reference_of(stay), theirs)
        )
        assert erasure.person_ids == [mine]
        assert [one.person_id for one in requests.waiting()] == [mine]
        again = address_of(erasure)
    page = visitor.open(again.removeprefix("http://localhost"))
    assert (page.status, reference_of(stay) in page.words, theirs in page.words) == (
        200,
        True,
        False,
    )
    assert others != mine
    told = [one for one in mails(place) if again in one.get_body().get_content()]
    assert {one["To"].addresses[0].addr_spec for one in told} == {EMAIL}


@pytest.mark.clause("C26")
def test_who_gets_another_address_is_not_erased_by_the_former_one(place, waits_for_money):
    """It was asked for with a code in that mailbox; the new one has proved nothing."""
    other = waits_for_money
    page = ways_in(place, other, other.open(other.page))
    planned = other.open(page.soup.find("a", string="Have it erased")["href"])
    waiting = other.send(planned.form("/erase"), sure="y")
    assert "runs by itself on" in waiting.words
    other.send(other.open(other.details).form("/again"))

    gives_address(other, OTHER.upper())
    assert "runs by itself on" in other.open(waiting.url).words
    gives_address(other, "brother@post.example")

    assert "Nothing will be erased" in other.open(waiting.url).words


@pytest.mark.clause("C26")
def test_a_guest_has_an_erasure_postponed_and_takes_it_back(place, visitor, stay):
    page = ways_in(place, visitor, stay)
    planned = visitor.open(page.soup.find("a", string="Have it erased")["href"])

    waiting = visitor.send(planned.form("/erase"), sure="y")
    back = visitor.send(waiting.form("/withdraw"))

    assert waiting.status == back.status == 200
    assert "runs by itself on" in waiting.words
    assert "Nothing will be erased" in back.words
    assert NAME not in waiting.text


@pytest.mark.clause("C26")
def test_terms_and_prices_of_a_booking_are_said_for_people(place, visitor, stay):
    page = ways_in(place, visitor, stay)

    assert "tiers" not in page.words
    assert "Cancel by" in page.words or "back" in page.words
    assert "Terms of booking 2" in page.words


@pytest.mark.clause("C08")
def test_a_guest_corrects_their_details_in_place(place, visitor, stay):
    opened = ways_in(place, visitor, stay)
    base = opened.url.partition("?")[0]
    page = visitor.open(f"{base}/details/{reference_of(stay)}")

    done = visitor.send(page.form(), name="Minna Kranich", phone="+49 30 123456")

    assert "Corrected: Your name, Telephone" in done.words
    assert "Minna Kranich" in visitor.open(base).words
    assert NAME not in visitor.open(base).text
    assert page.soup.find(attrs={"name": "email"}) is None


@pytest.mark.clause("C26")
def test_who_corrected_their_name_is_found_by_it_and_by_the_former_no_more(
    place, clock, visitor, stay
):
    opened = ways_in(place, visitor, stay)
    page = visitor.open(f"{opened.url.partition('?')[0]}/details/{reference_of(stay)}")

    visitor.send(page.form(), name="Minna Kranich")

    with place.app_context():
        fresh, former = (by_name(name, now=clock()) for name in ("minna kranich", NAME))
    assert ([one.reference for one in fresh], former) == ([reference_of(stay)], [])


def test_an_address_is_masked_so_that_only_its_owner_knows_it():
    assert masked("anna.berg@post.example") == "a•••@p•••.example"
    assert masked("a@localhost") == "a•••@l•••"


def keys_of(place):
    with place.app_context():
        return list(db.session.scalars(sa.select(DataKey).where(DataKey.proved_at.is_not(None))))
