"""What is logged hangs on the visitor's choice: without a yes no line, after a no none is left."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.consent.activity import (
    MOST_A_MINUTE,
    ClickUndeclared,
    host_of,
    note_click,
    note_page,
)
from app.consent.frame import _MAKE, Permission, permission
from app.consent.models import Glance, Grant
from app.consent.register import CLICKS
from app.consent.words import PAGES
from app.core.database import db
from app.core.sweeps import named, sweep_every_minute
from app.core.tokens import digest_of_token
from app.web.agents import Agent
from app.web.cookies import Category
from tests.accounts.ways import sign_in
from tests.consent.reader import PHONE, Reader, agree, agreed, grants, reader, refuse, rows, seen
from tests.house.visitor import Visitor

FIREFOX = Agent("phone", "Firefox", "Android")
CANARIES = ("Kanarienagent/7", "kanarienpfad", "kanarienfrage", "203.0.113.77")


def cookie(client, name):
    """Return what a visitor's jar has of a cookie."""
    found = client.get_cookie(name, domain="localhost")
    return found.value if found else None


def pass_for(client):
    """Return the permission that a visitor's cookie stands for."""
    return Permission(_MAKE, Category.STATISTICS, digest_of_token(cookie(client, "statistics")))


# -- Who is noted, and who isn't --------------------------------------------------------------


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_a_page_is_noted_by_its_route_and_no_closer(place, clock):
    clock.move(timedelta(seconds=42))
    client = agreed(place)

    client.get(
        "/search?arrive=2031-06-02&depart=2031-06-05",
        headers={"Referer": "https://Blog.Example.org/anna/holiday?q=1"},
    )
    client.get("/offers/reed-room", headers={"Referer": "http://localhost/search"})

    search, offer = rows(place)
    assert search[:7] == (
        clock().replace(second=0), "page", "/search", "blog.example.org", *FIREFOX,
    )  # fmt: skip
    assert (offer.what, offer.referring_host) == ("/offers/<slug>", "")


@pytest.mark.clause("C09")
@pytest.mark.clause("C10")
@pytest.mark.parametrize("said", ["nothing", "refused", "others", "gpc", "dnt", "yes-but-gpc"])
def test_without_a_yes_there_is_no_line(place, said):
    client = reader(place)
    match said:
        case "refused":
            refuse(client)
        case "others":
            agree(client, preferences="on", suggestions="on")
        case "yes-but-gpc":
            agree(client)
    headers = {"gpc": {"Sec-GPC": "1"}, "dnt": {"DNT": "1"}, "yes-but-gpc": {"Sec-GPC": "1"}}

    for path in ("/", "/search", "/offers/sauna", "/cookies", "/cookies/log", "/contact"):
        client.get(path, headers=headers.get(said, {}))
    client.post("/cookies/clicks", data={"click": "offer"}, headers=headers.get(said, {}))

    assert rows(place) == []


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_a_withdrawal_takes_the_lines_with_it_and_the_next_request_is_silent(place):
    client, other = agreed(place), agreed(place)
    client.get("/")
    other.get("/contact")

    refuse(client, about="statistics")
    left = seen(place)
    client.get("/search")

    assert left == ["/contact"]
    assert seen(place) == ["/contact"]
    assert cookie(client, "statistics") is None
    assert cookie(client, "suggestions") is not None


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_cookies_from_before_a_withdrawal_are_worth_nothing(place):
    client = agreed(place)
    old = {name: cookie(client, name) for name in ("choice", "statistics", "suggestions")}
    refuse(client)
    replayed = reader(place)
    for name, value in old.items():
        replayed.set_cookie(name, value, domain="localhost")

    page = replayed.get("/")
    click = replayed.post("/cookies/clicks", data={"click": "offer"})

    assert (page.status_code, click.status_code) == (200, 204)
    assert rows(place) == []


@pytest.mark.clause("C09")
def test_a_made_up_number_is_worth_nothing(place):
    client = agreed(place)
    client.set_cookie("statistics", "A" * 22, domain="localhost")

    client.get("/")
    client.set_cookie("statistics", "x" * 3000, domain="localhost")
    client.get("/")

    assert rows(place) == []


@pytest.mark.clause("C09")
def test_robots_are_not_noted_as_people(place):
    robot = agreed(place, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://google.example/bot)")
    script = agreed(place, "curl/8.5.0")

    robot.get("/")
    robot.post("/cookies/clicks", data={"click": "offer"})
    script.get("/contact")

    assert [(row.what, row.device) for row in rows(place)] == [("/contact", "other")]


@pytest.mark.clause("C09")
def test_only_pages_that_somebody_opened_are_noted(place):
    client = agreed(place)
    asset = "/static/" + next(iter(place.extensions["assets"]))

    for path in (
        asset,
        "/healthz",
        "/readyz",
        "/.well-known/gpc.json",
        "/cookies/receipt",
        "/cookies/heads.json",
        "/nothing",
        "/owner/",
        "/account/signed-out.css",
    ):
        client.get(path)
    client.head("/")
    client.get("/", headers={"Sec-Purpose": "prefetch;prerender"})
    client.get("/", headers={"Sec-Fetch-Dest": "empty"})
    client.post("/offers/sauna/session", data={})

    assert rows(place) == []


@pytest.mark.clause("C09")
def test_a_page_that_the_browser_had_already_is_opened_too(place):
    client = agreed(place, PHONE)
    agree(client, statistics="on")  # with suggestions, pages are made for one visitor alone
    first = client.get("/")

    again = client.get("/", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert seen(place) == ["/", "/"]


@pytest.mark.clause("C09")
def test_the_owners_work_is_nobodys_visit(place, clock):
    owner = sign_in(place, clock, agreed(place))

    assert owner.get("/owner/").status_code == 200
    assert owner.get("/owner/visits").status_code == 200
    owner.get("/contact")

    assert seen(place) == ["/contact"]


# -- What is never in a line --------------------------------------------------------------------


@pytest.mark.clause("C08")
@pytest.mark.clause("C09")
def test_agent_path_query_and_address_are_in_no_file(place, instance):
    client = agreed(place, f"{PHONE} {CANARIES[0]}")
    source = "https://post.example.com/kanarienpfad?kanarienfrage=1"
    client.get("/offers/reed-room?adults=2&x=kanarienfrage", headers={"Referer": source})
    client.get("/search?next=kanarienpfad")
    assert seen(place) == ["/offers/<slug>", "/search"]

    with place.app_context():
        db.engine.dispose()
    kept = {path: path.read_bytes() for path in Path(instance).rglob("*") if path.is_file()}

    assert any(b"post.example.com" in content for content in kept.values())
    for canary in CANARIES:
        found = [path.name for path, content in kept.items() if canary.encode() in content]
        assert found == [], canary
    assert not any(b"reed-room?" in content for content in kept.values())


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://www.Example.ORG:8443/x", "www.example.org"),
        ("https://user:secret@example.org/", "example.org"),
        ("https://example.org./", "example.org"),
        ("https://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example"),
        ("http://localhost/search", ""),
        ("https://haus.example:444/", ""),
        ("http://192.168.1.7/admin", ""),
        ("http://[2001:db8::1]/", ""),
        ("http://[broken", ""),
        ("http://intranet/people/anna", ""),
        ("about:blank", ""),
        ("android-app://com.google.android.gm/", "com.google.android.gm"),
        ("https://münchen.example/", ""),
        ("https://a b.example/", ""),
        ("https://" + "a" * 99 + ".example/", ""),
        ("", ""),
        ("x" * 5000, ""),
    ],
)
def test_of_a_referrer_only_another_sites_host_is_kept(referrer, host):
    assert host_of(referrer, "haus.example") == (host if "localhost" not in referrer else "")


# -- Clicks -------------------------------------------------------------------------------------


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_a_click_is_noted_by_its_name_alone(place):
    client = agreed(place)

    answers = [client.post("/cookies/clicks", data={"click": name}) for name in CLICKS]
    extra = client.post(
        "/cookies/clicks",
        data={"click": ["map", "kanarienfrage"], "page": "/offers/x", "kind": "page"},
    )

    assert {answer.status_code for answer in (*answers, extra)} == {204}
    assert {answer.data for answer in answers} == {b""}
    assert [(row.kind, row.what) for row in rows(place)] == [
        ("click", name) for name in (*CLICKS, "map")
    ]


@pytest.mark.clause("C09")
@pytest.mark.parametrize("name", ["", "visit", "Offer", "offer ", "offer'--", "/search", "x" * 999])
def test_an_undeclared_click_is_refused(place, name):
    answer = agreed(place).post("/cookies/clicks", data={"click": name})

    assert answer.status_code == 422
    assert rows(place) == []


@pytest.mark.clause("C09")
@pytest.mark.clause("C14")
def test_a_click_is_taken_from_our_own_pages_only_but_from_signed_in_people_too(place, clock):
    client = sign_in(place, clock, agreed(place))

    forged = client.post(
        "/cookies/clicks", data={"click": "offer"}, headers={"Origin": "https://evil.example"}
    )
    own = client.post(
        "/cookies/clicks", data={"click": "pay"}, headers={"Origin": "http://localhost"}
    )

    assert (forged.status_code, own.status_code) == (403, 204)
    assert seen(place) == ["pay"]


@pytest.mark.clause("C11")
def test_the_script_that_counts_clicks_is_named_only_where_somebody_agreed(place):
    pages = {
        "new": reader(place),
        "refused": refuse(reader(place)),
        "others": agree(reader(place), preferences="on"),
        "agreed": agree(reader(place), statistics="on"),
    }

    named = {who for who, client in pages.items() if "clicks." in client.get("/").text}
    gone = "clicks." in refuse(pages["agreed"]).get("/").text

    assert named == {"agreed"}
    assert not gone


# -- The verbs ----------------------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_nobody_makes_a_permission_by_hand_and_one_counts_for_its_category_only(place, clock):
    client = agreed(place)
    with place.app_context():
        other = Permission(_MAKE, Category.SUGGESTIONS, pass_for(client).token_digest)

        with pytest.raises(TypeError):
            Permission(object(), Category.STATISTICS, b"")
        with pytest.raises(ValueError, match="statistics"):
            note_page(db.engine, other, "/", FIREFOX, now=clock())
        with pytest.raises(ClickUndeclared):
            note_click(db.engine, pass_for(client), "visit", FIREFOX, now=clock())

    with place.test_request_context("/"):
        assert permission(Category.STATISTICS) is None
    assert rows(place) == []


@pytest.mark.both_databases
def test_a_program_cannot_fill_the_book(place, clock):
    client = agreed(place)

    with place.app_context():
        written = [
            note_page(db.engine, pass_for(client), "/", FIREFOX, now=clock())
            for _ in range(MOST_A_MINUTE + 5)
        ]
    clock.move(timedelta(minutes=1))
    client.get("/contact")

    assert written == [True] * MOST_A_MINUTE + [False] * 5
    assert seen(place)[-1] == "/contact"


def test_a_line_that_cannot_be_written_costs_no_page(place, caplog):
    client = agreed(place)
    with place.app_context(), suppress(sa.exc.SQLAlchemyError), db.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE activity_line"))

    page = client.get("/contact?x=kanarienfrage")

    assert page.status_code == 200
    assert "was lost: type=OperationalError" in caplog.text
    assert "kanarienfrage" not in caplog.text
    assert "INSERT" not in caplog.text


# -- Going --------------------------------------------------------------------------------------


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_a_choice_that_ran_out_is_silent_at_once_and_its_lines_go(place, clock):
    client = agreed(place)
    client.get("/")
    held = pass_for(client)

    clock.move(timedelta(days=185))  # longer than any six months
    client.get("/search")
    with place.app_context():
        late = note_page(db.engine, held, "/", FIREFOX, now=clock())
        sweep_every_minute(clock())

    assert not late
    assert rows(place) == []
    assert grants(place) == 0


@pytest.mark.clause("C12")
@pytest.mark.both_databases
def test_no_line_grows_older_than_thirteen_months(place, clock):
    client = agreed(place)
    client.get("/")
    with place.app_context():
        grant = db.session.scalar(sa.select(Grant).where(Grant.category == "suggestions"))
        db.session.add(Glance(grant_id=grant.id, what="reed-room", last_at=clock()))
        db.session.commit()
    for _ in range(3):  # said again and again, the grant lives on
        clock.move(timedelta(days=130))
        agree(client)
    client.get("/contact")
    clock.set(clock().replace(2032, 6, 5, 7, 59))

    with place.app_context():
        old = (named("activity"), named("glances"))
        early = sum(sweep.carry_out(clock()) for sweep in old)
        clock.move(timedelta(minutes=1))
        late = sum(sweep.carry_out(clock()) for sweep in old)

    assert (early, late) == (0, 2)
    assert seen(place) == ["/contact"]


def test_every_page_of_a_booking_has_a_name_in_plain_words(place):
    rules = {rule.rule for rule in place.url_map.iter_rules()}
    visitor = Visitor(place, cookies=True)
    visitor.client = agree(Reader(place, place.response_class, use_cookies=True))

    reservation = visitor.book()
    visitor.send(reservation.form("/cancel"))
    noted = seen(place)

    assert reservation.title.startswith("You are expected")
    assert len(set(noted)) >= 5
    assert not any(what.startswith("/demo-bank") for what in noted)
    assert set(noted) <= PAGES.keys()
    assert PAGES.keys() <= rules
