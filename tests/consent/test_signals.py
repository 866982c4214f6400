"""A refusal that the browser sends, or a browser that keeps no cookies, is a no (C10)."""

import re
from datetime import date

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.datastructures import Headers

from app.consent.signals import signal_in
from app.web.cookies import OPTIONAL
from tests.consent.answers import (
    A_DAY,
    GPC,
    answer,
    choice_in,
    faults,
    grants,
    jar,
    note_something,
    noted,
    records,
)
from tests.house.visitor import Visitor, address_of

pytestmark = pytest.mark.clause("C10")

TABLE = [
    (["1"], True),
    (["1", "1"], True),
    (["1,1"], True),
    (["0", "1"], True),
    (["0,1"], True),
    ([" 1"], True),
    (["1 "], True),
    (["0"], False),
    (["true"], False),
    (["11"], False),
    ([""], False),
    ([], False),
    (["yes"], False),
    (["01"], False),
    (["1.0"], False),
    (["?1"], False),
    (['"1"'], False),
    (["1;0"], False),
    (["-1"], False),
    (["\uff11"], False),
    (["\xa01"], False),
]


@pytest.mark.parametrize(("values", "counts"), TABLE)
@pytest.mark.parametrize("name", ["Sec-GPC", "DNT", "sec-gpc"])
def test_only_the_value_one_is_a_signal(values, counts, name):
    # As a server hands them on: fields of one name are joined by commas.
    headers = Headers([(name, ",".join(values))] if values else [])

    assert bool(signal_in(headers)) == counts
    if counts:
        assert signal_in(headers) == ("DNT" if name == "DNT" else "Sec-GPC")


def line_of(page):
    found = page.soup.select_one(".asked")
    return found.get_text(" ", strip=True) if found else ""


@pytest.mark.parametrize(("header", "named"), [("Sec-GPC", "Global"), ("DNT", "Do Not Track")])
def test_who_sends_a_signal_is_told_and_not_asked(place, header, named):
    page = Visitor(place, headers={header: "1"}).open("/contact")

    assert page.soup.select_one(".asking") is None
    assert named in line_of(page)


@pytest.mark.parametrize("value", ["0", "true", "11", ""])
def test_any_other_value_changes_nothing(place, value):
    page = Visitor(place, headers={"Sec-GPC": value, "DNT": value}).open("/contact")

    assert page.soup.select_one(".asking") is not None
    assert line_of(page) == ""


def test_a_signal_alone_writes_nothing_and_sets_nothing(place, count_queries):
    client = place.test_client()
    client.get("/contact", headers=GPC)

    with count_queries() as sent:
        pages = [client.open(p, method=m, headers=GPC) for p in PAGES for m in METHODS]

    assert [page.headers.getlist("Set-Cookie") for page in pages] == [[]] * len(pages)
    assert records(place) == []
    assert [one for one in sent if re.match(r"\s*(INSERT|UPDATE|DELETE)", one, re.IGNORECASE)] == []


PAGES = ("/", "/contact", "/cookies", "/no/such/page", "/healthz", "/.well-known/gpc.json")
METHODS = ("GET", "HEAD", "OPTIONS")


@pytest.mark.clause("C09")
@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("HEAD", "/contact"),
        ("GET", "/no/such/page"),
        ("POST", "/offers/reed-room/stay"),
        ("OPTIONS", "/cookies"),
        ("GET", "/cookies/receipt"),
    ],
)
def test_a_signal_ends_an_earlier_yes_at_once_wherever_it_arrives(place, clock, method, path):
    client = place.test_client()
    answer(client, "accept")
    client.set_cookie("preferences", "x", domain="localhost")
    note_something(place, clock())
    assert (noted(place), sorted(jar(client))) == (4, sorted(["choice", *OPTIONAL]))

    client.open(path, method=method, headers={**GPC, "Origin": "http://localhost"})

    assert (noted(place), grants(place), sorted(jar(client))) == (0, [], ["choice"])
    event = records(place)[-1]["event"]
    assert (event["expressed_by"], event["signal"], event["state"]) == (
        "signal",
        "Sec-GPC",
        "refused",
    )
    assert len(records(place)) == 2
    assert faults(place, clock()) == []


def test_it_is_ended_once_and_not_with_every_request(place):
    client = place.test_client()
    answer(client, "accept")

    for _ in range(5):
        client.get("/contact", headers=GPC)

    assert len(records(place)) == 2


def test_a_signal_that_goes_again_leaves_the_no(place, clock):
    client = place.test_client()
    answer(client, "accept")
    client.get("/", headers=GPC)

    page = client.get("/contact")

    assert choice_in(place, client, clock()).granted == frozenset()
    assert 'class="asking"' not in page.text


@pytest.mark.clause("C09")
def test_an_explicit_yes_wins_over_the_signal_and_is_recorded_as_doing_so(place, clock):
    client = place.test_client()

    answer(client, "custom", headers=GPC, statistics="on")
    client.get("/contact", headers=GPC)
    page = Visitor(place)
    page.client = client
    told = page.open("/contact", headers=GPC)

    event = records(place)[-1]["event"]
    assert (event["signal"], event["over_signal"], event["state"]) == ("Sec-GPC", True, "given")
    assert len(records(place)) == 1
    assert choice_in(place, client, clock()).over_signal
    assert grants(place) == ["statistics"]
    assert line_of(told) == ""


def test_an_explicit_no_under_a_signal_overrules_nothing(place, clock):
    client = place.test_client()

    answer(client, "refuse", headers=GPC)

    assert not choice_in(place, client, clock()).over_signal
    assert records(place)[-1]["event"]["over_signal"] is False


def test_a_yes_that_overruled_a_signal_runs_out_and_the_signal_counts_again(place, clock):
    client = place.test_client()
    answer(client, "accept", headers=GPC)

    clock.move(A_DAY * 185)
    page = client.get("/contact", headers=GPC)

    assert 'class="asked"' in page.text
    assert "statistics" not in jar(client)


def test_a_yes_replayed_with_a_signal_cannot_fill_the_chain(place, clock):
    client = place.test_client()
    answer(client, "accept")
    old = jar(client)
    note_something(place, clock())

    for _ in range(250):
        for name, value in old.items():
            client.set_cookie(name, value, domain="localhost")
        page = client.get("/account/signed-out.css", headers=GPC)
        assert page.status_code == 200

    assert len(records(place)) <= 201
    assert (grants(place), noted(place)) == ([], 0)
    assert "statistics" not in jar(client)


def test_where_it_is_too_often_the_signal_counts_without_a_receipt(place, clock):
    fresh, many = place.test_client(), place.test_client()
    answer(fresh, "accept")
    for _ in range(210):
        answer(many, "refuse")
    length = len(records(place))

    page = fresh.get("/contact", headers=GPC)

    assert page.status_code == 200
    assert 'class="asked"' in page.text
    assert len(records(place)) == length
    assert grants(place) == []


def test_a_page_depends_on_the_signal(place):
    page = Visitor(place).open("/")

    varies = {one.strip() for one in (page.header("Vary") or "").split(",")}
    assert varies >= {"Cookie", "Sec-GPC", "DNT"}


def test_two_with_and_without_a_signal_never_get_each_others_page(place):
    with_signal, without = Visitor(place, headers=GPC), Visitor(place)

    for path in ("/", "/search", "/offers/reed-room"):
        for _ in range(2):
            assert line_of(with_signal.open(path))
            assert not line_of(without.open(path))


# -- The file that says so ----------------------------------------------------------------------

GPC_FILE = {
    "type": "object",
    "properties": {
        "gpc": {"const": True},
        "lastUpdate": {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    },
    "required": ["gpc", "lastUpdate"],
    "additionalProperties": False,
}


def test_the_site_says_that_it_honours_the_signal(client):
    page = client.get("/.well-known/gpc.json")

    assert (page.status_code, page.content_type) == (200, "application/json")
    Draft202012Validator(GPC_FILE, format_checker=FormatChecker()).validate(page.json)
    assert date.fromisoformat(page.json["lastUpdate"])
    assert "Set-Cookie" not in page.headers


# -- No jar -------------------------------------------------------------------------------------


def without_jar(place):
    """Return a visitor who keeps no cookies and has answered; and the page they came back to."""
    visitor = Visitor(place)
    sent = visitor.ask("POST", "/cookies", data={"choice": "accept", "next": "/contact"})
    return visitor, visitor.follow(sent)


@pytest.mark.clause("C11")
def test_a_browser_that_keeps_no_cookies_is_told_and_not_asked_again(place):
    _visitor, page = without_jar(place)

    assert page.url == "/contact?cookies=none"
    assert "keeps no cookies" in line_of(page)
    assert page.soup.select_one(".asking") is None
    links = [str(a["href"]) for a in page.soup.select("a[href^='/']")]
    assert len(links) > 5
    assert [one for one in links if "cookies=none" not in one] == []


@pytest.mark.clause("C11")
@pytest.mark.clause("C16")
def test_the_whole_booking_works_without_a_cookie_jar_and_never_asks(place):
    visitor, _page = without_jar(place)
    start = len(visitor.seen)

    offer = visitor.open("/offers/reed-room?cookies=none")
    basket = visitor.send(offer.form("/stay"), arrive="2031-06-02", depart="2031-06-05")
    booked = visitor.pay(visitor.tell(visitor.hold(basket)))

    assert booked.title.startswith("You are expected")
    later = visitor.seen[start:]
    # The bank is another's, and leads back to an address that it was given.
    until_paid = [one for one in later if not one.url.startswith(("/demo-bank", "/reservations"))]
    assert len(until_paid) > 7
    assert [one.url for one in until_paid if one.soup.select(".asking")] == []
    carried = [one.url for one in until_paid if "cookies=none" not in one.url]
    assert [address_of(one) for one in until_paid if one.url in carried and one.status == 200] == []
    sent = {value.partition("=")[0] for one in later for value in one.all("Set-Cookie")}
    assert sent <= {"basket"}


def test_a_jar_that_works_again_is_believed(place):
    client = place.test_client()

    answer(client, "refuse", next="/contact?cookies=none")
    page = client.get("/contact?cookies=none")

    assert "keeps no cookies" not in page.text
    assert "/search?cookies=none" not in page.text


def test_the_answer_for_programs_says_whether_it_was_kept(place):
    kept, lost = place.test_client(), place.test_client(use_cookies=False)
    for client in (kept, lost):
        answer(client, "accept")

    json = {"Accept": "application/json"}
    said = [c.get("/cookies/answered?next=/", headers=json).json for c in (kept, lost)]

    assert (said[0]["kept"], said[0]["granted"]) == (True, sorted(OPTIONAL))
    assert (said[1]["kept"], said[1]["granted"]) == (False, [])
    assert said[1]["next"] == "/?cookies=none"
