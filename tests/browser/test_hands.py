"""The site answers to keys, screen readers, paper and people who want less motion."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.guest import Guest, KeyboardGuest, fresh_nights

# Notes what has the focus; tells its ring, or nothing once the focus has been everywhere. A
# date keeps the focus for several stops: day, month, year.
NEXT_STOP = """() => {
  const here = document.activeElement;
  if (here === document.body || (here.dataset.seen && here !== window.before)) return null;
  window.before = here;
  here.dataset.seen = "yes";
  const style = getComputedStyle(here);
  return [here.outerHTML.slice(0, 120), style.outlineStyle, parseFloat(style.outlineWidth)];
}"""

PASSED_OVER = """() => [...document.querySelectorAll("a[href], button, input, select, summary")]
  .filter(one => one.checkVisibility() && one.tabIndex >= 0 && one.type !== "hidden"
    && !one.dataset.seen)
  .map(one => one.outerHTML.slice(0, 120))"""


def test_the_first_tab_leads_past_the_masthead(page: Page) -> None:
    # The question about cookies comes before everything, and goes with its answer.
    page.goto("/")
    page.locator(".asking [value=refuse]").click()
    expect(page.locator(".asking")).to_have_count(0)
    page.goto("/")

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.locator("#arrive")).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/offers/reed-room", "/search"])
def test_the_focus_is_always_seen_and_passes_over_nothing(page: Page, path: str) -> None:
    page.goto(path)

    page.keyboard.press("Tab")
    while stop := page.evaluate(NEXT_STOP):
        element, style, width = stop
        assert (style, width >= 2) == ("solid", True), element
        page.keyboard.press("Tab")

    assert page.evaluate(PASSED_OVER) == []


def test_what_is_wrong_takes_the_focus_and_leads_to_its_field(page: Page) -> None:
    guest = KeyboardGuest(page)
    Guest(page).checkout()
    guest.write("#name", "Zoë")
    guest.write("#email", "zoe at example")
    with page.expect_event("domcontentloaded"):
        page.keyboard.press("Enter")

    summary = page.locator(".notice--error")
    expect(summary).to_be_focused()
    assert summary.locator("a").count() == 2  # the address, and the agreement
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    email = page.locator("#email")
    expect(email).to_be_focused()
    expect(email).to_have_value("zoe at example")
    expect(email).to_have_attribute("aria-invalid", "true")
    described = email.get_attribute("aria-describedby") or ""
    expect(page.locator(f"#{described.split()[-1]}")).to_be_visible()
    expect(page.locator("#name")).to_have_value("Zoë")


def test_what_was_typed_stays_where_a_browser_would_not_show_it(page: Page) -> None:
    page.goto("/search?arrive=tomorrow&depart=&adults=two&children=1")

    expect(page.locator("#arrive")).to_have_value("tomorrow")
    expect(page.locator("#adults")).to_have_value("two")
    expect(page.locator("#children")).to_have_value("1")
    for field in ("arrive", "adults"):
        expect(page.locator(f"#{field}-error")).to_be_visible()


def test_details_that_few_need_are_folded_until_they_matter(page: Page) -> None:
    Guest(page).checkout()
    folded = page.locator("main form > details")
    expect(page.locator("#phone")).not_to_be_visible()

    folded.locator("summary").click()
    page.locator("#phone").fill("12")
    with page.expect_event("domcontentloaded"):
        page.locator("main form > .button--primary").click()

    expect(page.locator("#phone")).to_be_visible()
    expect(page.locator("#phone-error")).to_be_visible()
    expect(page.locator("#phone")).to_have_value("12")


def test_another_country_is_chosen_without_a_script(open_page: Callable[..., Page]) -> None:
    page = open_page(javascript=False, locale="de-DE")
    Guest(page).checkout()
    page.locator("#name").fill("Zoë")
    page.locator("#wants_invoice").check()
    page.locator("[name=billing_city]").fill("Kyoto")

    page.locator("[name=billing_country]").select_option("JP")
    with page.expect_event("domcontentloaded"):
        page.locator("[name=billing_country_set]").click()

    expect(page.locator("select[name=billing_country_area]")).to_be_visible()
    expect(page.locator("#name")).to_have_value("Zoë")
    expect(page.locator("#wants_invoice")).to_be_checked()
    expect(page.locator("[name=billing_country]")).to_be_in_viewport()
    assert not page.locator("[aria-invalid]").count()
    assert "Kyoto" in page.content()


def test_the_address_is_asked_only_of_those_who_want_an_invoice(page: Page) -> None:
    Guest(page).checkout()
    country = page.locator("[name=billing_country]")
    expect(country).not_to_be_visible()

    page.locator("#wants_invoice").check()

    expect(country).to_be_visible()


def test_the_calendar_is_a_table_that_names_its_month_and_days(page: Page) -> None:
    page.goto("/offers/reed-room")
    table = page.locator(".calendar table")

    assert re.search(r"\d{4}", table.locator("caption").inner_text())
    days = table.locator("thead th[scope=col]")
    assert days.count() == 7
    names = days.locator("abbr").evaluate_all("all => all.map(one => one.title)")
    assert len(set(names)) == 7
    rows = table.locator("tbody tr").evaluate_all("all => all.map(row => row.cells.length)")
    assert set(rows) == {7}
    day = table.locator("a").first
    assert str(page.evaluate("new Date().getFullYear()"))[:2] in day.inner_text()


def test_the_free_days_are_a_list_too(page: Page) -> None:
    page.goto("/offers/reed-room")

    page.locator("#calendar summary").focus()
    page.keyboard.press("Enter")

    first = page.locator("#calendar details a").first
    expect(first).to_be_visible()
    assert "arrive=" in (first.get_attribute("href") or "")


def test_on_paper_there_is_the_letter_and_nothing_to_press(page: Page) -> None:
    guest = Guest(page)
    guest.checkout()
    guest.say_who()
    guest.go_to_pay()
    guest.pay()

    page.emulate_media(media="print")

    expect(page.locator(".letter .reference__text")).to_be_visible()
    for gone in ("button", ".button", "nav", "form", "header", "footer", "summary"):
        for one in page.locator(gone).all():
            expect(one).not_to_be_visible()


@pytest.mark.parametrize(("wish", "seconds"), [("reduce", 0.0), ("no-preference", 0.12)])
def test_motion_is_left_out_where_it_is_not_wanted(
    open_page: Callable[..., Page], wish: str, seconds: float
) -> None:
    page = open_page(reduced_motion=wish)
    page.goto("/")

    durations = page.locator("form .button--primary").evaluate(
        "button => getComputedStyle(button).transitionDuration"
    )

    assert {float(one.strip().removesuffix("s")) for one in durations.split(",")} == {seconds}


def test_a_search_is_an_address_that_can_be_sent_on(page: Page) -> None:
    arrive, depart = fresh_nights()
    Guest(page).search((arrive, depart))
    page.go_back()
    found = page.locator(".result h2").all_inner_texts()

    other = page.context.new_page()
    other.goto(page.url)

    assert f"arrive={arrive}" in other.url
    assert other.locator(".result h2").all_inner_texts() == found
    expect(other.locator("#depart")).to_have_value(depart.isoformat())
