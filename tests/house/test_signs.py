"""What a guest without an account reads is set in their language, its signs and units too."""

import re

import pytest

from tests.house.visitor import Visitor
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
    assert wrong == {}


def test_a_colon_in_french_has_its_space_and_rates_and_laws_are_in_words(walk):
    pages = walk("fr")

    said = " ".join(pages.values())
    assert re.findall(r"\S*[a-zé0-9]:(?= )\S*", said) == []
    assert "(RGPD, article 12, paragraphe 3)" in said
    assert "Taux de TVA 7 %" in " ".join(said.split())
    assert "désactivés" not in said
