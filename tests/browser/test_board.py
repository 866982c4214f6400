"""The board by mouse, by keyboard or without script: it shows first, and acts on a yes only."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, StorageState, expect

from tests.browser.guest import KeyboardGuest
from tests.browser.test_pages import BY_NIGHT, DESK, PHONE, SMALL_TARGETS, TOO_WIDE, violations

BAR = "td.b-firm:not(.b-before, .b-after, .b-pin) > a"
DAYS = """() => [...document.querySelectorAll(".board")].map((table) =>
  [...table.querySelectorAll("thead tr:last-child th + th")].map((day) =>
    day.getBoundingClientRect().left))"""
SCROLLED_ALIKE = """() => {
  const [rooms, sessions] = document.querySelectorAll(".board-scroll");
  return Math.abs(rooms.scrollLeft - sessions.scrollLeft) < 1;
}"""
BROKEN_TIMES = """() => [...document.querySelectorAll(".board--lanes time")]
  .filter((time) => time.getClientRects().length > 1).length"""
PREVIEW = re.compile(r"/owner/board/\d+/change\?")


@pytest.fixture
def enter(open_page: Callable[..., Page], the_owners: StorageState) -> Callable[..., Page]:
    """Let the owner in, in a new browser."""

    def enter(**options: object) -> Page:
        return open_page(storage_state=the_owners, **options)

    return enter


def bar_of(page: Page) -> str:
    """Open the board and return the address of a booked bar with free nights after it."""
    page.goto("/owner/board?days=30")
    href = page.locator("td.b-firm:not(.b-before, .b-after, .b-pin):has(+ .b-free) > a").nth(1)
    address = href.get_attribute("href")
    assert address
    return address


@pytest.mark.clause("C17")
def test_dragging_a_bar_leads_to_what_would_change_and_changes_nothing(
    enter: Callable[..., Page],
) -> None:
    page = enter()
    address = bar_of(page)
    bar = page.locator(f"a[href='{address}']")
    bar.scroll_into_view_if_needed()
    was, box = bar.inner_text(), bar.bounding_box()
    day = page.locator("table[data-board] thead tr:last-child th:nth-child(3)").bounding_box()
    assert box
    assert day

    page.mouse.move(box["x"] + 12, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 12 + day["width"], box["y"] + 12, steps=5)
    expect(page.locator("[data-board-says]")).to_contain_text("1")
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"/owner/board\?days=30$"))

    page.mouse.move(box["x"] + 12, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 12 + day["width"], box["y"] + 12, steps=5)
    page.mouse.up()
    page.wait_for_url(PREVIEW)
    assert page.url.endswith(f"{address}/change?by=1")

    page.goto("/owner/board?days=30")
    assert page.locator(f"a[href='{address}']").inner_text() == was


@pytest.mark.clause("C17")
def test_the_end_of_a_bar_makes_the_stay_longer_after_a_yes(enter: Callable[..., Page]) -> None:
    page = enter()
    address = bar_of(page)
    bar = page.locator(f"a[href='{address}']")
    bar.scroll_into_view_if_needed()
    box, cell = bar.bounding_box(), bar.locator("..")
    nights = int(cell.get_attribute("colspan") or "1")
    day = page.locator("table[data-board] thead tr:last-child th:nth-child(3)").bounding_box()
    assert box
    assert day

    end = box["x"] + box["width"] - 3
    page.mouse.move(end, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(end + day["width"], box["y"] + 10, steps=5)
    page.mouse.up()
    page.wait_for_url(PREVIEW)
    assert page.url.endswith("longer=1")
    page.locator("main form .button--primary").click()

    expect(page.locator(".notice--success")).to_be_visible()
    page.goto("/owner/board?days=30")
    assert cell.get_attribute("colspan") == str(nights + 1)


@pytest.mark.clause("C17")
def test_a_stay_is_moved_by_keyboard_alone(enter: Callable[..., Page]) -> None:
    page = enter()
    address = bar_of(page)
    guest = KeyboardGuest(page)

    page.locator(f"a[href='{address}']").focus()
    with page.expect_event("domcontentloaded"):
        page.keyboard.press("Enter")
    guest.press("main a[href*='by=1']")
    page.wait_for_url(PREVIEW)
    guest.touch("main form .button--primary")

    expect(page.locator(".notice--success")).to_be_visible()


@pytest.mark.clause("C17")
def test_without_script_a_room_is_blocked_and_a_note_is_made(enter: Callable[..., Page]) -> None:
    page = enter(javascript=False)
    page.goto("/owner/board?days=60")

    page.locator("a[href='/owner/board/block']").click()
    page.locator("[name=unit]").select_option(index=1)
    first = page.locator("[name=first]")
    first.fill("2027-09-01")
    page.locator("[name=until]").fill("2027-09-03")
    page.locator("main form .button--primary").click()

    expect(page.locator("td.b-block > a")).to_be_visible()
    page.locator("td.b-block > a").click()
    page.locator("main form .button--danger").click()
    expect(page.locator(".notice--success")).to_be_visible()
    expect(page.locator("td.b-block")).to_have_count(0)


@pytest.mark.clause("C17")
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_rooms_and_sessions_have_their_days_below_each_other(
    enter: Callable[..., Page], size: dict[str, int]
) -> None:
    """Scrolled too; and each start's time stands in one line."""
    page = enter(viewport=size)
    for days in (14, 30, 60):
        page.goto(f"/owner/board?days={days}")
        for by in (0, 170):
            page.locator(".board-scroll").last.evaluate(f"area => area.scrollLeft = {by}")
            page.wait_for_function(SCROLLED_ALIKE)
            rooms, sessions = page.evaluate(DAYS)
            assert len(rooms) == len(sessions) == days
            apart = [abs(one - other) for one, other in zip(rooms, sessions, strict=True)]
            assert max(apart) < 1, f"{days} days: {max(apart)} pixels apart"
        assert page.evaluate(BROKEN_TIMES) == 0


@pytest.mark.clause("C17")
def test_every_page_of_the_board_on_a_phone_and_a_desk(enter: Callable[..., Page]) -> None:
    page, wrong = enter(), {}
    address = bar_of(page)
    page.goto("/owner/board?days=14")
    session = page.locator(".board--lanes td > a").first.get_attribute("href")
    paths = [
        "/owner/board", "/owner/board?days=60", address, f"{address}/change?longer=1",
        "/owner/board/block", str(session),
    ]  # fmt: skip
    for path in paths:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)
        page.goto(path)
        page.evaluate(AXE_SCRIPT)
        found = [*violations(page), *page.evaluate(SMALL_TARGETS)]
        if (by := page.evaluate(TOO_WIDE)) > 0:
            found.append(f"{by} pixels too wide")
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(DESK)
        found += violations(page, *BY_NIGHT)
        if found:
            wrong[path] = found

    assert wrong == {}
