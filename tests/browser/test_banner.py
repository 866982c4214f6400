"""In a real browser: yes and no look alike, weigh alike, hide nothing, and go without a reload."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from app.consent.deciding import NOTED
from app.core.languages import LANGUAGES
from tests.browser.guest import KeyboardGuest
from tests.browser.test_pages import DESK, look, violations

YES, NO = ".asking [value=accept]", ".asking [value=refuse]"
LINE = ".asked[role=status]"
MOST_PRESSES = 6  # of keys, from a fresh page to a refusal

LOOKS = """element => {
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const looks = Object.fromEntries([...style].filter(name =>
    /^(color|background|border|font|line|letter|text|padding|margin|opacity|outline|cursor|box-shadow)/
      .test(name)).map(name => [name, style[name]]));
  return {...looks, width: Math.round(box.width), height: Math.round(box.height), top: box.top};
}"""

CONTRAST = """element => {
  const shine = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => {
      const c = v / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  let ground = element;
  while (/rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(ground).backgroundColor)) {
    ground = ground.parentElement;
  }
  const pair = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
  const [light, dark] = pair.map(shine).sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}"""

# Whether anything of the page lies under the question: it may only push it down.
COVERED = """() => {
  const asking = document.querySelector(".asking");
  const below = asking.getBoundingClientRect().bottom;
  const fixed = [asking, ...asking.querySelectorAll("*")].some(element =>
    ["fixed", "sticky", "absolute"].includes(getComputedStyle(element).position));
  const first = document.querySelector(".masthead").getBoundingClientRect().top;
  return fixed || first < below - 1;
}"""

IN_ALL = pytest.mark.parametrize("language", LANGUAGES, indirect=True)

HELD = "() => document.activeElement.matches('.asked[role=status]')"


# German has the longest words. The others come along with bin/test --all, and in every
# run where the words decide: how the buttons look, and what they cover.
@pytest.fixture(
    params=[pytest.param(one, marks=[] if one == "de" else pytest.mark.slow) for one in LANGUAGES]
)
def language(request: pytest.FixtureRequest) -> str:
    """Each language of the site."""
    return str(request.param)


def names(page: Page) -> set[str]:
    """Return the names of the cookies that the browser keeps."""
    return {str(cookie["name"]) for cookie in page.context.cookies()}


@pytest.mark.clause("C09")
@IN_ALL
def test_yes_and_no_look_and_weigh_the_same(page: Page, language: str) -> None:
    places = (("/", ".asking button"), ("/cookies", ".choosing .answers button"))
    for (path, buttons), width, light in product(places, (320, 768, 1280), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=light)
        page.goto(f"{path}?lang={language}")
        seen = page.locator(buttons).all()
        looks: list[dict[str, Any]] = [one.evaluate(LOOKS) for one in seen]
        alone = width == 320 and path == "/cookies"  # there they stand one under the other
        for one in looks:
            assert one["height"] >= 44
            if alone:
                del one["top"]
        assert looks == [looks[0]] * len(looks)
        assert min(one.evaluate(CONTRAST) for one in seen) >= 4.5


@pytest.mark.clause("C09")
@IN_ALL
def test_the_question_covers_nothing(page: Page, language: str) -> None:
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 640})
        page.goto(f"/offers/reed-room?lang={language}")

        assert not page.evaluate(COVERED)
        page.mouse.wheel(0, 2000)
        expect(page.locator(".asking")).not_to_be_in_viewport()


@pytest.mark.clause("C09")
@pytest.mark.parametrize("answer", [YES, NO], ids=["yes", "no"])
def test_an_answer_counts_without_loading_the_page_anew(
    open_page: Callable[..., Page], language: str, answer: str
) -> None:
    page = open_page()
    page.goto(f"/contact?lang={language}")
    page.evaluate("document.body.dataset.same = 'yes'")

    page.click(answer)

    expect(page.locator(LINE)).not_to_be_empty()
    expect(page.locator(".asking")).to_have_count(0)
    assert page.evaluate("document.body.dataset.same") == "yes"
    assert page.evaluate(HELD)
    given = answer == YES
    assert names(page) - {"preferences"} == {"choice", *(NOTED if given else ())}
    assert page.locator("footer .withdraw").is_visible() == given
    page.reload()
    expect(page.locator(".asking")).to_have_count(0)


@pytest.mark.clause("C09")
def test_a_yes_is_taken_back_from_the_foot_without_loading_the_page_anew(page: Page) -> None:
    page.goto("/contact")
    page.click(YES)
    expect(page.locator(LINE)).not_to_be_empty()
    page.evaluate("document.body.dataset.same = 'yes'")

    page.click("footer .withdraw button")

    expect(page.locator(f"footer {LINE}")).not_to_be_empty()
    expect(page.locator(LINE)).to_have_count(1)
    expect(page.locator("footer .withdraw")).to_be_hidden()
    assert page.evaluate("document.body.dataset.same") == "yes"
    assert page.evaluate(HELD)
    assert names(page) == {"choice"}


@pytest.mark.clause("C09")
def test_two_clicks_are_one_answer(page: Page) -> None:
    sent = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    page.goto("/contact")

    page.dblclick(NO)

    expect(page.locator(LINE)).not_to_be_empty()
    assert len(sent) == 1


@pytest.mark.clause("C09")
def test_whatever_goes_wrong_the_form_is_sent_as_without_the_script(page: Page) -> None:
    page.goto("/contact")
    page.evaluate("() => { window.fetch = async () => { throw new Error('no line') } }")

    with page.expect_event("domcontentloaded"):
        page.click(NO)

    assert page.url.endswith("/contact")
    expect(page.locator(".asking")).to_have_count(0)
    assert names(page) == {"choice"}


@pytest.mark.clause("C09")
def test_a_page_from_the_memory_of_the_browser_learns_of_the_answer(page: Page) -> None:
    page.goto("/contact")
    other = page.context.new_page()
    other.goto("/")
    other.click(YES)
    expect(other.locator(LINE)).not_to_be_empty()

    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")

    expect(page.locator(".asking")).to_have_count(0)
    expect(page.locator("footer .withdraw")).to_be_visible()


@pytest.mark.clause("C09")
@pytest.mark.parametrize("answer", [YES, NO], ids=["yes", "no"])
def test_it_works_without_a_script(
    open_page: Callable[..., Page], language: str, answer: str
) -> None:
    page = open_page(javascript=False)
    address = f"/offers/reed-room?adults=1&lang={language}"
    page.goto(address)

    page.click(answer)

    assert page.url.endswith(address)
    expect(page.locator(".asking")).to_have_count(0)
    expect(page.locator("footer .withdraw")).to_be_visible(visible=answer == YES)
    if answer == YES:
        page.click("footer .withdraw button")
        assert page.url.endswith(address)
        expect(page.locator("footer .withdraw")).to_be_hidden()
        assert names(page) == {"choice"}


@pytest.mark.clause("C09")
def test_a_switch_says_its_state_without_a_script(open_page: Callable[..., Page]) -> None:
    page = open_page(javascript=False)
    page.goto("/cookies")
    switch = page.locator("[name=statistics]")
    states = page.locator("label:has([name=statistics]) span")

    before = [state.is_visible() for state in states.all()]
    page.locator("label:has([name=statistics])").click()

    expect(switch).to_be_checked()
    assert before == [True, False]
    assert [state.is_visible() for state in states.all()] == [False, True]


@pytest.mark.clause("C10")
def test_a_browser_without_a_jar_hears_that_it_is_taken_as_a_no(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    # What the server says to a browser that brings no cookie back.
    said = page.request.get(
        "/cookies/answered?next=/contact", headers={"Accept": "application/json"}
    ).json()
    page.goto("/contact")
    page.route("**/cookies", lambda route: route.fulfill(json=said))

    page.click(NO)

    page.wait_for_url("**/contact?cookies=none")
    expect(page.locator("section.asked")).to_be_visible()
    expect(page.locator(".asking")).to_have_count(0)


@pytest.mark.clause("C09")
def test_a_stranger_refuses_and_changes_their_mind_by_keyboard_alone(
    open_page: Callable[..., Page], language: str
) -> None:
    page = open_page()
    guest = KeyboardGuest(page)
    page.goto(f"/?lang={language}")
    presses = 1  # Enter
    while not page.evaluate("document.activeElement.matches('.asking [value=refuse]')"):
        page.keyboard.press("Tab")
        presses += 1
        assert presses <= MOST_PRESSES
    page.keyboard.press("Enter")
    expect(page.locator(LINE)).not_to_be_empty()
    assert names(page) == {"choice"}

    # The focus wasn't lost: the next stop is the skip link.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.skip')")

    guest.press("footer a[href*='/cookies']")
    guest.tick("[name=statistics]")
    guest.press("[value=custom]")
    expect(page.locator("[name=statistics]")).to_be_checked()
    assert names(page) == {"choice", "statistics"}

    guest.press("footer .withdraw button")
    expect(page.locator("[name=statistics]")).not_to_be_checked()
    assert names(page) == {"choice"}


@pytest.mark.clause("C09")
def test_where_there_is_nothing_to_take_back_no_key_leads_to_it(page: Page) -> None:
    page.goto("/contact")
    page.click(NO)
    expect(page.locator(LINE)).not_to_be_empty()

    assert page.locator("footer .withdraw button").evaluate(
        "element => { element.focus(); return document.activeElement !== element; }"
    )
    expect(page.get_by_role("contentinfo").get_by_role("button")).to_have_count(0)


# German has the longest words; the structure is the same in all.
@pytest.mark.clause("C09")
@pytest.mark.parametrize("language", ["de"], indirect=True)
def test_the_pages_about_cookies_satisfy_axe_on_a_phone_and_a_desk(
    open_page: Callable[..., Page], language: str
) -> None:
    page = open_page()
    wrong = {}
    for path in ("/", "/cookies", "/cookies/heads", "/cookies/heads?digest=no"):
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        wrong[path] = look(page)
    page.set_viewport_size(DESK)
    page.goto(f"/?lang={language}")
    page.click(YES)
    expect(page.locator(LINE)).not_to_be_empty()
    page.evaluate(AXE_SCRIPT)
    wrong["answered"] = violations(page)
    receipt = page.request.get("/cookies/receipt").json()["receipt"]["record"]
    for path in ("/cookies", f"/cookies/notices/{receipt['notice']['digest']}"):
        page.goto(f"{path}?lang={language}")
        wrong[f"{path}, after a yes"] = look(page)

    assert not {path: found for path, found in wrong.items() if found}


@pytest.mark.clause("C10")
@pytest.mark.parametrize("language", ["de"], indirect=True)
def test_the_line_about_a_signal_satisfies_axe(
    open_page: Callable[..., Page], language: str
) -> None:
    page = open_page(extra_http_headers={"Sec-GPC": "1"})
    page.goto(f"/?lang={language}")

    expect(page.locator("section.asked")).to_be_visible()
    assert not look(page)
    page.goto(f"/cookies?lang={language}")
    assert not look(page)


@pytest.mark.clause("C09")
def test_a_printed_page_has_no_question_and_the_cookie_page_keeps_its_lists(page: Page) -> None:
    page.emulate_media(media="print")

    page.goto("/contact")
    expect(page.locator(".asking")).to_be_hidden()

    page.goto("/cookies")
    expect(page.locator(".category").first).to_be_visible()
