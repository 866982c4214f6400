"""Light or dark is the visitor's to say, without a script, a flash, or anything left behind."""

from collections.abc import Callable

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.browser.test_pages import BY_NIGHT, violations

DAY, NIGHT = "rgb(246, 244, 238)", "rgb(17, 25, 28)"
GROUND = "getComputedStyle(document.documentElement).backgroundColor"
SCHEME = "getComputedStyle(document.documentElement).colorScheme"
FIELD = "getComputedStyle(document.querySelector('#arrive')).backgroundColor"


def ground_of(page: Page) -> str:
    """Return the colour behind a page, once its stylesheets are there."""
    page.wait_for_load_state("load")
    return str(page.evaluate(GROUND))


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    ("query", "dark", "ground", "scheme"),
    [
        ("", False, DAY, "light dark"),
        ("", True, NIGHT, "light dark"),
        ("?theme=dark", False, NIGHT, "dark"),
        ("?theme=dark", True, NIGHT, "dark"),
        ("?theme=light", False, DAY, "light"),
        ("?theme=light", True, DAY, "light"),
    ],
)
def test_what_is_wished_goes_before_what_the_device_says(
    open_page: Callable[..., Page], query: str, dark: bool, ground: str, scheme: str
) -> None:
    page = open_page(dark=dark, javascript=False)

    page.goto(f"/{query}")

    assert ground_of(page) == ground
    assert page.evaluate(SCHEME) == scheme
    assert page.evaluate(FIELD) == ("rgb(24, 34, 37)" if ground == NIGHT else "rgb(253, 252, 249)")


@pytest.mark.clause("C18")
@pytest.mark.parametrize(("theme", "dark"), [("dark", False), ("light", True)])
def test_a_wished_theme_can_be_read(open_page: Callable[..., Page], theme: str, dark: bool) -> None:
    page = open_page(dark=dark)
    for path in ("/", "/search", "/offers/reed-room", "/preferences", "/cookies"):
        page.goto(f"{path}?theme={theme}")
        page.evaluate(AXE_SCRIPT)

        assert violations(page, *BY_NIGHT) == [], path


@pytest.mark.clause("C18")
def test_pictures_have_the_light_of_the_page(open_page: Callable[..., Page]) -> None:
    shots = {}
    for name, query, dark in (
        ("night", "", True),
        ("wished", "?theme=dark", False),
        ("day", "", False),
        ("wished day", "?theme=light", True),
    ):
        page = open_page(dark=dark)
        page.goto(f"/{query}", wait_until="networkidle")
        shots[name] = page.locator(".hero__picture").screenshot()

    assert shots["wished"] == shots["night"]
    assert shots["wished day"] == shots["day"]
    assert shots["day"] != shots["night"]


def test_paper_stays_white(open_page: Callable[..., Page]) -> None:
    page = open_page(dark=True)
    page.goto("/terms?theme=dark")
    page.emulate_media(media="print")

    assert ground_of(page) == "rgb(255, 255, 255)"


@pytest.mark.clause("C18")
def test_it_is_chosen_on_a_page_and_stays_in_the_addresses(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(javascript=False)
    page.goto("/search")
    page.locator(".foot a[href*='/preferences']").click()
    page.locator("#theme [value=dark]").check()
    page.locator("#currency [value=code]").check()
    page.locator("#manner").select_option("de-AT")
    page.locator("main [type=submit]").click()

    expect(page).to_have_url("/search?lang=de&region=AT&currency=code&theme=dark")
    page.locator(".card a").first.click()
    expect(page.locator("#calendar")).to_be_visible()
    assert ground_of(page) == NIGHT
    expect(page.locator("main")).to_contain_text("EUR\u00a0")
    assert page.context.cookies() == []


@pytest.mark.clause("C18")
def test_with_a_yes_it_is_there_again_without_an_address(page: Page) -> None:
    page.goto("/preferences")
    page.locator(".asking [value=accept]").click()
    expect(page.locator(".asking")).to_have_count(0)
    page.locator("#theme [value=dark]").check()
    page.locator("main [type=submit]").click()
    expect(page.locator("main [role=status]")).to_be_visible()

    page.goto("/")
    assert ground_of(page) == NIGHT
    page.locator(".foot a[hreflang=fr]").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.goto("/contact")

    assert page.locator("html").get_attribute("lang") == "fr"
    assert ground_of(page) == NIGHT
    kept = {one["name"]: one["value"] for one in page.context.cookies()}
    assert kept["preferences"] == "fr-FR.symbol.dark"
