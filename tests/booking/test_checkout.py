"""Name and e-mail are enough to book; what was agreed to is recorded as it was shown (C05, C07)."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.forms import DetailsForm
from app.booking.holds import HOLD_TIME
from app.booking.models import CONFIRMED, HELD, Reservation
from app.booking.reservations import prove
from app.core.database import db
from app.core.datamap import Kind
from app.core.languages import LANGUAGES
from app.core.vault import load_address, vault
from app.policy.models import Agreement, DocumentVersion
from app.policy.sources import sources
from tests.house.canaries import BILLING, PERSON, SHIPPING
from tests.house.visitor import EMAIL, NAME, Visitor

PARCEL = {"extra__sea__buckthorn__parcel": "1"}
OPTIONAL = ("phone", "title", "company", "wechat_id")


def the_person():
    return db.session.scalars(sa.select(Person)).one()


def agreed():
    query = (
        sa.select(DocumentVersion.document, DocumentVersion.number, DocumentVersion.language)
        .join(Agreement, Agreement.version_id == DocumentVersion.id)
        .order_by(DocumentVersion.document, DocumentVersion.language)
    )
    return [tuple(row) for row in db.session.execute(query)]


def newest(language):
    """Return the newest texts of the program, which the demo place has published."""
    numbers = {}
    for one in sources():
        numbers[one.document] = max(one.number, numbers.get(one.document, 0))
    return [(document, numbers[document], language) for document in ("privacy", "terms")]


@pytest.mark.clause("C07")
@pytest.mark.clause("C16")
def test_name_and_email_are_enough(place, visitor):
    reservation = visitor.book()

    with place.app_context():
        person = the_person()
        assert (person.name, person.email) == (NAME, EMAIL)
        assert [getattr(person, name) for name in OPTIONAL] == [None] * 4
        assert (person.billing_address, person.shipping_address) == (None, None)
        assert db.session.scalars(sa.select(Reservation.status)).all() == [CONFIRMED]
    assert NAME in reservation.words


@pytest.mark.clause("C07")
@pytest.mark.clause("C08")
@pytest.mark.parametrize("left_empty", OPTIONAL)
def test_each_optional_field_may_stay_empty(place, visitor, left_empty):
    told = {name: value for name, value in PERSON.items() if name != left_empty}
    details = visitor.hold(visitor.choose_stay())
    page = visitor.tell(details, **told)

    with place.app_context():
        person = the_person()
        kept = {name: getattr(person, name) for name in PERSON}
    assert page.title == "Check and pay"
    assert kept == {**PERSON, left_empty: None}


@pytest.mark.clause("C07")
def test_what_is_optional_says_so_and_what_is_required_is_marked(visitor):
    page = visitor.hold(visitor.choose_stay())

    for name in ("name", "email"):
        assert page.soup.find(attrs={"name": name}).has_attr("required")
    for name in OPTIONAL:
        control = page.soup.find(attrs={"name": name})
        label = page.soup.find("label", attrs={"for": control["id"]}).get_text()
        group = control.find_parent(["fieldset", "details"])
        heading = group.find(["legend", "summary"]).get_text() if group else ""
        assert not control.has_attr("required")
        assert "optional" in label or "Only if you like" in heading
        reasons = [page.soup.find(id=one) for one in str(control["aria-describedby"]).split()]
        assert any("ithout" in tag.get_text() for tag in reasons if tag), name


@pytest.mark.clause("C01")
def test_every_question_stands_with_its_reason(visitor):
    page = visitor.hold(visitor.choose_stay(**PARCEL))
    words = page.words

    for question in DetailsForm.questions():
        if question.collects:
            assert str(question.why) in words, question.name


@pytest.mark.clause("C01")
@pytest.mark.clause("C03")
def test_a_posting_address_is_asked_only_when_something_is_posted(place, visitor):
    plain = visitor.hold(visitor.choose_stay())
    posted = visitor.hold(visitor.choose_stay("lagoon-suite", **PARCEL))
    forced = visitor.tell(plain, **SHIPPING)
    missing = visitor.tell(posted)
    with place.app_context():
        assert [p.shipping_address for p in db.session.scalars(sa.select(Person))] == [None]
    told = visitor.tell(posted, **SHIPPING)

    assert not plain.soup.select("[name^=shipping]")
    assert posted.soup.select("[name^=shipping]")
    assert forced.title == told.title == "Check and pay"
    assert missing.status == 422
    assert missing.said_beside("shipping_city")
    with place.app_context():
        found = {
            load_address(p.shipping_address) and "kept"
            for p in db.session.scalars(sa.select(Person))
        }
    assert found == {None, "kept"}


@pytest.mark.clause("C03")
def test_a_billing_address_is_kept_only_when_an_invoice_is_wanted(place, visitor):
    details = visitor.hold(visitor.choose_stay())
    visitor.tell(details, **BILLING)
    with place.app_context():
        assert the_person().billing_address is None

    visitor.tell(details, **BILLING, wants_invoice="y")
    with place.app_context():
        assert load_address(the_person().billing_address)["city"] == BILLING["billing_city"]

    again = visitor.open(details.url)
    visitor.send(again.form(), drop="wants_invoice", agrees="y")
    with place.app_context():
        assert the_person().billing_address is None


@pytest.mark.clause("C05")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_versions_agreed_to_are_those_in_the_language_of_the_page(place, language):
    visitor = Visitor(place, headers={"Accept-Language": language})

    visitor.book()

    with place.app_context():
        assert agreed() == newest(language)
        assert db.session.scalars(sa.select(Reservation.language)).all() == [language]


@pytest.mark.clause("C05")
def test_who_changes_the_language_at_checkout_agrees_to_what_they_read(place, visitor):
    details = visitor.hold(visitor.choose_stay())
    german = visitor.open(f"{details.url.partition('?')[0]}?lang=de")
    check = visitor.tell(german)

    assert check.soup.html["lang"] == "de"
    with place.app_context():
        assert agreed() == newest("de")
        assert db.session.scalars(sa.select(Reservation.language)).all() == ["de"]


@pytest.mark.clause("C05")
def test_the_page_links_to_what_is_agreed_to_and_the_box_is_not_ticked(visitor):
    page = visitor.hold(visitor.choose_stay())
    box = page.soup.find(attrs={"name": "agrees"})
    links = [a["href"].partition("?")[0] for a in box.find_parent("label").select("a")]

    assert not box.has_attr("checked")
    assert links == ["/terms", "/privacy"]


@pytest.mark.clause("C26")
def test_details_can_be_corrected_until_they_are_paid(place, visitor):
    details = visitor.hold(visitor.choose_stay())
    visitor.tell(details)
    again = visitor.open(details.url)
    visitor.tell(again, email="corrected@example.org")

    assert again.typed_in("name") == NAME
    with place.app_context():
        person = the_person()
        assert person.email == "corrected@example.org"
        assert vault().find(Kind.EMAIL, "CORRECTED@example.org") == [person.id]
        assert vault().find(Kind.EMAIL, EMAIL) == []
        assert len(agreed()) == 2


def test_another_checkout_shows_nothing(place, visitor):
    details = visitor.hold(visitor.choose_stay())
    visitor.tell(details)
    key = details.url.split("/")[2].partition("?")[0]
    reference, _, proof = key.partition("-")
    other = visitor.hold(visitor.choose_stay("lagoon-suite")).url.split("/")[2].partition("?")[0]

    wrong = [
        f"{reference}-{'A' * 24}",
        f"{reference}-",
        reference,
        f"{reference}-{proof[:-1]}",
        f"{reference}-{other.partition('-')[2]}",
        f"{reference.lower()}-{proof}",
        f"AAAAAAAA-{proof}",
    ]
    for path in ("", "/pay", "/return"):
        pages = [visitor.open(f"/checkout/{one}{path}") for one in wrong]
        assert {page.status for page in pages} == {404}
        assert {page.words for page in pages} == {visitor.open("/nothing").words}
    for path in ("", "/pay", "/again"):
        for one in wrong:
            assert visitor.ask("POST", f"/checkout/{one}{path}", data={}).status == 404


# -- Holds that run out, at every step ----------------------------------------------------


@pytest.fixture
def at_pay(visitor):
    """The details, and the page to pay on."""
    details = visitor.hold(visitor.choose_stay("boathouse"))
    return details, visitor.tell(details)


def test_a_hold_that_ran_out_while_typing_is_renewed_if_it_is_free(place, clock, visitor):
    details = visitor.hold(visitor.choose_stay("boathouse"))
    clock.move(HOLD_TIME + timedelta(minutes=1))

    check = visitor.tell(details)

    assert check.title == "Check and pay"
    with place.app_context():
        found = db.session.scalars(sa.select(Reservation)).one()
        assert (found.status, found.held_until) == (HELD, clock() + HOLD_TIME)


def test_a_hold_that_somebody_else_has_since_is_told_with_what_was_typed_kept(
    place, clock, visitor
):
    details = visitor.hold(visitor.choose_stay("boathouse"))
    clock.move(HOLD_TIME)
    Visitor(place).hold(Visitor(place).choose_stay("boathouse"))

    page = visitor.tell(details, company="Kanarienzucht")

    assert page.status == 409
    assert "someone else has booked those places" in page.words
    assert page.typed_in("company") == "Kanarienzucht"
    with place.app_context():
        assert prove(now=clock()) == []
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 0


def test_a_page_opened_after_its_time_says_so_and_offers_to_hold_again(
    place, clock, visitor, at_pay
):
    details, _ = at_pay
    clock.move(HOLD_TIME)

    late = visitor.open(details.url)
    again = visitor.send(late.form("/again"))

    assert late.status == 409
    assert late.title == "The time has run out"
    assert again.title == "Your details"
    assert again.typed_in("name") == NAME


def test_holding_again_what_is_gone_is_refused_and_changes_nothing(place, clock, visitor, at_pay):
    details, _ = at_pay
    clock.move(HOLD_TIME)
    late = visitor.open(details.url)
    Visitor(place).hold(Visitor(place).choose_stay("boathouse"))

    refused = visitor.send(late.form("/again"))

    assert refused.status == 409
    assert "someone else" in refused.words
    with place.app_context():
        assert prove(now=clock()) == []


def test_paying_after_its_time_leads_back_and_charges_nothing(place, clock, visitor, at_pay):
    _, check = at_pay
    clock.move(HOLD_TIME)

    page = visitor.send(check.form())

    assert page.title == "The time has run out"
    with place.app_context():
        assert db.session.scalar(sa.text("SELECT count(*) FROM payment")) == 0


def test_the_back_button_after_booking_leads_to_the_reservation(visitor):
    basket = visitor.choose_stay()
    details = visitor.hold(basket)
    reservation = visitor.pay(visitor.tell(details))

    back = [visitor.follow(visitor.open(page.url)) for page in (details,)]
    back.append(visitor.tell(details, name="Somebody Else"))
    held = visitor.send(basket.form("/hold"))

    assert {page.title for page in back} == {reservation.title}
    assert held.status == 404
    assert "link is in the mail" in held.words
