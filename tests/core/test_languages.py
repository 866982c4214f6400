"""Every page speaks the visitor's language, chosen by address or browser and carried on (D14)."""

import pytest
from markupsafe import Markup

from app.core.languages import (
    BY_CODE,
    LANGUAGES,
    LazyText,
    current_language,
    current_locale,
    gettext,
    lazy_gettext,
    ngettext,
    use_language,
)
from app.web.languages import negotiate
from tests.house.visitor import Visitor, address_of

TAGS = {"en": "en", "zh": "zh-Hans", "de": "de", "fr": "fr"}


@pytest.mark.clause("C18")
@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("*", "en"),
        ("de", "de"),
        ("de-AT", "de"),
        ("de-CH-1996,en;q=0.5", "de"),
        ("zh-CN", "zh"),
        ("zh-Hans", "zh"),
        ("zh-Hans-SG", "zh"),
        ("zh-TW,zh;q=0.9", "zh"),
        ("fr;q=0.8", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("FR-fr", "fr"),
        ("es,it;q=0.9", "en"),
        ("es,fr;q=0.3,de;q=0.4", "de"),
        ("en;q=0,de;q=0.1", "de"),
        ("es,de;q=0", "en"),
        ("de;q=0.1,en-US", "en"),
        ("nonsense;;q=x,,de", "de"),
        ("de;q=nan", "en"),
        ("x" * 10_000, "en"),
        ("\u00e9\u00e9", "en"),
    ],
)
def test_the_browsers_wish_is_met(header, language):
    assert negotiate(header) == language


@pytest.mark.clause("C18")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_which_language_it_is_in(visitor, language):
    for path in ("/", "/search", "/nothing/here", "/terms", "/offers/reed-room", "/basket"):
        page = visitor.open(f"{path}?lang={language}")
        assert page.soup.html["lang"] == TAGS[language], path
        current = page.soup.select(".foot [aria-current=true]")
        assert [(tag["lang"], tag["hreflang"]) for tag in current] == [(TAGS[language],) * 2]


@pytest.mark.clause("C18")
def test_an_address_goes_before_the_browsers_wish_and_an_unknown_language_is_none(place):
    visitor = Visitor(place, headers={"Accept-Language": "fr"})

    chosen = [
        visitor.open(f"/?lang={one}").soup.html["lang"] for one in ("de", "", "xx", "DE", "%00")
    ]

    assert chosen == ["de", "fr", "fr", "fr", "fr"]


@pytest.mark.clause("C18")
def test_every_link_and_form_carries_a_language_that_was_chosen(visitor):
    for path in ("/", "/search", "/offers/reed-room?month=2031-06", "/offers/sauna", "/contact"):
        page = visitor.open(f"{path}{'&' if '?' in path else '?'}lang=de")
        links = [str(a["href"]) for a in page.soup.select("a[href^='/']")]
        kept = [link for link in links if "lang=" in link]
        assert links == kept, path
        for form in page.soup.find_all("form"):
            hidden = form.find("input", attrs={"name": "lang"})
            assert "lang=de" in str(form.get("action")) or hidden["value"] == "de"


@pytest.mark.clause("C18")
def test_a_language_lasts_for_the_whole_booking(visitor):
    visitor.open("/?lang=de")
    basket = visitor.choose_stay(query="lang=de")
    more = visitor.choose_session(query=f"lang=de&basket={address_of(basket).rpartition('/')[2]}")
    details = visitor.hold(more)
    wrong = visitor.send(details.form(), email="nothing")
    check = visitor.tell(details)
    reservation = visitor.pay(check)
    cancelled = visitor.send(reservation.form("/cancel"))

    pages = (basket, more, details, wrong, check, reservation, cancelled)
    assert [page.soup.html["lang"] for page in pages] == ["de"] * 7


def test_a_language_is_never_left_behind_for_the_next_visitor(place):
    one, other = Visitor(place), Visitor(place, headers={"Accept-Language": "fr"})

    one.open("/?lang=zh")
    one.open("/nothing?lang=zh")

    assert other.open("/healthz").status == 200
    assert other.open("/").soup.html["lang"] == "fr"
    assert one.open("/").soup.html["lang"] == "en"
    assert current_language() == "en"


def test_caches_are_told_what_a_page_depends_on(visitor):
    for path in ("/", "/search", "/terms", "/offers/sauna"):
        assert "Accept-Language" in (visitor.open(path).header("Vary") or "")


def test_a_block_in_a_language_ends_with_it():
    with use_language("zh"):
        assert (current_language(), str(current_locale())) == ("zh", "zh_Hans_CN")
        with use_language("unknown"):
            assert current_language() == "en"
        assert current_language() == "zh"
    assert BY_CODE["en"].locale.territory == "GB"


def test_values_are_put_in_and_markup_escapes_the_rest():
    assert gettext("%(a)s and 100 %%", a=1) == "1 and 100 %"
    assert gettext("100 %") == "100 %"
    assert gettext("<%(a)s>", a=Markup("<b>")) == "&lt;<b>&gt;"
    assert ngettext("%(num)d night", "%(num)d nights", 2) == "2 nights"
    text = lazy_gettext("%(a)s", a=1)
    assert (str(text), isinstance(text, LazyText)) == ("1", True)
