"""A guest says who they are, once, and what they leave empty is kept nowhere (C03, C07, C08)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from app.accounts.profile import NAMES
from app.accounts.profile_forms import ProfileForm
from app.booking.models import Reservation
from app.core.database import db
from app.core.vault import load_address
from tests.accounts.guests import ALICE, BOB, Guest
from tests.accounts.ways import mails
from tests.house.canaries import BILLING, PERSON, SHIPPING, found_in

PAGE = "/account/profile"
TEXTS = {name: value for name, value in PERSON.items() if name != "email"}
ADDRESSES = {
    "DE": {
        "country": "DE",
        "street_address": "Am Bodden 7",
        "postal_code": "18439",
        "city": "Stralsund",
    },
    "US": {
        "country": "US",
        "street_address": "350 Fifth Avenue",
        "postal_code": "10118",
        "city": "New York",
        "country_area": "NY",
    },
    "CN": {
        "country": "CN",
        "street_address": "南京东路 300 号",
        "postal_code": "200001",
        "city": "黄浦区",
        "country_area": "上海市",
    },
}
# As letters of full width: the same name once it is tidied.
WIDE_BOB = "".join(chr(ord(letter) + 0xFEE0) for letter in "bob")
CARD = "4111 1111 1111 1111"
FIELDS = ("username", "name", "title", "phone", "company", "wechat_id")


@pytest.fixture
def alice(place, clock):
    return Guest(place, clock, ALICE)


@pytest.fixture
def bob(place, clock):
    return Guest(place, clock, BOB, username="bob")


def say(guest, page=None, **typed):
    """Send the form with something typed into it, and return the answer itself."""
    sheet = (page or guest.open(PAGE)).form(PAGE)
    return guest.send(sheet, go_on=False, **typed)


def shown(page, name):
    """Return what a field shows; a browser passes over the line break that opens a textarea."""
    return page.typed_in(name).removeprefix("\r\n")


def address(section, parts):
    return {f"{section}_{name}": value for name, value in parts.items()}


def in_country(guest, section, country):
    """Choose a country for an address, as its button does, and return the page drawn anew."""
    box = {"billing": "keeps_billing", "shipping": "keeps_shipping"}[section]
    typed = {box: "y", f"{section}_country": country, f"{section}_country_set": "1"}
    return say(guest, **typed)


@pytest.mark.clause("C03")
@pytest.mark.clause("C08")
@pytest.mark.both_databases
def test_what_is_said_is_what_is_shown_the_next_time(place, alice):
    answer = say(
        alice, username="alice.reed", **TEXTS, **BILLING, **SHIPPING,
        keeps_billing="y", keeps_shipping="y", language="de",
    )  # fmt: skip
    page = alice.follow(answer)

    assert answer.status == 303
    assert {name: shown(page, name) for name in (*TEXTS, *BILLING, *SHIPPING)} == {
        **TEXTS,
        **BILLING,
        **SHIPPING,
    }
    with place.app_context():
        account = alice.account()
        assert (account.username, account.language) == ("alice.reed", "de")
        assert {name: getattr(account.person, name) for name in TEXTS} == TEXTS
        assert account.person.email == ALICE


@pytest.mark.clause("C03")
@pytest.mark.parametrize("section", ["billing", "shipping"])
@pytest.mark.parametrize("country", ADDRESSES)
def test_an_address_has_the_form_of_its_country(place, alice, section, country):
    parts = ADDRESSES[country]
    box = f"keeps_{section}"

    drawn = in_country(alice, section, country)
    answer = say(alice, drawn, **address(section, parts), **{box: "y"})

    assert drawn.status == 200
    assert not drawn.soup.select("[aria-invalid=true]")
    assert answer.status == 303
    with place.app_context():
        kept = getattr(alice.account().person, f"{section}_address")
        assert load_address(kept) == parts
    page = alice.open(PAGE)
    assert {name: shown(page, f"{section}_{name}") for name in parts} == parts


@pytest.mark.clause("C07")
def test_nothing_is_needed_and_what_is_emptied_is_gone(place, alice):
    say(alice, username="alice", **TEXTS, **BILLING, keeps_billing="y")
    page = alice.open(PAGE)

    emptied = dict.fromkeys(FIELDS, "")
    answer = alice.send(page.form(PAGE), go_on=False, drop="keeps_billing", **emptied)

    assert answer.status == 303
    with place.app_context():
        account = alice.account()
        person = account.person
        assert account.username is None
        assert [getattr(person, name) for name in TEXTS] == [None] * len(TEXTS)
        assert (person.billing_address, person.shipping_address) == (None, None)


@pytest.mark.clause("C01")
def test_each_field_says_what_it_is_for(alice):
    page = alice.open(PAGE)

    for question in ProfileForm.questions():
        if question.collects and "address" not in question.name:
            control = page.soup.find(attrs={"name": question.name})
            described = str(control["aria-describedby"]).split()
            assert str(question.why) in " ".join(
                page.soup.find(id=one).get_text() for one in described
            )


def test_a_country_is_changed_without_losing_what_was_typed(alice):
    page = say(alice, keeps_billing="y", billing_country="US", billing_country_set="1",
               name="Alice Typed", billing_city="Kept Town")  # fmt: skip

    assert page.status == 200
    assert page.typed_in("name") == "Alice Typed"
    assert page.typed_in("billing_city") == "Kept Town"
    assert page.soup.find(attrs={"name": "billing_country_area"}).name == "select"


@pytest.mark.clause("C08")
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("abcdef", ""),
        ("Reed_Heron-77", ""),
        ("@reed_heron", ""),
        ("abcde", "6 to 20"),
        ("a" * 21, "6 to 20"),
        ("7reeds_more", "6 to 20"),
        ("reed heron", "6 to 20"),
        ("+49 171 39202777", "This is a number"),
    ],
)
def test_a_wechat_id_keeps_wechats_own_rules(place, alice, typed, said):
    page = say(alice, wechat_id=typed)

    assert page.status == (422 if said else 303)
    if said:
        assert said in page.said_beside("wechat_id")
        assert page.typed_in("wechat_id") == typed
    with place.app_context():
        kept = alice.account().person.wechat_id
        assert kept == (None if said else typed.removeprefix("@"))


@pytest.mark.clause("C03")
@pytest.mark.parametrize(
    "field",
    [
        *FIELDS,
        "billing_street_address",
        "billing_name",
        "billing_city",
        "shipping_organisation",
        "shipping_street_address",
    ],
)
def test_a_card_number_is_refused_in_every_field(place, alice, instance, field):
    boxes = {"keeps_billing": "y", "keeps_shipping": "y"}
    page = say(alice, **{**BILLING, **SHIPPING, **boxes, field: CARD})

    assert page.status == 422
    assert "card number" in page.said_beside(field)
    assert "4111" not in page.text.replace(" ", "")
    with place.app_context():
        assert alice.account().person.billing_address is None
    assert b"41111111" not in (instance / "book.db").read_bytes()


@pytest.mark.clause("C14")
def test_what_is_typed_is_text_and_never_markup(place, alice):
    payloads = {
        "name": "<script>alert(1)</script>",
        "title": '"><img src=x>',
        "company": "'\"><svg onload=alert(1)>{{7*7}}",
        "billing_country": "DE",
        "billing_street_address": "</textarea><script>alert(2)</script>",
        "billing_postal_code": "18439",
        "billing_city": "<b>Stralsund</b>",
        "keeps_billing": "y",
    }
    answer = say(alice, **payloads)

    pages = [alice.open(path) for path in (PAGE, "/account")]

    assert answer.status == 303
    for page in pages:
        assert not page.soup.select("main script, main svg, main b, main img[src=x]")
        assert "49" not in page.words
    assert {name: shown(pages[0], name) for name in payloads if name != "keeps_billing"} == {
        name: value for name, value in payloads.items() if name != "keeps_billing"
    }


# -- User names -------------------------------------------------------------------------------


@pytest.mark.clause("C04")
@pytest.mark.parametrize("taken", ["bob", "BOB", WIDE_BOB])
def test_a_user_name_that_somebody_has_is_refused_beside_the_field(place, alice, bob, taken):
    page = say(alice, username=taken, name="Alice Typed")

    assert page.status == 422
    assert "taken" in page.said_beside("username")
    assert page.typed_in("name") == "Alice Typed"
    with place.app_context():
        assert (alice.account().username, alice.account().person.name) == (None, None)
        assert bob.account().username == "bob"


@pytest.mark.clause("C04")
def test_nobody_asks_through_which_user_names_there_are(place, alice, bob):
    for number in range(NAMES.burst):
        assert say(alice, username=f"guess-{number}").status == 303

    asked, saved = say(alice, username="bob"), say(alice, name="Alice Typed")

    assert (asked.status, asked.header("Retry-After")) == (429, "300")
    assert "too often" in asked.words
    assert "taken" not in asked.said_beside("username")
    assert saved.status == 303
    with place.app_context():
        assert alice.account().username == f"guess-{NAMES.burst - 1}"


@pytest.mark.parametrize("typed", ["ab", "a" * 31, "alice@post.example", "two words", "-alice"])
def test_another_shape_is_no_user_name(place, alice, typed):
    page = say(alice, username=typed)

    assert page.status == 422
    assert "3 to 30" in page.said_beside("username")
    assert page.typed_in("username") == typed


@pytest.mark.clause("C04")
def test_a_new_user_name_is_told_and_the_same_one_is_not(place, alice):
    before = len(mails(place))
    say(alice, username="alice")
    told = mails(place)[before:]
    say(alice, username="alice", name="Alice")

    assert [str(mail["To"]) for mail in told] == [ALICE]
    assert "user name" in str(told[0]["Subject"])
    assert len(mails(place)) == before + 1


@pytest.mark.clause("C04")
@pytest.mark.both_databases
def test_of_two_who_take_a_user_name_together_one_has_it(place, alice, bob):
    sheets = [(guest, guest.open(PAGE)) for guest in (alice, bob)]
    barrier = Barrier(2)

    def take(guest, page):
        barrier.wait()
        return say(guest, page, username="heron", name="Heron")

    with ThreadPoolExecutor(2) as pool:
        pages = list(pool.map(lambda pair: take(*pair), sheets))

    assert sorted(page.status for page in pages) == [303, 422]
    (refused,) = (page for page in pages if page.status == 422)
    assert "taken" in refused.said_beside("username")
    with place.app_context():
        names = [guest.account().username for guest in (alice, bob)]
        assert names in (["heron", "bob"], [None, "heron"])


# -- Whose it is ------------------------------------------------------------------------------


@pytest.mark.clause("C14")
def test_extra_fields_do_nothing(place, alice, bob):
    with place.app_context():
        before = (bob.account().person_id, alice.account().person_id)
    say(
        alice, name="Alice", role="owner", verified_at="", suspended_at="2031-01-01",
        person_id=before[0], account_id=str(bob.account_id), id=str(bob.account_id),
        email=BOB, password="x", of_the_house="1",
    )  # fmt: skip

    with place.app_context():
        account = alice.account()
        assert (account.role, account.person_id) == ("guest", before[1])
        assert account.verified_at is not None
        assert account.suspended_at is None
        assert account.person.email == ALICE
        assert bob.account().person.name is None


@pytest.mark.clause("C14")
def test_without_signing_in_there_is_no_profile(visitor):
    for path in (PAGE, "/account/email", "/account/readings", "/account"):
        page = visitor.open(path)
        assert page.status == 303
        assert page.header("Location").startswith("/account/sign-in?next=")
    assert visitor.ask("POST", PAGE, data={"name": "Mallory"}).status == 303


@pytest.mark.clause("C14")
def test_nothing_is_taken_without_the_token(place, alice):
    answer = alice.ask("POST", PAGE, data={"name": "Mallory"})

    assert answer.status == 400
    with place.app_context():
        assert alice.account().person.name is None


@pytest.mark.clause("C14")
def test_pages_are_never_stored_and_no_value_stands_in_an_address(alice):
    say(alice, **TEXTS)
    pages = [alice.open(path) for path in (PAGE, "/account", "/account/readings")]

    assert {page.header("Cache-Control") for page in pages} == {"no-store"}
    addresses = [page.url for page in alice.seen]
    links = [str(tag.get("href")) for page in pages for tag in page.soup.select("a[href]")]
    for value in (*TEXTS.values(), ALICE):
        assert not found_in("\n".join([*addresses, *links]).encode(), (value,))


@pytest.mark.clause("C14")
def test_whoever_steals_the_book_reads_nothing_of_a_profile(place, alice, instance):
    say(
        alice, username="kanarienvogel", **TEXTS, **BILLING, **SHIPPING,
        keeps_billing="y", keeps_shipping="y",
    )  # fmt: skip

    stolen = b"".join(file.read_bytes() for file in sorted(instance.glob("*.db*")))

    values = ("kanarienvogel", ALICE, *TEXTS.values(), BILLING["billing_city"],
              BILLING["billing_street_address"], SHIPPING["shipping_city"])  # fmt: skip
    assert b"person" in stolen
    assert found_in(stolen, values) == []


def test_what_was_booked_before_stays_as_it_was(place, clock):
    alice = Guest(place, clock, ALICE)
    alice.book(email=ALICE, name="Alice of Then")

    say(alice, name="Alice of Now")

    with place.app_context():
        booked = db.session.scalars(sa.select(Reservation)).one()
        assert booked.person.name == "Alice of Then"
        assert alice.account().person.name == "Alice of Now"
