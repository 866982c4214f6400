"""The cookie page is the register, put into words; what is chosen there is what counts."""

from dataclasses import replace
from datetime import timedelta

import pytest
from bs4 import Tag
from flask import Flask

from app import create_app
from app.consent import chain
from app.consent.register import ABOUT, CHOICE, REGISTER, cookies_of
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import LANGUAGES, use_language
from app.core.languages import gettext as _
from app.web.cookies import OPTIONAL, Category
from tests.house.visitor import Page, Sheet, Visitor


@pytest.fixture
def keeper(place: Flask) -> Visitor:
    """Somebody whose browser keeps cookies."""
    return Visitor(place, cookies=True)


def switches(page: Page) -> dict[str, bool]:
    """Return the switches of the page, and whether each is on."""
    return {str(s["name"]): s.has_attr("checked") for s in page.soup.select("[role=switch]")}


def choosing(page: Page) -> Sheet:
    """Return the form with the switches."""
    form = page.soup.select_one("form.choosing")
    assert isinstance(form, Tag)
    return Sheet(form, str(form["action"]))


@pytest.mark.clause("C11")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_names_every_cookie_its_purpose_life_and_reader(visitor, language):
    page = visitor.open(f"/cookies?lang={language}")

    rows = [
        [cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]
        for row in page.soup.select("table.cookies tbody tr")
    ]
    assert [row[0] for row in rows] == [c.name for cat in ABOUT for c in cookies_of(cat)]
    assert len(rows) == len(REGISTER)
    with use_language(language):
        for row, cookie in zip(rows, (c for cat in ABOUT for c in cookies_of(cat)), strict=True):
            assert row[1].startswith(_(cookie.purpose))
            assert bool(cookie.needed_for) == (cookie.category == Category.NECESSARY)
            if cookie.needed_for:
                assert row[1].endswith(_(cookie.needed_for))
            assert all(row[2:])
        for category, about in ABOUT.items():
            said = page.soup.select_one(f"[aria-labelledby=about-{category}]")
            assert said
            for text in (about.title, about.short, *about.purposes):
                assert _(text) in said.get_text()
            assert _(about.kept, months=about.server_months) in said.get_text()


@pytest.mark.clause("C11")
def test_lives_are_told_as_they_are(visitor):
    page = visitor.open("/cookies")

    lives = {
        row.th.get_text(strip=True): row.select("td")[1].get_text(strip=True)
        for row in page.soup.select("table.cookies tbody tr")
    }
    assert lives["basket"].startswith("2 ")
    assert {lives[c.name] for c in REGISTER if c.seconds == CHOICE.seconds} == {lives["choice"]}
    assert lives["choice"].startswith("6 ")
    assert not any(digit in lives["session"] for digit in "0123456789")


@pytest.mark.clause("C11")
def test_over_https_the_names_are_those_that_are_really_sent(place, settings, clock):
    app = create_app(replace(settings, site_url="https://example.org"), clock=clock)

    page = Visitor(app, base="https://example.org").open("/cookies")

    names = [code.get_text() for code in page.soup.select("table.cookies th code")]
    assert sorted(names) == sorted(f"__Host-{cookie.name}" for cookie in REGISTER)


@pytest.mark.clause("C09")
def test_switches_say_what_they_are_and_start_off(visitor):
    page = visitor.open("/cookies")

    assert switches(page) == dict.fromkeys(OPTIONAL, False)
    for switch in page.soup.select("[role=switch]"):
        assert page.soup.find(id=switch["aria-labelledby"])
        assert switch["type"] == "checkbox"
        assert len(switch.parent.select("[aria-hidden=true]")) == 2


@pytest.mark.clause("C09")
@pytest.mark.parametrize("chosen", [(), ("statistics",), ("preferences", "suggestions"), OPTIONAL])
def test_what_is_saved_is_what_is_switched_on(keeper, clock, chosen):
    page = keeper.send(
        choosing(keeper.open("/cookies")), choice="custom", **dict.fromkeys(chosen, "on")
    )

    assert page.url == "/cookies"
    assert switches(page) == {category: category in chosen for category in OPTIONAL}
    times = [one["datetime"] for one in page.soup.select(".choice time")]
    assert times == ["2031-05-05", "2031-11-05"]
    assert bool(page.soup.select(".choice form.withdraw")) == bool(chosen)


@pytest.mark.clause("C09")
def test_each_answer_on_the_page_is_the_same_button(visitor):
    buttons = choosing(visitor.open("/cookies")).tag.find_all("button")

    assert [button["value"] for button in buttons] == ["custom", "accept", "refuse"]
    looks = [{k: v for k, v in b.attrs.items() if k != "value"} for b in buttons]
    assert looks == [looks[0]] * 3


@pytest.mark.clause("C09")
@pytest.mark.parametrize("choice", ["", "maybe", "ACCEPT"])
def test_no_answer_is_guessed_from_a_broken_form(keeper, choice):
    sheet = choosing(keeper.open("/cookies"))

    page = keeper.send(sheet, choice=choice, statistics="on")

    assert page.status == 422
    assert page.soup.select_one("form.choosing .notice--error[role=alert]")
    assert switches(page) == {"preferences": False, "statistics": True, "suggestions": False}
    assert not page.all("Set-Cookie")
    assert switches(keeper.open("/cookies")) == dict.fromkeys(OPTIONAL, False)


@pytest.mark.clause("C09")
def test_a_choice_is_kept_for_six_months_yes_and_no_alike_and_then_asked_for_again(keeper, clock):
    keeper.send(choosing(keeper.open("/cookies")), choice="refuse")
    asked = "body > section.asking"

    clock.move(timedelta(days=183))
    assert not keeper.open("/").soup.select(asked)

    clock.move(timedelta(days=1))
    assert keeper.open("/").soup.select(asked)


@pytest.mark.clause("C09")
def test_the_receipt_is_found_in_the_chain_by_everybody(keeper, place):
    page = keeper.send(choosing(keeper.open("/cookies")), choice="accept")
    receipt = page.soup.select_one(".choice a[download]")
    look_up = page.soup.select_one('.choice a[href*="digest="]')
    assert receipt
    assert look_up

    taken = keeper.open(str(receipt["href"]))
    found = Visitor(place).open(str(look_up["href"]))

    digest = found.typed_in("digest")
    assert digest in taken.text
    assert digest in page.words
    assert found.soup.select_one("main .notice--success")


@pytest.mark.clause("C09")
def test_looking_up_what_is_not_there_or_is_no_digest_says_so(visitor):
    missing = visitor.open(f"/cookies/heads?digest={'a' * 64}")
    wrong = visitor.open("/cookies/heads?digest=4111111111111111")

    assert missing.soup.select_one("main .notice--warning")
    assert wrong.said_beside("digest")
    assert wrong.typed_in("digest") == ""
    assert "4111111111111111" not in wrong.words


@pytest.mark.clause("C09")
def test_heads_are_shown_day_by_day(keeper, place, clock):
    for _day in range(2):
        keeper.send(choosing(keeper.open("/cookies")), choice="refuse")
        with place.app_context():
            assert chain.publish_head(now=utcnow())
            db.session.commit()
            last = chain.head()
        clock.move(timedelta(days=1))

    page = keeper.open("/cookies/heads")

    days = [one["datetime"] for one in page.soup.select("table.cookies time")]
    assert days == ["2031-05-06", "2031-05-05"]
    assert last.digest in page.soup.select_one("table.cookies tbody tr").get_text()


@pytest.mark.clause("C10")
@pytest.mark.parametrize("sent", [{}, {"Sec-GPC": "1"}, {"DNT": "1"}, {"Sec-GPC": "1", "DNT": "1"}])
def test_the_page_tells_what_this_very_browser_sends(place, sent):
    page = Visitor(place, headers=sent).open("/cookies")

    heading = page.soup.find(id="signals")
    assert heading
    said = heading.parent.find_all("p")[-1].get_text()
    names = {"Sec-GPC": "Global Privacy Control", "DNT": "Do Not Track"}
    assert [name for header, name in names.items() if name in said] == [
        names[header] for header in names if header in sent
    ]
    assert bool(page.soup.select(".choice > p")) is True


@pytest.mark.clause("C10")
def test_nothing_is_sold_and_a_refusal_of_it_is_recorded_all_the_same(keeper):
    page = keeper.open("/cookies")
    heading = page.soup.find(id="no-sale")
    assert heading
    form = heading.parent.find("form")
    assert isinstance(form, Tag)

    after = keeper.send(Sheet(form, str(form["action"])), choice="refuse")

    assert [b["value"] for b in form.find_all("button")] == ["refuse"]
    assert after.soup.select_one(".choice a[download]")
