"""What guests and the house read is set in their language, its signs and units too."""

import re
from datetime import timedelta

import pytest

from tests.accounts.ways import let_in, make_house
from tests.house.visitor import Visitor
from tests.owner.guests import book, details, stay
from tests.owner.house import Somebody, words
from tests.privacy.guests import code_in, mailed_code

ADDRESS = re.compile(r"Dorfstraße 27, 18300 Schilfwiek, \w+")
# A comma, point or colon of another script before or after a Chinese word.
FOREIGN_SIGNS = re.compile(r"\S*[\u4e00-\u9fff][,;:!?]\S*|\S*[,.;:!] ?[\u4e00-\u9fff]\S*")
SEARCH = "/search?arrive=2031-06-02&depart=2031-06-05&adults=2&children=1"
OWN_DATA = re.compile(r"^/reservations/\w+/data")


@pytest.fixture
def walk(place):
    """Go from the search to all that is held; return what each page says, by its address."""

    def walk(language):
        visitor = Visitor(place, headers={"Accept-Language": language})
        for path in (SEARCH, "/offers/kayak-tour"):
            visitor.open(path)
        stay = visitor.book()
        for kind in ("receipt", "arrival"):
            visitor.open(stay.url.replace("?", f"/{kind}?", 1))
        way = visitor.open(stay.soup.find("a", href=OWN_DATA)["href"])
        waiting = visitor.send(way.form("/data"))
        data = visitor.send(waiting.form("/code"), code=code_in(mailed_code(place)))
        visitor.open(data.url.partition("?")[0] + "/requests")
        return {page.url: ADDRESS.sub("", page.words) for page in visitor.seen}

    return walk


def test_no_sign_of_another_script_stands_beside_chinese_words(walk):
    pages = walk("zh-CN")

    wrong = {url: found for url, said in pages.items() if (found := FOREIGN_SIGNS.findall(said))}
    assert len(pages) > 10
    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())


def test_a_colon_in_french_has_its_space_and_rates_and_laws_are_in_words(walk):
    pages = walk("fr")

    said = " ".join(pages.values())
    assert re.findall(r"\S*[a-zé0-9]:(?= )\S*", said) == []
    assert "(RGPD, article 12, paragraphe 3)" in said
    assert "Taux de TVA 7 %" in " ".join(said.split())
    assert "désactivés" not in said


HOUSE = (
    "",
    "board",
    "reservations",
    "offers",
    "payments",
    "figures",
    "guests",
    "people",
    "promises",
    "closing",
    "controller",
    "incidents",
    "incidents/new",
    "requests",
    "system",
    "versions",
)
SETTING = re.compile(r"SITE_MODE.*?MAIL_URL\S*|flask [\w -]+|\d\d:\d\d(?::\d\d)?")


@pytest.fixture
def house(place, clock):
    """Open the owner's pages on a busy day; return what each says, by its address."""

    def house(language):
        today = clock().date()
        with place.app_context():
            ada = details("Ada", "ada@example.org")
            for days in (2, 3):
                reference = book(
                    stay("reed-room", today, today + timedelta(days=days)), now=clock(), who=ada
                )
        client = let_in(
            place,
            clock,
            place.test_client(),
            make_house(place, clock, "owner").account_id,
            strong=True,
        )
        said = {}
        for path in (*HOUSE, f"reservations/{reference}"):
            answer = client.get(f"/owner/{path}", headers={"Accept-Language": language})
            assert answer.status_code == 200, path
            said[path] = SETTING.sub("", ADDRESS.sub("", words(answer)))
        return said

    return house


def test_no_sign_of_another_script_stands_beside_chinese_words_of_the_house(house):
    wrong = {
        path: found
        for path, said in house("zh-CN").items()
        if (found := FOREIGN_SIGNS.findall(said))
    }

    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())


def test_a_colon_and_a_semicolon_in_the_house_s_french_have_their_space(house):
    pages = house("fr")

    found = {path: re.findall(r"\S*[a-zé0-9][:;](?= )\S*", said) for path, said in pages.items()}
    assert {path: signs for path, signs in found.items() if signs} == {}


@pytest.mark.parametrize("language", ["en", "de", "fr", "zh-CN"])
def test_what_is_to_be_checked_has_one_sign_after_a_question(place, clock, language):
    owner = make_house(place, clock, "owner").account_id
    client = let_in(place, clock, place.test_client(), owner, strong=True)
    somebody = Somebody(place, client, owner)

    page = client.post(
        "/owner/incidents/new",
        data={"csrf_token": somebody.token},
        headers={"Accept-Language": language},
    )

    assert page.status_code == 422
    assert not re.findall(r"[?？]\s*[:：]", words(page))
