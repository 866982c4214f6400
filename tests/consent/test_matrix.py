"""Every address in every state of consent: cookies, rows and headers are what the state permits.

The addresses come from the site's own URL map and the cookies from its register, so
that whatever is added to either is looked at without a word here.
"""

from dataclasses import replace

import pytest
from flask import Flask

from app import create_app
from app.consent.register import REGISTER
from app.web.cookies import Category, cookie_name
from tests.accounts.ways import new_link
from tests.consent.matrix import (
    BY_NAME,
    FRAME,
    SIGNAL_TABLES,
    STATES,
    Seen,
    State,
    Visit,
    book_of,
    changed_tables,
)
from tests.house.routes import NOWHERE, gets, lead_somewhere
from tests.house.visitor import Visitor

pytestmark = [pytest.mark.clause("C09"), pytest.mark.clause("C11")]

DAY = 86_400
THIRTEEN_MONTHS = 395 * DAY
MACHINES = ("/static/", "/healthz", "/readyz", "/.well-known/")
ITS_OWN_FRAME = ("/cookies", "/cookies?cookies=none")
GUESSED = "/feeds/nothing.ics"
"""Who asks for a calendar's secret address that is none is counted, so that nobody guesses one."""
DIGEST = "0" * 64
each_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)


def addresses(app: Flask, *, nowhere: bool = True) -> list[str]:
    """Return an address, and one that leads nowhere, for each rule that can be opened."""
    values, reservation = lead_somewhere(app, Visitor(app))
    values["digest"] = DIGEST
    # Of two rules with a key, one leads from a basket and one from a checkout.
    known = [values, {**values, "key": values["basket"]}]
    known += [{**NOWHERE, "digest": "nothing"}] if nowhere else []
    found = [
        f"{one.path}{query}"
        for some in known
        for one in gets(app, some)
        for query in ("", f"?key={values['guest']}")
        if not query or "<reference>" in one.rule.rule
    ]
    found += ["/search?arrive=2031-06-02&depart=2031-06-05&adults=2", "/search?arrive=nonsense"]
    found += [reservation.url, "/no/such/page", "/?lang=fr", "/offers/reed-room/stay"]
    assert GUESSED in found
    return [path for path in dict.fromkeys(found) if path != GUESSED]


def problems_with(seen: Seen, allowed: frozenset[str], *, https: bool = False) -> list[str]:
    """Return what is wrong with the cookies of a response, by the register."""
    prefix = "__Host-" if https else ""
    register = {f"{prefix}{cookie.name}": cookie for cookie in REGISTER}
    found = []
    for morsel in seen.sent:
        said = {name: value for name, value in morsel.items() if value}
        fixed = {"path": "/", "httponly": True, "samesite": "Lax"}
        fixed |= {"secure": True} if https else {}
        rest = {n: v for n, v in said.items() if n not in ("max-age", "expires")}
        if morsel.key not in register or rest != fixed:
            found.append(f"{seen.path}: {morsel.OutputString()}")
    for morsel in seen.given:
        cookie = register.get(morsel.key)
        age = int(morsel["max-age"]) if morsel["max-age"] else None
        if cookie is None or cookie.name not in allowed:
            found.append(f"{seen.path}: {morsel.key} is not permitted")
        elif (age is None) != (cookie.seconds is None) or (age or 0) > (cookie.seconds or 0):
            found.append(f"{seen.path}: {morsel.key} lives for {age} seconds")
    return found


def mixed_up(visit: Visit, plain: Seen, seen: Seen) -> list[str]:
    """Return what would let a cache show one visitor what was made for another."""
    headers, policy = seen.response.headers, seen.response.headers["Cache-Control"]
    if seen.path.startswith(MACHINES) or seen.response.mimetype != "text/html":
        return []
    varies = {name.strip() for name in headers.get("Vary", "").split(",")}
    varies_enough = {"Cookie", "Sec-GPC", "DNT"} <= varies or seen.status != 200
    found = []
    if policy != "no-store" and not (policy == "private, no-cache" and varies_enough):
        found.append(f"{seen.path}: {policy}; {headers.get('Vary')}")
    etag = plain.response.headers.get("ETag")
    if etag and visit.state.keeps_cookies:
        again = visit.open(seen.path, **{"If-None-Match": etag})
        if again.status == 304 and plain.response.data != seen.response.data:
            found.append(f"{seen.path}: somebody else's is still good")
    return found


def another_frame(seen: Seen, state: State) -> bool:
    """Tell whether a page asks, says or loads what it shouldn't in this state."""
    if seen.response.mimetype != "text/html" or seen.status == 303:
        return False
    found = frozenset(one for one in FRAME if one in seen.response.data)
    # The page of the question itself has it in its main part.
    return found != (state.frame - set(FRAME[:2]) if seen.path in ITS_OWN_FRAME else state.frame)


@pytest.mark.clause("C10")
@each_state
def test_every_address_keeps_to_what_the_state_permits(place: Flask, state: State) -> None:
    paths = addresses(place)
    plain = list(Visit(place, BY_NAME["none"]).crawl(paths))
    visit = Visit(place, state)
    before = book_of(place)
    if state.headers and not state.signals_from_the_start:
        visit.open("/")
        ended = changed_tables(before, book_of(place))
        assert {"consent_entry", "consent_grant"} <= ended <= SIGNAL_TABLES
        before = book_of(place)

    crawled = list(visit.crawl(paths))
    both = list(zip(plain, crawled, strict=True))
    mixed = [one for pair in both for one in mixed_up(visit, *pair)]

    assert [one for seen in crawled for one in problems_with(seen, state.cookies)] == []
    # What looking around gives is nothing at all: neither more of a choice, nor more time.
    assert [seen.path for seen in crawled if seen.sent] == []
    # Each table that may be written to is; otherwise this would see nothing.
    assert changed_tables(before, book_of(place)) == state.tables
    assert {seen.status for seen in plain} == {200, 303, 404, 405, 409, 410, 422}
    other = {a.path: (a.status, b.status) for a, b in both if a.status != b.status}
    assert other == ({"/cookies/receipt": (404, 200)} if state.has_choice else {})
    assert mixed == []
    assert [seen.path for seen in crawled if another_frame(seen, state)] == []


@pytest.mark.clause("C14")
@each_state
def test_a_guessed_address_leaves_a_count_and_nothing_else(place: Flask, state: State) -> None:
    visit = Visit(place, state)
    visit.open("/")
    before = book_of(place)

    seen = visit.open(GUESSED)

    assert (seen.status, seen.sent) == (404, [])
    assert changed_tables(before, book_of(place)) - state.tables == {"limit_bucket"}


@pytest.mark.clause("C10")
@each_state
def test_what_is_not_permitted_is_taken_back_wherever_the_browser_sends_it(
    place: Flask, state: State
) -> None:
    if not state.keeps_cookies:
        state = replace(state, keeps_cookies=True, answers=())  # a jar that is full already
    paths = [path for path in addresses(place, nowhere=False) if not path.startswith(MACHINES)]
    visit = Visit(place, state)
    visit.open("/")

    left = {}
    for path in paths:
        visit.plant(*state.forbidden)
        seen = visit.open(path)
        if seen.taken_back != set(state.forbidden) or seen.given:
            left[path] = [morsel.OutputString() for morsel in seen.sent]

    assert left == {}


@pytest.mark.parametrize("base", ["http://localhost", "https://localhost"])
def test_every_cookie_of_the_register_is_really_given_and_no_other(settings, place, clock, base):
    app = create_app(replace(settings, site_url=base), clock=clock)
    https = base.startswith("https")
    seen = [one for state in STATES for one in Visit(app, state, base).answered]
    booking = Visitor(app, cookies=True, base=base)
    booking.book()
    owner = Visit(app, BY_NAME["all"], base)
    owner_link = new_link(app, clock)
    seen += [owner.open("/"), owner.ask("POST", owner_link)]
    manner = {"manner": "de-AT", "currency": "code", "theme": "dark", "next": "/"}
    seen.append(Visit(app, BY_NAME["preferences"], base).ask("POST", "/preferences", data=manner))

    given = {morsel.key for one in seen for morsel in one.given}
    given |= {
        header.partition("=")[0] for page in booking.seen for header in page.all("Set-Cookie")
    }
    with app.test_request_context():
        registered = {cookie_name(app.extensions["settings"], one.name) for one in REGISTER}
    assert given == registered
    allowed = frozenset(cookie.name for cookie in REGISTER)
    assert [one for page in seen for one in problems_with(page, allowed, https=https)] == []


def test_a_yes_is_not_kept_for_longer_than_a_no(place: Flask) -> None:
    lives = {
        state.name: {
            morsel.key: int(morsel["max-age"])
            for one in Visit(place, state).answered
            for morsel in one.given
        }
        for state in STATES
        if state.answers
    }

    assert {life["choice"] for life in lives.values()} == {184 * DAY}
    assert {age for life in lives.values() for age in life.values()} == {184 * DAY}
    assert all(one.seconds is None or one.seconds <= THIRTEEN_MONTHS for one in REGISTER)


def test_an_answer_gives_the_cookies_of_its_categories_and_no_others(place: Flask) -> None:
    given = {
        state.name: {morsel.key for morsel in Visit(place, state).answered[-1].given}
        for state in STATES
        if state.answers
    }

    noted = {"statistics", "suggestions"}
    for state in STATES:
        if state.answers:
            said = state.answers[-1]
            yes = noted if said["choice"] == "accept" else noted & set(said)
            assert given[state.name] == {"choice", *yes}, state.name


@pytest.mark.clause("C10")
@pytest.mark.parametrize("name", ["none", "refused", "statistics", "all", "GPC", "DNT"])
def test_signed_in_the_state_counts_likewise(place: Flask, clock, name: str) -> None:
    state = BY_NAME[name]
    paths = addresses(place, nowhere=False)
    visit = Visit(place, state)
    assert visit.ask("POST", new_link(place, clock), headers=state.headers).status == 303
    before = book_of(place)

    crawled = list(visit.crawl(paths))

    written = changed_tables(before, book_of(place))
    kept = {"account_refusal", *SIGNAL_TABLES} - {"consent_grant"}
    # Which guests' details the owner opened is noted for those guests; and a session has
    # when it was last looked whether its person is to be told of something (`news_at`).
    assert written - state.tables - {"reading", "session"} <= (kept if state.headers else set())
    assert {"activity_line", "glance"} & written == state.tables
    assert [one for seen in crawled for one in problems_with(seen, state.cookies)] == []
    assert {seen.status for seen in crawled} >= {200, 303, 404}


def test_the_owners_own_pages_are_never_noted(place: Flask, clock) -> None:
    visit = Visit(place, BY_NAME["all"])
    visit.ask("POST", new_link(place, clock))
    visit.open("/contact")
    paths = [path for path in addresses(place, nowhere=False) if path.startswith("/owner")]
    before = book_of(place)

    opened = list(visit.crawl(paths))

    assert {seen.status for seen in opened} >= {200, 404}
    assert changed_tables(before, book_of(place)) - {"limit_bucket", "reading", "session"} == set()
    assert Category.STATISTICS in visit.state.permits
    assert book_of(place)["activity_line"]
