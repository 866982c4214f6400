"""Pages look as a visitor wishes: by their address, and by a cookie only where they said yes."""

import email
import email.policy
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from bs4 import BeautifulSoup
from flask import Response
from hypothesis import given
from hypothesis import strategies as st

from app.consent.gate import CookieNotPermitted
from app.consent.preferences import _KNOWN, from_value, to_value
from app.consent.register import PREFERENCES
from app.core import outbox
from app.core.languages import BY_CODE, current_manner, use_language
from app.web.wishes import NOTHING, PARAMETERS
from tests.consent.answers import GPC, OWN
from tests.consent.reader import agree, reader, refuse
from tests.house.visitor import Visitor

NEUTRAL = ("en", "", "from €138.00")
WISHES = {
    "lang=de": ("de", "", "ab 138,00\xa0€"),
    "lang=de&region=AT": ("de", "", "ab €\xa0138,00"),
    "lang=fr&region=CA": ("fr", "", "à partir de 138,00\xa0€"),
    "currency=code": ("en", "", "from EUR\xa0138.00"),
    "currency=symbol": NEUTRAL,
    "theme=dark": ("en", "dark", "from €138.00"),
    "theme=light": ("en", "light", "from €138.00"),
    "lang=de&region=CH&currency=code&theme=dark": ("de", "dark", "ab EUR\xa0138.00"),
}
CHOSEN = {"manner": "de-AT", "currency": "code", "theme": "dark", "next": ""}
AS_CHOSEN = ("de", "dark", "ab EUR\xa0138,00")


def looks(answer):
    """Return a page's language, its light, and how it writes its first price."""
    soup = BeautifulSoup(answer.get_data(as_text=True), "html.parser")
    price = soup.select_one(".card .price")
    written = price.contents[0].strip(" \n") if price else ""
    return soup.html["lang"], soup.html.get("data-theme", ""), written


def cookie(client):
    """Return what a browser keeps of its visitor's preferences, or None."""
    found = client.get_cookie(PREFERENCES.name, domain="localhost")
    return found.value if found else None


def willing(place):
    """Return a visitor who let us remember preferences, and nothing else."""
    return agree(reader(place), preferences="on")


def choose(client, path="/preferences", **fields):
    """Send the form as its page does."""
    return client.post(path, data={**CHOSEN, **fields}, headers=OWN)


def wishes_in(address):
    """Return what an address itself wishes for."""
    return {name: v for name, v in parse_qsl(urlsplit(address).query) if name in PARAMETERS}


def carried(answer):
    """Return what the links of a page carry on: one entry, where all of them carry the same.

    Links to the page itself in another language are left out.
    """
    soup = BeautifulSoup(answer.get_data(as_text=True), "html.parser")
    links = [str(a["href"]) for a in soup.select("a[href^='/']:not([hreflang])")]
    assert len(links) > 5
    found = [wishes_in(link) for link in links]
    return [wished for place, wished in enumerate(found) if wished not in found[:place]]


def home_of(answer):
    """Return where a page's link to the first page leads."""
    soup = BeautifulSoup(answer.get_data(as_text=True), "html.parser")
    return str(soup.select_one(".masthead__name")["href"])


# -- By address ---------------------------------------------------------------------------------


@pytest.mark.clause("C18")
@pytest.mark.parametrize(("query", "expected"), WISHES.items())
def test_an_address_says_how_a_page_looks_and_leaves_nothing_behind(place, query, expected):
    client = reader(place)

    asked = client.get(f"/?{query}")
    after = client.get("/")

    assert looks(asked) == expected
    assert looks(after) == NEUTRAL
    assert "Set-Cookie" not in asked.headers
    assert (current_manner().language.code, current_manner().region) == ("en", "GB")


@pytest.mark.clause("C18")
@pytest.mark.parametrize(("query", "expected"), WISHES.items())
def test_what_an_address_wishes_is_carried_by_every_link_and_search(place, query, expected):
    client = reader(place)

    page = client.get(f"/?{query}")

    found = Visitor(place).send(Visitor(place).open(f"/?{query}").form("/search"))
    assert carried(page) == [wishes_in(f"/?{query}")]
    assert wishes_in(found.url) == wishes_in(f"/?{query}")
    assert looks(client.get(home_of(page))) == expected


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    "query",
    [
        "region=XX",
        "region=at",
        "region=AT",  # not with English
        "lang=xx",
        "currency=EUR",
        "currency=",
        "theme=auto",
        "theme=dark%22%20onload=%22x",
        "theme=%00",
        "region=GB%0d%0aSet-Cookie:%20a=b",
        "lang[]=de",
        "theme=" + "d" * 3000,
    ],
)
def test_what_is_no_wish_of_ours_is_passed_over(place, query):
    page = reader(place).get(f"/contact?{query}")

    assert page.status_code == 200
    assert looks(page)[:2] == ("en", "")
    assert carried(page) == [{}]


@pytest.mark.clause("C18")
def test_a_date_is_written_and_read_as_in_the_region(place):
    search = "/search?arrive=6/2/2031&depart=6/5/2031&adults=2"

    american = Visitor(place).open(f"{search}&region=US")
    british = Visitor(place).open(search)

    assert american.typed_in("arrive") == "2031-06-02"
    assert "arrive=2031-06-02" in american.text
    assert british.typed_in("arrive") == "2031-02-06"


# -- By cookie ----------------------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_with_a_yes_a_choice_is_remembered_on_the_device(place, clock):
    client = willing(place)

    answer = choose(client, next="/offers/sauna?adults=3&lang=fr&theme=light")
    page = client.get("/")

    assert (answer.status_code, answer.location) == (303, "/offers/sauna?adults=3")
    assert cookie(client) == "de-AT.code.dark"
    assert looks(page) == AS_CHOSEN
    assert carried(page) == [{}]


@pytest.mark.clause("C11")
@pytest.mark.clause("C18")
@pytest.mark.parametrize("said", ["nothing", "refused", "others", "gpc", "yes, then gpc"])
def test_without_a_yes_a_choice_stands_in_the_address_alone(place, said):
    client = reader(place)
    match said:
        case "refused":
            refuse(client)
        case "others":
            agree(client, statistics="on", suggestions="on")
        case "yes, then gpc":
            agree(client)
    if "gpc" in said:
        client.environ_base["HTTP_SEC_GPC"] = "1"

    answer = choose(client, next="/?adults=3&theme=light")

    assert answer.status_code == 303
    assert answer.location == "/?adults=3&lang=de&region=AT&currency=code&theme=dark"
    assert cookie(client) is None
    assert looks(client.get(answer.location)) == AS_CHOSEN
    assert looks(client.get("/")) == NEUTRAL


@pytest.mark.clause("C18")
def test_the_page_says_where_a_choice_is_kept(place, visitor):
    without = visitor.open("/preferences")
    client = willing(place)
    allowed = client.get("/preferences").get_data(as_text=True)

    assert "in the address of the pages you open from here, and not on your device" in without.words
    assert without.soup.select_one("main a[href='/cookies']")
    assert "one cookie on your device, until 5 November 2031 at most" in allowed


@pytest.mark.clause("C11")
def test_the_gate_stops_the_cookie_where_nobody_allowed_it(place):
    @place.get("/leaky")
    def leaky():
        response = Response("hello")
        PREFERENCES.keep(response, "de-AT.code.dark", seconds=60)
        return response

    assert willing(place).get("/leaky").status_code == 200
    for said in (reader(place), refuse(reader(place)), agree(reader(place), statistics="on")):
        with pytest.raises(CookieNotPermitted):
            said.get("/leaky")


@pytest.mark.clause("C09")
@pytest.mark.clause("C18")
def test_withdrawing_takes_the_cookie_back_and_the_next_page_is_neutral(place):
    client = willing(place)
    choose(client)
    assert looks(client.get("/")) == AS_CHOSEN

    refuse(client)

    assert cookie(client) is None
    assert looks(client.get("/")) == NEUTRAL


@pytest.mark.clause("C10")
def test_a_signal_has_the_cookie_neither_read_nor_left(place):
    client = willing(place)
    choose(client)

    page = client.get("/", headers=GPC)

    assert looks(page) == NEUTRAL
    assert cookie(client) is None


@pytest.mark.clause("C18")
def test_a_planted_cookie_is_not_read_without_a_yes(place):
    client = reader(place)
    client.set_cookie(PREFERENCES.name, "de-AT.code.dark", domain="localhost")

    assert looks(client.get("/")) == NEUTRAL
    assert cookie(client) is None


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "de",
        "de-AT",
        "de-AT.code",
        "de-AT.code.dark.x",
        "de-XX.code.dark",
        "xx-AT.code.dark",
        "fr-AT.code.dark",
        "de-at.code.dark",
        "de-AT.gold.dark",
        "de-AT.code.dusk",
        'de-AT.code.dark" onload="x',
        "<script>",
        "../../etc/passwd",
        "d" * 4000,
        "%00",
        "ü",
    ],
)
def test_a_hostile_cookie_is_no_wish_and_is_never_shown(place, value):
    client = willing(place)
    client.set_cookie(PREFERENCES.name, value, domain="localhost")

    page = client.get("/")

    assert looks(page) == NEUTRAL
    assert not value or value not in str(BeautifulSoup(page.text, "html.parser").find("html").attrs)
    assert "<script>" not in page.text


@given(st.text(max_size=30) | st.sampled_from(sorted(_KNOWN)))
def test_a_value_is_one_of_ours_or_nothing(value):
    wished = from_value(value)

    assert wished == NOTHING or to_value(wished) == value


@pytest.mark.clause("C18")
def test_no_value_tells_visitors_apart():
    assert len(_KNOWN) < 100
    assert max(map(len, _KNOWN)) <= 20


@pytest.mark.clause("C18")
def test_the_cookie_ends_with_the_choice_that_allows_it(place, clock):
    client = willing(place)
    until = clock() + timedelta(days=184)  # 5 November
    clock.move(timedelta(days=30))

    [sent] = choose(client).headers.getlist("Set-Cookie")

    assert f"Max-Age={int((until - clock()).total_seconds())}" in sent
    for word in ("HttpOnly", "Path=/", "SameSite=Lax"):
        assert word in sent


def test_an_address_goes_before_what_is_remembered_and_changes_nothing_of_it(place):
    client = willing(place)
    choose(client)

    page = client.get("/?lang=fr&theme=light")

    assert looks(page) == ("fr", "light", "à partir de 138,00\xa0EUR")
    assert carried(page) == [{"lang": "fr", "theme": "light"}]
    assert cookie(client) == "de-AT.code.dark"
    assert looks(client.get("/")) == AS_CHOSEN


# -- By a link at the foot ----------------------------------------------------------------------


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    ("site", "referrer", "kept"),
    [
        ("same-origin", "http://localhost/", "fr-FR.code.dark"),
        ("same-origin", "http://localhost/?lang=de", "fr-FR.code.dark"),
        ("same-origin", None, "fr-FR.code.dark"),
        ("same-origin", "http://localhost/search?lang=fr", "de-AT.code.dark"),  # goes on in it
        ("cross-site", "https://blog.example.org/", "de-AT.code.dark"),
        ("same-site", None, "de-AT.code.dark"),
        ("none", None, "de-AT.code.dark"),
        (None, "http://localhost/", "de-AT.code.dark"),
    ],
)
def test_a_language_chosen_by_a_link_of_ours_is_remembered(place, site, referrer, kept):
    client = willing(place)
    choose(client)
    sent = {"Sec-Fetch-Site": site, "Referer": referrer}

    page = client.get("/?lang=fr", headers={name: v for name, v in sent.items() if v})

    assert cookie(client) == kept
    assert looks(page)[0] == "fr"
    assert carried(page) == [{} if kept.startswith("fr") else {"lang": "fr"}]


@pytest.mark.clause("C11")
def test_without_a_yes_a_link_at_the_foot_is_not_remembered(place):
    client = refuse(reader(place))

    page = client.get("/?lang=fr", headers={"Sec-Fetch-Site": "same-origin"})

    assert cookie(client) is None
    assert "Set-Cookie" not in page.headers


def test_what_was_chosen_before_the_yes_is_remembered_with_it(place):
    client = reader(place)
    page = client.get("/?lang=de&theme=dark")
    form = BeautifulSoup(page.text, "html.parser").select_one("form.answers")

    client.post(form["action"], data={"choice": "accept", "from": "banner"}, headers=OWN)

    assert cookie(client) == "de-DE.symbol.dark"
    assert looks(client.get("/")) == ("de", "dark", "ab 138,00\xa0€")


def test_a_yes_alone_sets_no_cookie_of_preferences(place):
    assert cookie(agree(reader(place))) is None


# -- The form -----------------------------------------------------------------------------------


def test_the_form_shows_what_is_in_use(place):
    page = Visitor(place).open("/preferences?lang=fr&region=BE&currency=code&theme=light")

    checked = [box["value"] for box in page.soup.select("main input[checked]")]
    assert page.typed_in("manner") == "fr-BE"
    assert checked == ["code", "light"]
    shown = [label.get_text(strip=True) for label in page.soup.select("#currency .tick")]
    assert [text.replace("\u202f", " ") for text in shown] == ["1 234,50\xa0€", "1 234,50\xa0EUR"]


def test_every_language_is_offered_with_every_region_in_its_own_words(place):
    page = Visitor(place).open("/preferences")

    offered = {o["value"]: (o["lang"], o.get_text()) for o in page.soup.select("#manner option")}
    assert list(offered) == [f"{c}-{r}" for c, one in BY_CODE.items() for r in one.regions]
    assert offered["de-AT"] == ("de", "Deutsch (Österreich)")
    assert offered["zh-SG"] == ("zh-Hans", "简体中文 (新加坡)")


def test_a_form_that_cannot_be_met_comes_back_as_it_was(place):
    client = willing(place)

    page = choose(client, manner="de-XX", next="/search")

    soup = BeautifulSoup(page.text, "html.parser")
    assert page.status_code == 422
    assert [box["value"] for box in soup.select("main input[checked]")] == ["code", "dark"]
    assert soup.select_one("#next")["value"] == "/search"
    assert soup.select_one("#manner")["aria-invalid"] == "true"
    assert cookie(client) is None


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:x", ""]
)
def test_a_choice_never_leads_to_another_site(place, elsewhere):
    answer = choose(reader(place), next=elsewhere)

    assert answer.location.startswith("/preferences?saved=yes&")
    assert "evil" not in answer.location
    assert looks(reader(place).get(answer.location))[:2] == ("de", "dark")


def test_a_forged_form_is_refused(place):
    client = willing(place)

    answer = client.post("/preferences", data=CHOSEN, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert cookie(client) is None


# -- Nobody sees another's ----------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_kept_pages_are_shared_only_between_the_same_wishes(place):
    visitors = {}
    for manner, currency, theme in (
        ("de-AT", "code", "dark"),
        ("de-DE", "code", "dark"),
        ("de-DE", "symbol", "dark"),
        ("de-DE", "symbol", "light"),
        ("de-DE", "symbol", "auto"),
    ):
        client = willing(place)
        choose(client, manner=manner, currency=currency, theme=theme)
        visitors[manner, currency, theme] = client

    first = {said: looks(client.get("/")) for said, client in visitors.items()}
    again = {said: looks(client.get("/")) for said, client in visitors.items()}

    assert first == again
    assert list(first.values()) == [
        ("de", "dark", "ab EUR\xa0138,00"),
        ("de", "dark", "ab 138,00\xa0EUR"),
        ("de", "dark", "ab 138,00\xa0€"),
        ("de", "light", "ab 138,00\xa0€"),
        ("de", "", "ab 138,00\xa0€"),
    ]
    assert len(place.extensions["kept_pages"]) == 5


@pytest.mark.clause("C18")
def test_a_page_whose_links_carry_a_wish_is_not_shown_to_whom_it_is_remembered(place):
    remembers, carries = willing(place), willing(place)
    choose(remembers, manner="de-DE", currency="symbol", theme="auto")

    pages = [client.get("/?lang=de") for client in (carries, remembers)]

    assert [carried(page) for page in pages] == [[{"lang": "de"}], [{}]]


@pytest.mark.clause("C18")
def test_messages_are_written_as_ever_whatever_the_booking_page_looked_like(place, clock, instance):
    visitor = Visitor(place)
    visitor.open("/?lang=de&region=CH&currency=code")
    basket = visitor.choose_stay(query="lang=de&region=CH&currency=code")
    check = visitor.tell(visitor.hold(basket))
    visitor.pay(check)
    with place.app_context(), use_language("fr", "CA", currency_codes=True):
        while outbox.run_due(now=clock()):
            pass

    [file] = (instance / "mail").glob("*.eml")
    letter = email.message_from_string(file.read_text(), policy=email.policy.default)
    text = letter.get_body(("plain",)).get_content().replace("\xa0", " ")
    assert "EUR" in check.words
    assert "€" not in check.words
    assert "€" in text
    assert "EUR" not in text


@pytest.mark.clause("C18")
def test_remembering_costs_no_statement(place, count_queries):
    without, remembers = reader(place), willing(place)
    choose(remembers)
    for path in ("/contact", "/terms", "/offers/reed-room"):
        without.get(path)
        remembers.get(path)
        with count_queries() as plain:
            without.get(path)
        with count_queries() as wished:
            remembers.get(path)

        assert len(wished) == len(plain), path
