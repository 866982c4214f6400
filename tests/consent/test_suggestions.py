"""What was looked at comes first where somebody said yes to it, and nowhere is it noted else."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.consent import glances
from app.consent.frame import _MAKE, Permission
from app.consent.glances import MOST
from app.consent.models import Glance
from app.core.database import db
from app.core.tokens import digest_of_token
from app.web.cookies import Category
from tests.consent.answers import GPC
from tests.consent.reader import agree, reader, refuse

STAYS = ["Reed Room", "Lagoon Suite", "The Boathouse"]
SESSIONS = ["Morning kayak tour", "Sauna by the water"]
SEARCH = "/search?arrive=2031-06-02&depart=2031-06-05&adults=2"
A_MINUTE = timedelta(minutes=1)


def willing(place):
    """Return a visitor who said yes to suggestions, and to nothing else."""
    return agree(reader(place), suggestions="on")


def look_at(client, clock, *slugs):
    """Open offers, a minute apart."""
    for slug in slugs:
        clock.move(A_MINUTE)
        assert client.get(f"/offers/{slug}").status_code == 200


def pass_for(client, category=Category.SUGGESTIONS):
    """Return the permission that a visitor's cookie stands for."""
    token = client.get_cookie("suggestions", domain="localhost").value
    return Permission(_MAKE, category, digest_of_token(token))


def noted(place):
    """Return what is noted of everybody, in the order of the words."""
    with place.app_context():
        return list(db.session.scalars(sa.select(Glance.what).order_by(Glance.what)))


def main_of(answer):
    """Return the main part of a page."""
    return BeautifulSoup(answer.get_data(as_text=True), "html.parser").find("main")


def listed(answer):
    """Return the names of the offers on a page, in its order."""
    found = main_of(answer).select(".card__title, .result h2")
    return [heading.get_text(strip=True) for heading in found]


def priced(answer):
    """Return each offer of a page with what it says of it."""
    found = main_of(answer).select(".card, .result")
    return sorted(" ".join(one.get_text(" ").split()) for one in found)


# -- What is noted ------------------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_a_robot_that_agreed_looks_at_nothing(place):
    client = willing(place)
    robot = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://google.example/bot)"}

    client.get("/offers/sauna", headers=robot)
    nobody = noted(place)
    client.get("/offers/sauna")

    assert nobody == []
    assert noted(place) == ["sauna"]


@pytest.mark.clause("C18")
@pytest.mark.both_databases
def test_an_offer_that_is_opened_is_noted_once_and_the_latest_comes_first(place, clock):
    client = willing(place)
    look_at(client, clock, "reed-room", "sauna", "boathouse", "reed-room")

    with place.app_context():
        mine = pass_for(client)
        lines = glances.lines(mine, now=clock())
        names = glances.looked_at(mine, now=clock())

    assert names == ["reed-room", "boathouse", "sauna"]
    assert [line.what for line in lines] == names
    assert [line.last_at for line in lines] == [
        clock(), clock() - A_MINUTE, clock() - 2 * A_MINUTE,
    ]  # fmt: skip


@pytest.mark.clause("C09")
@pytest.mark.clause("C18")
@pytest.mark.parametrize("said", ["nothing", "refused", "others", "gpc", "yes, then gpc"])
def test_without_a_yes_nothing_is_noted_and_no_order_changes(place, clock, said):
    neutral = [listed(reader(place).get(path)) for path in ("/", "/search", SEARCH)]
    client = reader(place)
    match said:
        case "refused":
            refuse(client)
        case "others":
            agree(client, preferences="on", statistics="on")
        case "yes, then gpc":
            agree(client)
            look_at(client, clock, "boathouse")
    if "gpc" in said:
        client.environ_base["HTTP_SEC_GPC"] = "1"

    look_at(client, clock, "boathouse", "sauna")

    assert [listed(client.get(path)) for path in ("/", "/search", SEARCH)] == neutral
    assert noted(place) == []


@pytest.mark.clause("C18")
def test_what_nobody_opened_is_not_noted(place, clock):
    client = willing(place)

    client.head("/offers/reed-room")
    client.get("/offers/reed-room", headers={"Sec-Purpose": "prefetch;prerender"})
    client.get("/offers/nowhere")
    client.post("/offers/reed-room/stay", data={"arrive": "tomorrow"})

    assert noted(place) == []


@pytest.mark.clause("C09")
@pytest.mark.clause("C18")
@pytest.mark.both_databases
def test_a_grant_that_ended_takes_nothing_more(place, clock):
    client = willing(place)
    look_at(client, clock, "reed-room")
    mine = pass_for(client)
    refuse(client)

    with place.app_context():
        assert glances.note(db.engine, mine, "sauna", now=clock()) is False
        assert glances.looked_at(mine, now=clock()) == []

    assert noted(place) == []


@pytest.mark.clause("C18")
def test_a_choice_that_ran_out_takes_nothing_more(place, clock):
    client = willing(place)
    mine = pass_for(client)
    clock.move(timedelta(days=190))

    with place.app_context():
        assert glances.note(db.engine, mine, "sauna", now=clock()) is False
        assert glances.looked_at(mine, now=clock()) == []


@pytest.mark.clause("C09")
def test_a_permission_to_something_else_is_of_no_use(place, clock):
    client = agree(reader(place))
    others = pass_for(client, Category.STATISTICS)

    with place.app_context():
        with pytest.raises(ValueError, match="suggestions"):
            glances.note(db.engine, others, "sauna", now=clock())
        with pytest.raises(ValueError, match="suggestions"):
            glances.looked_at(others, now=clock())


@pytest.mark.clause("C18")
@pytest.mark.both_databases
def test_no_more_is_kept_than_said_and_the_oldest_go(place, clock):
    client = willing(place)
    other = willing(place)

    with place.app_context():
        glances.note(db.engine, pass_for(other), "sauna", now=clock())
        for number in range(MOST + 7):
            now = clock.move(A_MINUTE)
            assert glances.note(db.engine, pass_for(client), f"offer-{number}", now=now)
        kept = glances.looked_at(pass_for(client), now=clock())
        others = glances.looked_at(pass_for(other), now=clock())

    assert kept == [f"offer-{number}" for number in reversed(range(7, MOST + 7))]
    assert others == ["sauna"]


def test_a_page_comes_even_if_nothing_can_be_noted(place, caplog):
    client = willing(place)
    with place.app_context():
        db.session.execute(sa.text("DROP TABLE glance"))
        db.session.commit()

    page = client.get("/offers/reed-room")

    assert page.status_code == 200
    assert "OperationalError" in caplog.text
    assert "reed-room" not in caplog.text


@pytest.mark.clause("C09")
@pytest.mark.clause("C18")
def test_a_visitor_reads_what_is_noted_and_one_button_deletes_it(place, clock):
    client, stranger = willing(place), willing(place)
    look_at(client, clock, "reed-room", "sauna")

    page = client.get("/cookies/log")
    form = main_of(page).select_one("form:has([value=suggestions])")
    client.post(form["action"], data={f["name"]: f.get("value", "") for f in form.select("input")})

    shown = [" ".join(row.get_text(" ").split()) for row in main_of(page).select(".facts div")]
    assert [row.partition(" 0")[0] for row in shown] == ["Sauna by the water", "Reed Room"]
    assert [row.rpartition(", ")[2] for row in shown] == ["08:02", "08:01"]
    assert not main_of(stranger.get("/cookies/log")).select(".facts div")
    assert not main_of(client.get("/cookies/log")).select(".facts div")
    assert noted(place) == []


# -- The order ----------------------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_what_was_looked_at_comes_first_and_the_page_says_so(place, clock):
    client = willing(place)
    look_at(client, clock, "lagoon-suite", "boathouse", "sauna")

    home, everything, found = (client.get(path) for path in ("/", "/search", SEARCH))

    stays = ["The Boathouse", "Lagoon Suite", "Reed Room"]
    assert listed(home) == [*stays, "Sauna by the water", "Morning kayak tour"]
    assert listed(everything) == ["Sauna by the water", *stays, "Morning kayak tour"]
    assert listed(found) == stays
    for page, path in ((home, "/?"), (everything, "/search?"), (found, f"{SEARCH}&")):
        said = main_of(page)
        assert "What you looked at comes first." in said.get_text()
        assert said.select_one(f"a[href='{path}order=neutral']")
        assert said.select_one("a[href='/cookies']")


@pytest.mark.clause("C18")
def test_one_page_can_be_had_in_the_order_of_the_house(place, clock):
    client = willing(place)
    look_at(client, clock, "boathouse", "sauna")

    home = client.get("/?order=neutral")
    found = client.get(f"{SEARCH}&order=neutral")

    assert listed(home) == [*STAYS, *SESSIONS]
    assert listed(found) == STAYS
    assert "in the order of the house" in main_of(home).get_text()
    assert main_of(found).select_one(f"a[href='{SEARCH}']")
    assert listed(client.get("/"))[0] == "The Boathouse"


@pytest.mark.clause("C18")
def test_no_offer_is_hidden_and_no_price_is_another(place, clock):
    client, stranger = willing(place), reader(place)
    look_at(client, clock, "boathouse", "kayak-tour", "lagoon-suite")

    for path in ("/", "/search", SEARCH):
        assert priced(client.get(path)) == priced(stranger.get(path)), path


@pytest.mark.clause("C18")
def test_what_is_free_stays_before_what_is_not(place, clock):
    client = willing(place)
    look_at(client, clock, "reed-room", "boathouse")

    found = client.get(SEARCH.replace("adults=2", "adults=4"))

    # Four adults fit into the suite alone.
    assert listed(found) == ["Lagoon Suite", "The Boathouse", "Reed Room"]


@pytest.mark.clause("C09")
@pytest.mark.clause("C18")
def test_after_withdrawal_every_page_is_the_neutral_one_to_the_letter(place, clock):
    client = willing(place)
    look_at(client, clock, "boathouse", "sauna")
    stranger = refuse(reader(place))

    refuse(client)
    look_at(client, clock, "boathouse")

    for path in ("/", "/search", SEARCH, "/?order=neutral"):
        assert main_of(client.get(path)) == main_of(stranger.get(path)), path
    assert noted(place) == []


@pytest.mark.clause("C10")
def test_a_signal_has_the_neutral_order_at_once(place, clock):
    client = willing(place)
    look_at(client, clock, "boathouse")

    assert listed(client.get("/", headers=GPC)) == [*STAYS, *SESSIONS]
    assert noted(place) == []


@pytest.mark.clause("C18")
def test_nobody_sees_another_visitors_order(place, clock):
    one, other, stranger = willing(place), willing(place), reader(place)
    look_at(one, clock, "boathouse")
    look_at(other, clock, "lagoon-suite")

    first = [listed(client.get("/"))[0] for client in (one, other, stranger, one)]

    assert first == ["The Boathouse", "Lagoon Suite", "Reed Room", "The Boathouse"]


def test_a_yes_without_a_history_says_nothing_and_changes_nothing(place):
    client, stranger = willing(place), refuse(reader(place))

    for path in ("/", "/search", SEARCH):
        assert main_of(client.get(path)) == main_of(stranger.get(path)), path


def test_an_offer_that_is_gone_is_passed_over(place, clock):
    client = willing(place)
    with place.app_context():
        glances.note(db.engine, pass_for(client), "old-mill", now=clock())

    home = client.get("/")

    assert listed(home) == [*STAYS, *SESSIONS]
    assert "What you looked at" not in main_of(home).get_text()


@pytest.mark.clause("C18")
def test_it_costs_one_statement_and_nothing_without_a_yes(place, clock, count_queries):
    client, stranger = willing(place), reader(place)
    look_at(client, clock, "boathouse")

    def cost(visitor, path):
        with count_queries() as sent:
            visitor.get(path)
        return len(sent)

    # Each search another one, so that no page is kept.
    searches = [f"{SEARCH}&children={n}" for n in (0, 1)]
    plain = cost(stranger, f"{searches[0]}&n=1")
    assert cost(client, searches[1]) == plain + 1
    assert cost(client, f"{searches[1]}&order=neutral") == plain
    assert cost(refuse(reader(place)), f"{searches[0]}&n=2") == plain
    assert cost(stranger, "/") == 1
    # What is noted is noted after the page, in statements of its own.
    assert cost(client, "/offers/sauna") - cost(refuse(client), "/offers/sauna?n=1") == 2
