"""Yes and no are asked for once, before everything else, as equals; silence is neither.

Structure is looked at, never wording, so that each test holds in every language.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from bs4 import Tag
from flask import Flask

from app.accounts.signin import make_owner_link
from app.consent import notice as notices
from app.consent import register
from app.consent.models import Entry
from app.consent.notice import Notice
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import LANGUAGES, use_language
from app.web.cookies import OPTIONAL
from tests.house.routes import NOWHERE, gets
from tests.house.visitor import Page, Sheet, Visitor

PAGES = (
    "/",
    "/search",
    "/offers/reed-room",
    "/offers/sauna",
    "/contact",
    "/terms",
    "/privacy",
    "/privacy/recipients",
    "/account/sign-in",
    "/cookies/heads",
)

# What nags, hurries, shames or muddles, by language: rules 17 and 28. None of it may be said.
FORBIDDEN = {
    "en": r"\bonly\b.*\bleft\b|hurry|now or never|last chance|miss out|don.t miss|best experience|"
    r"we value your|for free|deprive|worse|poorer|regret|are you sure|do not refuse|opt[- ]out",
    "de": r"nur noch|beeil|jetzt oder nie|letzte chance|verpass|bestes erlebnis|bestmöglich|"
    r"ihre privatsphäre ist uns|schlechter|bereuen|sind sie sicher|bist du sicher|nicht ablehnen",
    "fr": r"plus que|vite|dépêch|dernière chance|ne manquez|meilleure expérience|"
    r"nous tenons à votre|moins bien|regrett|êtes-vous sûr|ne pas refuser",
    "zh": r"仅剩|赶快|抓紧|最后机会|错过|最佳体验|我们重视|更差|后悔|您确定|不拒绝",
}


def banner_of(page: Page) -> Tag | None:
    """Return the question on a page, or None."""
    found = page.soup.select_one("body > section.asking")
    return found if isinstance(found, Tag) else None


def answers(page: Page) -> list[Tag]:
    """Return the buttons of the question."""
    banner = banner_of(page)
    assert banner
    return banner.find_all("button")


def press(visitor: Visitor, page: Page, value: str) -> Page:
    """Press a button of the question, and go where it leads."""
    banner = banner_of(page)
    assert banner
    form = banner.find("form")
    assert isinstance(form, Tag)
    return visitor.send(Sheet(form, str(form["action"])), choice=value)


def entries(app: Flask) -> int:
    """Return how many answers are in the chain."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(Entry)) or 0


@pytest.fixture
def keeper(place: Flask) -> Visitor:
    """Somebody whose browser keeps cookies."""
    return Visitor(place, cookies=True)


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Let what was kept of the register be made anew after the test."""
    yield
    register.inventory.cache_clear()
    notices._present.cache_clear()


@pytest.mark.clause("C09")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_question_comes_first_and_says_what_for_before_it_offers_a_button(visitor, language):
    page = visitor.open(f"/?lang={language}")

    body = page.soup.body
    first = next(child for child in body.children if isinstance(child, Tag))
    assert first is banner_of(page)
    with use_language(language):
        shown = notices.present()
    inside = [tag.name for tag in first.find_all(["dl", "dd", "button"])]
    assert inside == ["dl", *["dd"] * len(OPTIONAL), "button", "button"]
    assert [dd.get_text() for dd in first.find_all("dd")] == [
        part.short for part in shown.parts[1:]
    ]
    links = [str(a["href"]).partition("?")[0] for a in first.find_all("a")]
    assert links == ["/privacy/recipients", "/privacy", "/cookies"]


@pytest.mark.clause("C09")
def test_yes_and_no_are_the_same_element_but_for_their_value(visitor):
    yes, no = answers(visitor.open("/"))

    assert (yes["value"], no["value"]) == ("accept", "refuse")
    assert yes.find_next_sibling() is no
    attributes = [{k: v for k, v in one.attrs.items() if k != "value"} for one in (yes, no)]
    assert attributes[0] == attributes[1]


@pytest.mark.clause("C09")
@pytest.mark.parametrize("path", ["/", "/cookies"])
def test_nothing_is_ticked_beforehand(visitor, path):
    page = visitor.open(path)

    boxes = page.soup.find_all("input", type=["checkbox", "radio"])
    assert len([box for box in boxes if box["name"] in OPTIONAL]) == (3 if path != "/" else 0)
    assert not [box for box in boxes if box.has_attr("checked")]


@pytest.mark.clause("C09")
def test_browsing_on_is_no_answer(keeper):
    pages = [keeper.open(path) for path in PAGES]

    assert len(pages) == 10
    assert all(banner_of(page) for page in pages)
    assert not [value for page in pages for value in page.all("Set-Cookie")]
    assert entries(keeper.client.application) == 0


@pytest.mark.clause("C09")
@pytest.mark.parametrize(
    ("value", "kept"), [("refuse", {"choice"}), ("accept", {"choice", *register.OF_CATEGORY})]
)
def test_one_click_on_a_first_visit_answers_without_any_earlier_cookie(keeper, value, kept):
    page = keeper.open("/offers/reed-room?adults=1")

    back = press(keeper, page, value)

    assert back.url == "/offers/reed-room?adults=1"
    assert banner_of(back) is None
    assert {cookie.key for cookie in keeper.client._cookies.values()} <= kept
    assert entries(keeper.client.application) == 1


@pytest.mark.clause("C09")
@pytest.mark.parametrize("path", ["/", "/offers/reed-room", "/offers/sauna", "/search", "/terms"])
def test_a_refusal_leaves_every_page_as_it_was_but_for_the_question(keeper, path):
    before = keeper.open(path)
    press(keeper, before, "refuse")

    after = keeper.open(path)

    question = re.compile(r'<section class="asking".*?</section>\s*', re.DOTALL)
    assert question.search(before.text)
    assert question.sub("", before.text).split() == after.text.split()


@pytest.mark.clause("C09")
def test_taking_a_yes_back_is_one_click_on_every_page_as_giving_it_was(keeper):
    press(keeper, keeper.open("/"), "accept")

    pages = [keeper.open(path) for path in (*PAGES, "/nothing/here")]
    forms = [page.soup.select("footer form.withdraw") for page in pages]
    assert [len(found) for found in forms] == [1] * len(pages)
    assert not [form for (form,) in forms if form.has_attr("hidden")]

    back = keeper.send(Sheet(forms[2][0], str(forms[2][0]["action"])), choice="refuse")
    assert back.url == PAGES[2]
    assert back.soup.select_one("footer form.withdraw[hidden]")
    left = {cookie.key for cookie in keeper.client._cookies.values()}
    assert left == {"choice"}


@pytest.mark.clause("C09")
def test_every_page_leads_to_the_cookie_page_from_its_foot(place, visitor):
    values = NOWHERE | {"slug": "reed-room", "number": "1", "line_id": "1"}
    seen = 0
    for _, path in gets(place, values):
        page = visitor.open(path)
        if page.header("Content-Type") != "text/html; charset=utf-8" or page.soup.main is None:
            continue
        links = [str(a["href"]).partition("?")[0] for a in page.soup.select("footer a")]
        assert "/cookies" in links, path
        seen += 1
    assert seen > 20


@pytest.mark.clause("C10")
def test_a_signal_gets_a_line_that_it_was_honoured_and_no_question(place):
    # Kept pages are shared: nobody may be told of somebody else's signal.
    for header, name in [("Sec-GPC", "Global Privacy Control"), ("DNT", "Do Not Track")]:
        page = Visitor(place, headers={header: "1"}).open("/")

        assert banner_of(page) is None
        line = page.soup.select_one("body > section.asked")
        assert line
        assert name in line.get_text()
    assert banner_of(Visitor(place).open("/"))


@pytest.mark.clause("C09")
def test_the_token_of_somebody_signed_in_goes_along_and_their_pages_are_not_compressed(place):
    owner = Visitor(place, cookies=True, headers={"Accept-Encoding": "br, gzip"})
    with place.app_context():
        link = make_owner_link(now=utcnow())
        db.session.commit()
    door = owner.open(urlsplit(link).path)
    owner.send(door.form())

    page = owner.open("/terms")
    tokens = {field["value"] for field in page.soup.select("[name=csrf_token]")}
    back = press(owner, page, "accept")

    assert len(tokens) == 1
    assert page.header("Content-Encoding") is None
    assert page.header("Cache-Control") == "no-store"
    assert (back.status, back.url) == (200, "/terms")
    assert banner_of(back) is None
    assert not Visitor(place).open("/terms").soup.select("[name=csrf_token]")


@pytest.mark.clause("C10")
def test_a_browser_without_a_jar_is_asked_once_and_then_taken_at_its_word(visitor):
    back = press(visitor, visitor.open("/terms"), "accept")

    assert back.url == "/terms?cookies=none"
    assert banner_of(back) is None
    assert back.soup.select_one("body > section.asked")
    assert banner_of(visitor.open(str(back.soup.select_one(".masthead__name")["href"]))) is None


@pytest.mark.clause("C09")
@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("value", ["accept", "refuse"])
def test_one_changed_category_is_asked_about_alone(keeper, monkeypatch, value):
    press(keeper, keeper.open("/"), "accept")
    about = register.ABOUT[register.Category.STATISTICS]
    wider = type(about)(
        about.title, about.short, about.purposes, (*about.data, "theme"), about.kept, 13
    )
    monkeypatch.setitem(register.ABOUT, register.Category.STATISTICS, wider)
    register.inventory.cache_clear()
    notices._present.cache_clear()

    page = keeper.open("/")
    banner = banner_of(page)
    assert banner
    assert len(banner.find_all("dd")) == 1
    assert [field["value"] for field in banner.select("[name=about]")] == ["statistics"]
    assert notices.present().changed in banner.get_text()
    press(keeper, page, value)

    on = [box["name"] for box in keeper.open("/cookies").soup.select("[role=switch][checked]")]
    assert on == ["preferences", *["statistics"][: value == "accept"], "suggestions"]


@pytest.mark.clause("C09")
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-site"},
        {"Referer": "https://elsewhere.example/"},
    ],
)
def test_no_other_site_answers_for_a_visitor(keeper, headers):
    page = keeper.ask("POST", "/cookies", data={"choice": "accept"}, headers=headers)

    assert page.status == 403
    assert not page.all("Set-Cookie")
    assert entries(keeper.client.application) == 0
    assert banner_of(keeper.open("/"))


@pytest.mark.clause("C09")
def test_an_answer_leads_back_to_a_page_of_this_site_only(keeper):
    for wished in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere", ""):
        page = keeper.ask("POST", "/cookies", data={"choice": "refuse", "next": wished})

        assert keeper.follow(page).url == "/cookies"


@pytest.mark.clause("C09")
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_hurries_shames_or_confuses(visitor, language):
    page = visitor.open(f"/?lang={language}")
    about = visitor.open(f"/cookies?lang={language}")

    banner = banner_of(page)
    assert banner
    said = f"{banner.get_text(' ')} {about.words}".lower()
    said = said.replace("opt out of", "")  # "there is nothing that you would have to opt out of"
    for words in FORBIDDEN.values():
        assert not re.search(words, said), re.search(words, said)
    with use_language(language):
        shown = notices.present()
    labels = [b.get_text(strip=True) for b in about.soup.select("[value=accept], [value=refuse]")]
    assert set(labels[:2]) == {shown.accept, shown.refuse}


@pytest.mark.clause("C09")
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_answered_can_be_shown_again_word_for_word(keeper, language):
    page = keeper.open(f"/?lang={language}")
    press(keeper, page, "refuse")
    with use_language(language):
        digest = notices.present_digest()

    # Whoever looks may read another language.
    again = keeper.open(f"/cookies/notices/{digest}?lang=en")

    old = again.soup.select_one("main .asking")
    then = banner_of(page)
    assert then
    assert old
    assert old.get_text(" ", strip=True).split() == then.get_text(" ", strip=True).split()
    assert not old.select("a, form, button:not([disabled])")
    assert digest in again.words


@pytest.mark.clause("C09")
def test_the_question_is_made_of_its_notice_and_of_nothing_else(place):
    def told(text: str) -> str:
        return f"«{text}»"

    with place.test_request_context():
        now = notices.present()
        marked = Notice(
            **{
                name: told(getattr(now, name))
                for name in Notice.__slots__
                if isinstance(getattr(now, name), str)
            }
            | {"number": 1},
            parts=tuple(
                type(part)(
                    part.code, told(part.title), told(part.short), (), "", "", (), ()
                )
                for part in now.parts
            ),
        )  # fmt: skip
        macros = place.jinja_env.get_template("macros/consent.html").module
        html = str(macros.banner(marked, "0" * 64, OPTIONAL, "/"))

    bare = re.sub(r"<[^>]*>", "", html)
    assert re.sub(r"«[^»]*»|·|\s", "", bare) == ""


def test_an_answer_to_a_form_is_no_place_for_the_question(visitor):
    page = visitor.ask("POST", "/offers/reed-room/stay", data={"adults": "none"})

    assert page.status == 422
    assert banner_of(page) is None
    assert page.soup.select_one("footer form.withdraw[hidden]")
