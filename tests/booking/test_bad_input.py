"""Whatever is typed or tampered with gets a clear answer beside the field, and is kept.

Never a fault of ours: each answer is a page with a status that fits, in the
visitor's language, with the message where a screen reader finds it.
"""

import time
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.booking.models import Basket, BasketLine, Reservation
from app.core.database import db
from app.core.languages import LANGUAGES
from tests.house.visitor import EMAIL, NAME, Visitor

WIDE = dict(zip(range(48, 58), range(0xFF10, 0xFF1A), strict=True))  # digits of full width
NASTY = {
    "emoji": "👩🏽‍🚀🎉",
    "right to left": "مرحبا بالعالم",
    "combining": "\u00e9" + "\u0301" * 20,
    "markup": "<script>alert(1)</script>\"'&amp;",
    "template": "{{ 7*7 }} %(name)s %s {0}",
    "sql": "'; DROP TABLE reservation; --",
    "line breaks": "a\r\nBcc: everybody@example.org",
}
HIDDEN = {
    "override": "abc\u202edef",
    "control": "a\x07b",
    "nul": "a\x00b",
    "lone surrogate": "a%ED%A0%80b",
    "filler": "\u3164",
}
STAY = "/offers/reed-room/stay"
GOOD_STAY = {"arrive": "2031-06-02", "depart": "2031-06-05", "adults": "2", "children": "0"}


@pytest.fixture
def at_checkout(visitor):
    """The form for the details, at its page."""
    return visitor.hold(visitor.choose_stay())


# -- Looking around ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("arrive=2031-06-05&depart=2031-06-02", "depart", "leave after you arrive"),
        ("arrive=2031-06-05&depart=2031-06-05", "depart", "leave after you arrive"),
        ("arrive=2031-02-29&depart=2031-03-02", "arrive", "February"),
        ("arrive=2031-13-01&depart=2031-03-02", "arrive", ""),
        ("arrive=0000-00-00&depart=2031-03-02", "arrive", ""),
        ("arrive=tomorrow&depart=2031-03-02", "arrive", ""),
        ("arrive=99999-01-01&depart=2031-03-02", "arrive", ""),
        ("arrive=2031-06-02", "depart", "this day too"),
        ("arrive=2031-06-02&depart=2031-06-04&adults=0", "adults", "from 1 to 20"),
        ("arrive=2031-06-02&depart=2031-06-04&adults=-3", "adults", "from 1 to 20"),
        ("arrive=2031-06-02&depart=2031-06-04&adults=21", "adults", "from 1 to 20"),
        ("arrive=2031-06-02&depart=2031-06-04&adults=2.5", "adults", "whole number"),
        ("arrive=2031-06-02&depart=2031-06-04&children=" + "9" * 30, "children", "from 0 to 12"),
        ("arrive=2031-06-02&depart=2031-06-04&children=two", "children", "whole number"),
    ],
)
@pytest.mark.parametrize("path", ["/search", "/offers/reed-room"])
def test_a_wrong_search_is_answered_beside_the_field_with_what_was_typed(
    visitor, path, query, field, said
):
    page = visitor.open(f"{path}?{query}")

    if path == "/offers/reed-room" and query == "arrive=2031-06-02":
        assert page.status == 200  # the first of two steps there
        return
    typed = dict(pair.split("=") for pair in query.split("&"))
    assert page.status == 422
    assert said in page.said_beside(field) != ""
    assert {name: page.typed_in(name) for name in typed} == typed


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("arrive=2031-05-01&depart=2031-05-03", "has passed"),
        ("arrive=1999-05-01&depart=1999-05-03", "has passed"),
        ("arrive=2039-05-01&depart=2039-05-03", "further ahead"),
        ("arrive=2031-06-01&depart=2031-07-30", "a little long"),
        ("arrive=2031-06-01&depart=2031-06-03&adults=9", "room for all of you"),
        ("arrive=2031-06-01&depart=2031-06-03&children=3", "room for all of you"),
    ],
)
def test_what_cannot_be_had_is_said_and_never_a_dead_end(visitor, query, said):
    offer = visitor.open(f"/offers/reed-room?{query}")
    search = visitor.open(f"/search?{query}")

    assert said in offer.words
    assert offer.status == search.status == 200
    assert said in search.words
    typed = dict(pair.split("=") for pair in query.split("&"))
    assert {name: offer.typed_in(name) for name in typed} == typed


def test_the_29th_of_february_is_a_day_like_any_other_in_its_years(place, clock, visitor):
    clock.set(clock().replace(year=2031, month=11))

    good = visitor.open("/offers/reed-room?arrive=2032-02-28&depart=2032-03-01")
    wrong = visitor.open("/offers/reed-room?arrive=2033-02-29&depart=2033-03-01")

    assert "2 nights" in good.words
    assert wrong.status == 422


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("adults=99", "adults"),
        ("adults=x", "adults"),
        ("children=-1", "children"),
        ("adults=", "adults"),
    ],
)
def test_the_price_of_a_session_is_asked_with_the_same_care(visitor, query, field):
    start = visitor.open("/offers/sauna?month=2031-05").soup.select_one(".session a")["href"]

    page = visitor.open(f"{str(start).partition('#')[0]}&{query}")

    assert page.status == 422
    assert page.said_beside(field)
    assert page.typed_in(field) == query.partition("=")[2]


def test_the_price_that_is_shown_has_the_extras_that_were_chosen_in_it(visitor):
    sheet = visitor.open("/offers/reed-room?arrive=2031-06-02&depart=2031-06-05").form("/stay")
    values = {**sheet.values, "extra-bicycle": "2"}

    page = visitor.open(f"/offers/reed-room?{urlencode(values)}")
    wrong = visitor.open(f"/offers/reed-room?{urlencode({**values, 'extra-bicycle': '77'})}")

    assert "€54.00" in page.words  # two bicycles for three nights
    assert page.typed_in("extra-bicycle") == "2"
    assert wrong.status == 422
    assert wrong.said_beside("extra-bicycle")
    assert wrong.typed_in("extra-bicycle") == "77"


WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1",
            "2",
            "99999999999999999999",
            "2031-06-02",
            "2031-06",
            "9999-12",
            "9999-12-31",
            "0001-01-01",
            "2200-12-31",
            "2031-05-06T15:00:00+00:00",
            "9999-12-31T23:59:59-12:00",
            "0001-01-01T00:00:00+14:00",
            "2031-05-06T15:00:00",
            "de",
            "zh",
            "\x00",
            "\u202e",
            "12".translate(WIDE),
            "²",
            "٣",
            "+2",
            "1e3",
            "0x10",
            "NaN",
            "2031-W23-1",
            "20310602",
            "4111111111111111",
            "A" * 24,
            "é" * 24,
        ]
    ),
    st.dates().map(str),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.integers().map(str),
)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "month",
                "arrive",
                "depart",
                "adults",
                "children",
                "starts_at",
                "lang",
                "basket",
                "extra-bicycle",
                "key",
                "next",
                "csrf_token",
            ]
        ),
        WORDS,
    ),
    max_size=6,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["/search", "/offers/reed-room", "/offers/sauna", "/", "/basket"]),
    query=QUERIES,
)
@example("/offers/sauna", [("month", "9999-12"), ("starts_at", "9999-12-31T23:59:59-12:00")])
@example(
    "/offers/reed-room", [("month", "0001-01"), ("arrive", "0001-01-01"), ("depart", "9999-12-31")]
)
@example("/search", [("arrive", "2200-12-30"), ("depart", "2200-12-31"), ("adults", "20")])
@example("/search", [("arrive", "1900-01-01"), ("depart", "2200-12-31")])
def test_no_address_makes_us_fail(visitor, path, query):
    page = visitor.open(f"{path}?{urlencode(query, errors='surrogatepass')}")

    assert page.status in (200, 303, 304, 422), (path, query)
    visitor.seen.clear()


@pytest.mark.parametrize(
    "path",
    [
        "/offers/%00",
        "/offers/%ff%fe",
        "/offers/" + "a" * 5000,
        "/basket/%00",
        "/basket/" + "é" * 24,
        "/checkout/%00-%00",
        "/checkout/AAAAAAAA-é",
        "/reservations/%E2%80%AE?key=%00",
        "/static/..%2f..%2fwsgi.py",
        "/reservations/AAAAAAAA?key=é",
        "/privacy/versions/" + "9" * 30,
        "/terms/versions/-1",
        "/static/%00",
        "/account/enter/%00",
        "/privacy/versions/²",
        "/search/",
        "/offers/reed-room/../..",
    ],
)
def test_no_path_makes_us_fail(visitor, path):
    page = visitor.open(path)

    assert page.status in (308, 404, 410), page.status
    assert "evil.example" not in (page.header("Location") or "").partition("localhost")[0]


def test_ids_without_end_are_no_ids(visitor):
    key = visitor.choose_stay().url.split("/")[2].partition("?")[0]

    for number in ("9" * 30, "2147483648", "-1", "1.5", "٣"):
        page = visitor.ask("POST", f"/basket/{key}/lines/{quote(number)}/remove", data={})
        assert page.status in (303, 404)
    assert len(visitor.open(f"/basket/{key}").soup.select("li.line")) == 1


# -- The basket's forms -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"arrive": "2031-06-05", "depart": "2031-06-02"}, "depart"),
        ({"arrive": ""}, "arrive"),
        ({"depart": "30.02.2031"}, "depart"),
        ({"adults": ""}, "adults"),
        ({"adults": "0"}, "adults"),
        ({"adults": "1" * 30}, "adults"),
        ({"children": "-2"}, "children"),
        ({"extra-bicycle": "5"}, "extra-bicycle"),
        ({"extra-bicycle": "many"}, "extra-bicycle"),
    ],
)
def test_a_stay_that_cannot_be_meant_is_answered_in_the_visitors_language(visitor, typed, field):
    for language in LANGUAGES:
        page = visitor.ask("POST", f"{STAY}?lang={language}", data={**GOOD_STAY, **typed})

        assert page.status == 422
        assert page.said_beside(field)
        assert {name: page.typed_in(name) for name in typed} == typed
        assert page.soup.html["lang"].startswith(language)
        summary = page.soup.select_one("[role=alert]")
        assert summary.select(f'a[href="#{field}"]')


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"arrive": "2031-05-01", "depart": "2031-05-04"}, "has passed"),
        ({"arrive": "2040-05-01", "depart": "2040-05-04"}, "further ahead"),
        ({"adults": "3"}, "room for all of you"),
        ({"depart": "2031-06-30"}, "a little long"),
    ],
)
def test_a_stay_that_is_not_on_offer_is_refused_with_a_reason(visitor, place, typed, said):
    page = visitor.ask("POST", STAY, data={**GOOD_STAY, **typed})

    assert page.status == 409
    assert said in page.words
    assert {name: page.typed_in(name) for name in typed} == typed
    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Basket)) == 0


def test_prices_and_hidden_fields_are_not_taken_from_the_visitor(place, visitor):
    basket = visitor.ask(
        "POST",
        STAY,
        data={**GOOD_STAY, "price": "1", "total_minor": "1", "offer_id": "3", "units": "99"},
    )
    page = visitor.open(basket.header("Location"))
    sheet = page.form("/hold")

    for quoted in ("", "0" * 64, "x" * 9000, "\x00"):
        refused = visitor.ask("POST", sheet.url, data={"quoted": quoted, "total_minor": "1"})
        assert (refused.status, "A price has changed" in refused.words) == (409, True)
    details = visitor.hold(page)

    assert "€428.00" in details.words
    with place.app_context():
        assert db.session.scalars(sa.select(Reservation.total_minor)).all() == [42_800]


@pytest.mark.parametrize(
    "starts_at",
    [
        "",
        "tomorrow",
        "2031-05-06T15:00:00",
        "2031-05-06T15:00:01+00:00",
        "2031-05-05T08:00:00+00:00",
        "2020-01-01T17:00:00+01:00",
        "9999-12-31T23:59:59-12:00",
        "2031-05-06",
        "x" * 50_000,
        "\x00",
    ],
)
def test_a_start_that_was_made_up_is_refused(place, visitor, starts_at):
    page = visitor.ask(
        "POST",
        "/offers/sauna/session",
        data={"starts_at": starts_at, "adults": "2", "children": "0"},
    )

    assert page.status in (409, 422)
    assert page.soup.select_one("[role=alert]").get_text(strip=True)
    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(BasketLine)) == 0


def test_an_offer_of_the_other_kind_is_nowhere(visitor):
    assert visitor.ask("POST", "/offers/sauna/stay", data=GOOD_STAY).status == 404
    assert visitor.ask("POST", "/offers/reed-room/session", data={}).status == 404
    assert visitor.ask("POST", "/offers/nowhere/stay", data=GOOD_STAY).status == 404


# -- The details ------------------------------------------------------------------------------

FIELDS = ("name", "email", "phone", "title", "company", "wechat_id")


def test_names_from_everywhere_are_welcome_and_harmless(visitor, at_checkout):
    for kind, nasty in NASTY.items():
        value = nasty[:30]
        page = visitor.tell(at_checkout, name=value, company=value, title=value)
        shown = page if kind == "line breaks" else visitor.open(at_checkout.url)

        assert "<script>" not in page.text + shown.text
        if kind == "line breaks":
            assert page.status == 422
            assert all(page.said_beside(name) for name in ("name", "company", "title"))
        else:
            assert page.title == "Check and pay", kind
            assert {shown.typed_in(name) for name in ("name", "company", "title")} == {value}


def test_what_cannot_be_seen_is_refused_beside_the_field(visitor, at_checkout):
    known = {**at_checkout.form().values, "name": NAME, "email": EMAIL, "agrees": "y"}
    del known["company"]
    for kind, hidden in HIDDEN.items():
        raw = hidden if "%" in hidden else quote(hidden)
        page = visitor.ask(
            "POST",
            at_checkout.url,
            data=f"{urlencode(known)}&company={raw}".encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )

        if kind in ("lone surrogate", "filler"):  # made visible by the decoder; nothing at all
            assert page.status == 303
            assert not set(visitor.open(at_checkout.url).typed_in("company")) & set("\ud800\u3164")
        else:
            assert page.status == 422, kind
            assert page.said_beside("company")
            assert page.typed_in("name") == NAME


def test_a_text_without_end_is_refused_quickly(visitor, at_checkout):
    for name in FIELDS:
        begun = time.perf_counter()
        page = visitor.tell(at_checkout, **{name: "\uff211 " * 33_000})
        took = time.perf_counter() - begun

        assert page.status == 422
        assert page.said_beside(name)
        assert len(page.body) < 150_000
        assert took < 3, name


WRONG = (
    ({"name": ""}, "name"),
    ({"name": "   "}, "name"),
    ({"email": ""}, "email"),
    ({"email": "anna@"}, "email"),
    ({"email": "anna@example"}, "email"),
    ({"phone": "12"}, "phone"),
    ({"wechat_id": "1abc"}, "wechat_id"),
    ({"phone_country": "Atlantis"}, "phone_country"),
    ({"wants_invoice": "y"}, "billing_city"),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_wrong_details_are_answered_beside_the_field(visitor, at_checkout, language):
    url = f"{at_checkout.url}{'&' if '?' in at_checkout.url else '?'}lang={language}"
    opened = visitor.open(url)
    for typed, field in WRONG:
        page = visitor.tell(opened, **{"company": "Kanarienzucht & Söhne", **typed})

        assert page.status == 422, typed
        assert page.said_beside(field), typed
        assert page.soup.html["lang"].startswith(language)
        kept = {"company": "Kanarienzucht & Söhne", "name": NAME, "email": EMAIL, **typed}
        for name in kept.keys() - {"phone_country", "wants_invoice"}:
            assert page.typed_in(name).strip() == kept[name].strip()


def test_without_agreeing_nothing_is_booked(visitor, place, at_checkout):
    page = visitor.send(at_checkout.form(), name=NAME, email=EMAIL)

    assert page.status == 422
    assert page.said_beside("agrees")
    with place.app_context():
        assert db.session.scalars(sa.select(Reservation.person_id)).all() == [None]


@pytest.mark.clause("C17")
def test_the_trap_for_robots_refuses_kindly_and_lets_a_second_try_through(visitor, at_checkout):
    caught = visitor.tell(at_checkout, website="https://spam.example")
    again = visitor.tell(caught)

    assert caught.status == 422
    assert "spam.example" not in caught.text
    assert caught.typed_in("name") == NAME
    assert again.title == "Check and pay"


# -- Card numbers -----------------------------------------------------------------------------


@pytest.mark.clause("C03")
def test_a_card_number_is_refused_kindly_beside_the_field(visitor):
    checkout = visitor.hold(visitor.choose_stay(extra__sea__buckthorn__parcel="1"))
    for field in (*FIELDS, "shipping_name", "shipping_city", "shipping_street_address"):
        page = visitor.tell(checkout, **{field: "my card is 4111 1111 1111 1111"})

        assert page.status == 422
        assert "card number" in page.said_beside(field), field
        assert page.typed_in(field).strip() == ""


def test_an_address_with_two_slashes_leads_nowhere_else(place):
    answer = place.test_client().get("//evil.example/", base_url="http://localhost")

    assert answer.status_code in (200, 308, 404)
    assert 'href="//' not in answer.text
    assert "evil" not in answer.headers.get("Location", "")


@pytest.mark.clause("C03")
def test_a_card_number_in_an_address_is_not_put_into_links(place):
    visitor = Visitor(place)
    for query in ("arrive=4111+1111+1111+1111", "x=4111111111111111", "month=4111111111111111"):
        for path in ("/search", "/offers/reed-room", "/offers/sauna", "/contact"):
            assert "4111" not in visitor.open(f"{path}?{query}").text, (path, query)
