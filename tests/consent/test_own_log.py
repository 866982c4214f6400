"""Whoever is noted can read every line of it, nobody else can, and one button ends it."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import Account
from app.consent.models import Grant
from app.core.database import db
from tests.accounts.ways import make_guest, session_cookie, sign_in, sign_in_guest, sign_out
from tests.consent.reader import agreed, entries, grants, reader, refuse, rows, seen


def lines_on(page):
    """Return the log's lines as a reader sees them, and what is pressed to end it."""
    soup = BeautifulSoup(page.text, "html.parser")
    return [" ".join(line.get_text(" ").split()) for line in soup.select(".log li")]


def press_the_button(client, page):
    """Send the page's form as a browser does."""
    form = BeautifulSoup(page.text, "html.parser").select_one("main form")
    data = {field["name"]: field.get("value", "") for field in form.select("input")}
    return client.post(form["action"], data=data)


def switches_on(client):
    """Return the categories whose switch on the cookie page is on."""
    soup = BeautifulSoup(client.get("/cookies").text, "html.parser")
    return {one["name"] for one in soup.select("[role=switch][checked]")}


def owners_person(app):
    """Return whose the owner's account is."""
    with app.app_context():
        return db.session.scalar(sa.select(Account.person_id))


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_a_visitor_reads_their_lines_in_plain_words_newest_first(place, clock):
    client = agreed(place)
    client.get("/search", headers={"Referer": "https://blog.example.org/x"})
    clock.move(timedelta(minutes=3))
    client.post("/cookies/clicks", data={"click": "offer"})
    clock.move(timedelta(days=1))
    client.get("/offers/reed-room?adults=2")

    page = client.get("/cookies/log")

    assert lines_on(page) == [
        "08:03 Page: A room or a tour phone, Firefox, Android",
        "08:03 Click: Opened an offer phone, Firefox, Android",
        "08:00 Page: What is free, from blog.example.org phone, Firefox, Android",
    ]
    days = [day.text for day in BeautifulSoup(page.text, "html.parser").select(".sessions__day")]
    assert days == ["Tuesday, 6 May 2031", "Monday, 5 May 2031"]
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.clause("C09")
def test_everything_that_is_kept_of_a_line_is_shown(place):
    client = agreed(place)
    client.get("/contact", headers={"Referer": "https://blog.example.org/x"})
    (row,) = rows(place)

    page = client.get("/cookies/log?lang=de").text

    assert row.referring_host in page
    assert row.browser in page
    assert row.system in page
    assert f"{row.at:%Y-%m-%dT%H:%MZ}" in page


@pytest.mark.clause("C09")
@pytest.mark.clause("C08")
def test_nobody_reads_the_log_of_another(place):
    mine, other, stranger = agreed(place), agreed(place), reader(place)
    mine.get("/contact")
    receipt = mine.get("/cookies/receipt").get_json()["receipt"]["receipt_id"]
    stranger.set_cookie("statistics", receipt, domain="localhost")
    other.set_cookie(
        "choice", mine.get_cookie("choice", domain="localhost").value, domain="localhost"
    )

    pages = [client.get("/cookies/log").text for client in (other, stranger)]

    assert not any("Page: Contact" in page for page in pages)
    assert "Page: Contact" in mine.get("/cookies/log").text


@pytest.mark.clause("C09")
def test_without_a_yes_the_page_says_that_nothing_is_noted(place):
    for client in (reader(place), refuse(reader(place))):
        page = client.get("/cookies/log")

        assert page.status_code == 200
        assert "Nothing is noted in this browser" in page.text
        assert not BeautifulSoup(page.text, "html.parser").select("main form")


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_the_button_deletes_all_of_it_and_keeps_the_other_answers(place):
    client = agreed(place)
    client.get("/contact")

    answer = press_the_button(client, client.get("/cookies/log"))
    after = client.get("/cookies/log")

    assert answer.status_code == 303
    assert rows(place) == []
    assert "Nothing is noted in this browser" in after.text
    assert client.get_cookie("suggestions", domain="localhost") is not None
    assert entries(place) == 2


def test_a_long_log_is_read_page_by_page_in_few_statements(place, clock, count_queries):
    client = agreed(place)
    for _ in range(105):
        clock.move(timedelta(minutes=1))
        client.get("/contact")

    with count_queries() as sent:
        first = client.get("/cookies/log")
    second = client.get("/cookies/log?page=2")
    third = client.get("/cookies/log?page=3")

    assert (len(lines_on(first)), len(lines_on(second)), len(lines_on(third))) == (100, 6, 0)
    assert re.search(r'rel="next" href="[^"]*page=2', first.text)
    assert 'rel="next"' not in second.text
    assert len([s for s in sent if s.startswith("SELECT")]) <= 3
    for wrong in ("0", "-1", "x", "1e3", "99999", "\u0661"):
        assert client.get(f"/cookies/log?page={wrong}").status_code == 404


# -- With an account ----------------------------------------------------------------------------


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_signing_in_says_whose_the_lines_of_a_browser_are(place, clock):
    phone, desk = agreed(place), agreed(place, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    phone.get("/contact")
    desk.get("/search")

    sign_in(place, clock, phone)
    sign_in(place, clock, desk)
    page = desk.get("/account/activity")

    assert re.findall(r'class="crumbs".*?href="([^"]+)"', page.text, re.DOTALL) == ["/account"]
    assert lines_on(page) == [
        "08:00 Page: What is free computer, Firefox, Linux",
        "08:00 Page: Contact phone, Firefox, Android",
    ]
    with place.app_context():
        whose = set(db.session.scalars(sa.select(Grant.person_id)))
    assert whose == {owners_person(place)}


@pytest.mark.clause("C09")
def test_strangers_are_asked_to_sign_in(place):
    client = agreed(place)

    answers = [client.get("/account/activity"), client.post("/account/activity")]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert all(answer.location.startswith("/account/sign-in") for answer in answers)
    assert grants(place) == 2


@pytest.mark.clause("C09")
def test_an_account_shows_nothing_of_who_used_the_browser_before(place, clock):
    client = agreed(place)
    client.get("/contact")
    with place.app_context():
        db.session.execute(sa.text("INSERT INTO person (id, created_at) VALUES ('other', :now)"),
                           {"now": clock()})  # fmt: skip
        db.session.execute(sa.update(Grant).values(person_id="other"))
        db.session.commit()

    sign_in(place, clock, client)
    page = client.get("/account/activity")

    assert lines_on(page) == []


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_nobody_reads_what_another_did_who_signed_in_with_their_browser(place, clock):
    """A tablet in the kitchen: one said yes there, the other signs in with it after them."""
    make_guest(place, clock)
    kitchen, desk = agreed(place), agreed(place)
    sign_in(place, clock, kitchen)
    sign_in(place, clock, desk)
    kitchen.get("/search")
    sign_out(kitchen)

    assert sign_in_guest(kitchen).status_code == 303
    kitchen.get("/contact")

    assert lines_on(desk.get("/account/activity")) == []
    assert seen(place) == ["/account/activity"]  # at the desk
    assert "statistics" not in switches_on(kitchen)


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_one_button_ends_it_in_every_browser(place, clock):
    phone, desk, other = agreed(place), agreed(place), agreed(place)
    for client in (phone, desk, other):
        client.get("/contact")
    sign_in(place, clock, phone)
    sign_in(place, clock, desk)

    answer = press_the_button(desk, desk.get("/account/activity"))
    for client in (phone, desk):
        client.get("/search")

    assert answer.status_code == 303
    assert session_cookie(desk)
    assert seen(place) == ["/contact"]  # the other's
    assert desk.get_cookie("statistics", domain="localhost") is None


@pytest.mark.clause("C09")
def test_a_browser_in_which_it_was_ended_from_another_shows_it_as_off(place, clock):
    phone, desk = agreed(place), agreed(place)
    sign_in(place, clock, phone)
    sign_in(place, clock, desk)
    before = switches_on(phone)

    press_the_button(desk, desk.get("/account/activity"))

    assert "statistics" in before
    assert switches_on(phone) == before - {"statistics"}
    log = BeautifulSoup(phone.get("/cookies/log").text, "html.parser")
    assert "haven’t said yes" in log.select_one("main .notice").get_text()


@pytest.mark.clause("C09")
def test_what_is_noted_goes_with_the_person(place, clock):
    client = agreed(place)
    client.get("/contact")
    sign_in(place, clock, client)

    with place.app_context():
        db.session.execute(sa.text("DELETE FROM person"))
        db.session.commit()

    assert rows(place) == []
    assert grants(place) == 0
