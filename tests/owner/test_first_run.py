"""From an empty site to the first booking: the owner in a few steps, then a visitor."""

import pytest
import sqlalchemy as sa

from app.booking.models import OfferRow, Reservation
from app.core.database import db
from app.policy.documents import publish_missing
from tests.accounts.ways import sign_in
from tests.house.visitor import Page, Sheet, Visitor, reference_of
from tests.owner.house import words


@pytest.fixture
def empty(app, clock):
    """A site with its documents and nothing else."""
    with app.app_context():
        publish_missing(now=clock())
        db.session.commit()
    return app


PLACE = {
    "name": "Hof Kranich",
    "address": "Deichweg 3\n18300 Schilfwiek",
    "country": "DE",
    "email": "hof@kranich.example",
    "phone": "+491713920028",
    "zone": "Europe/Berlin",
    "currency": "eur",
    "check_in": "15:00",
    "check_out": "10.30",
    "months_ahead": "12",
    "remind_days": "3",
}
STAY = {
    "name": "Deich-Zimmer",
    "summary": "A room behind the dyke.",
    "minor": "80",
    "unit_names": "Nord\nSüd",
    "guests_most": "2",
    "adults_most": "2",
    "children_most": "1",
    "nights_least": "1",
    "nights_most": "14",
    "vat": "7",
    "position": "0",
}
SESSION = {
    "name": "Watt walk",
    "minutes": "120",
    "seats": "6",
    "cutoff_minutes": "60",
    "adult_minor": "25.00",
    "child_minor": "0",
    "vat": "19",
    "position": "0",
    "first": "2031-05-06",
    "weekdays": ["1", "3"],
    "times": "9:30, 14:00",
}


def press(app, client, page, ending, **typed):
    """Send the form of a page, with something typed into it, and go where it leads."""
    seen = Page("/owner/", page.status_code, list(page.headers), page.data)
    sheet = Sheet(seen.form(ending).tag, "")
    return client.post(seen.form(ending).tag["action"], data={**sheet.values, **typed})


@pytest.mark.clause("C17")
def test_an_owner_sets_the_place_up_and_a_visitor_books(empty, clock):
    owner = sign_in(empty, clock, empty.test_client())
    first = owner.get("/owner/")
    assert "Nothing is on offer yet" in words(first)
    assert 'href="/owner/place"' in first.text

    placed = press(empty, owner, owner.get("/owner/place"), "/place", **PLACE)
    second = owner.get(placed.location)
    assert "The place is set up" in words(second)
    assert 'href="/owner/offers/stay"' in second.text

    drafted = press(empty, owner, owner.get("/owner/offers/stay"), "/stay", **STAY)
    draft = owner.get(drafted.location)
    assert "Look at the draft" in words(owner.get("/owner/"))
    preview = owner.get("/owner/offers/1/preview?arrive=2031-06-02&depart=2031-06-04")
    unsold = Visitor(empty).open("/offers/deich-zimmer")
    sold = press(empty, owner, draft, "/sale")

    assert sold.status_code == 303
    assert "This is a preview" in words(preview)
    assert "€160.00" in words(preview)
    assert "Put into the basket" not in preview.text
    assert unsold.status == 404
    visitor = Visitor(empty)
    reserved = visitor.pay(visitor.tell(visitor.hold(visitor.choose_stay("deich-zimmer"))))
    with empty.app_context():
        kept = db.session.execute(sa.select(Reservation)).scalar_one()
        assert kept.reference == reference_of(reserved)
        assert kept.total_minor == 3 * 8000
    assert "Nothing is on offer" not in words(owner.get("/owner/"))


@pytest.mark.clause("C17")
def test_the_first_offer_can_be_a_session(empty, clock):
    owner = sign_in(empty, clock, empty.test_client())
    press(empty, owner, owner.get("/owner/place"), "/place", **PLACE)
    drafted = press(empty, owner, owner.get("/owner/offers/session"), "/session", **SESSION)
    press(empty, owner, owner.get(drafted.location), "/sale")

    times = Visitor(empty).open("/offers/watt-walk?month=2031-05")
    reserved = Visitor(empty)
    page = reserved.pay(reserved.tell(reserved.hold(reserved.choose_session("watt-walk"))))

    assert "09:30" in times.words
    assert "14:00" in times.words
    assert page.title.startswith("You are expected")


@pytest.mark.parametrize(
    "path", ["/", "/search", "/contact", "/offers/nothing", "/basket/" + "a" * 24]
)
def test_visitors_of_an_empty_site_are_told_kindly(empty, path):
    page = Visitor(empty).open(path)

    assert page.status in (503, 404)
    assert page.status == 404 or "We open soon" in page.title
    assert "wrong on our side" not in page.words


@pytest.mark.both_databases
def test_a_place_whose_offers_are_drafts_opens_soon_too(empty, clock):
    owner = sign_in(empty, clock, empty.test_client())
    press(empty, owner, owner.get("/owner/place"), "/place", **PLACE)
    press(empty, owner, owner.get("/owner/offers/stay"), "/stay", **STAY)

    home, contact = Visitor(empty).open("/"), Visitor(empty).open("/contact")

    assert home.status == 503
    assert "Hof Kranich" in home.text
    assert contact.status == 200
    with empty.app_context():
        assert db.session.scalar(sa.select(OfferRow.slug)) == "deich-zimmer"


def test_what_is_wrong_with_the_place_is_said_beside_the_field_and_kept(empty, clock):
    owner = sign_in(empty, clock, empty.test_client())
    typed = {**PLACE, "currency": "XXQ", "check_in": "teatime", "name": "Hof <b>Kranich</b>"}

    page = press(empty, owner, owner.get("/owner/place"), "/place", **typed)
    seen = Page("/owner/place", page.status_code, [], page.data)

    assert page.status_code == 422
    assert "time of day" in seen.said_beside("check_in")
    assert seen.typed_in("check_in") == "teatime"
    assert seen.typed_in("name") == "Hof <b>Kranich</b>"
    assert "<b>Kranich" not in page.text


@pytest.mark.clause("C17")
def test_no_page_of_the_owners_is_lost_on_an_empty_site(empty, clock):
    owner = sign_in(empty, clock, empty.test_client())
    pages = [
        rule.rule
        for rule in empty.url_map.iter_rules()
        if rule.endpoint.startswith("owner.") and "GET" in rule.methods and not rule.arguments
    ]

    answers = {path: owner.get(path) for path in pages}

    # What needs a place leads to the first steps; no page is broken, or shows what visitors see.
    wrong = {path: one.status_code for path, one in answers.items() if one.status_code >= 500}
    assert wrong == {}
    for path in ("/owner/", "/owner/board", "/owner/figures", "/owner/requests"):
        assert "Nothing is on offer yet" in words(answers[path])
