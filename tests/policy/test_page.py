"""The policy's page: short at the top, every clause with its control and with live facts."""

import gzip
import re

import pytest

from app.booking.demo import load_demo
from app.core.database import db
from app.core.languages import LANGUAGES
from app.policy import checks
from app.policy.checks import Line, beside
from app.policy.documents import current, publish_missing
from app.policy.drafts_checks import check
from app.policy.models import PRIVACY
from app.policy.sources import FOLDER, SHORT, Block, rendered
from tests.house.visitor import Visitor

CLAUSES = [f"C{number:02}" for number in range(1, 27)]
NEW = sorted(
    path for path in FOLDER.glob("privacy-*.txt") if int(re.search(r"-(\d+)\.", path.name)[1]) >= 6
)

pytestmark = pytest.mark.clause("C06")


@pytest.fixture
def published(app, clock):
    """The demo's place, with its documents."""
    with app.app_context():
        load_demo(now=clock())
        publish_missing(now=clock())
        db.session.commit()
    return app


# -- The text -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NEW, ids=lambda path: path.name)
def test_a_text_states_no_number_of_its_own(path):
    # Only citations of law have digits; whatever else is a number is a fact.
    check(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", NEW, ids=lambda path: path.name)
def test_a_text_has_every_clause_once_in_order_and_a_short_summary(path):
    text = rendered(path.read_text(encoding="utf-8"))

    first, *others = text.sections
    assert [part.heading.clause for part in others] == CLAUSES
    assert (first.heading.anchor, first.heading.clause) == (SHORT, "")
    assert [block.kind for block in first.blocks] == ["list"]
    assert len(first.blocks[0].items) <= 10


def test_a_heading_carries_its_clause():
    text = rendered("Title\n\nOpening.\n\n# [short] In short\n\n- One\n\n# [C01] Asked\n\nWhy.\n")

    assert text.opening == (Block("paragraph", "Opening."),)
    assert text.headings == [
        Block("heading", "In short", anchor=SHORT),
        Block("heading", "Asked", anchor="C01", clause="C01"),
    ]
    assert [part.blocks[-1].text for part in text.sections] == ["", "Why."]


def test_an_older_text_without_marks_is_taken_apart_as_before():
    text = rendered("Title\n\n# What [C01] means\n\nWords.\n")

    assert text.headings == [Block("heading", "What [C01] means", anchor="part-1")]


# -- The page -------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_clause_stands_on_the_page_with_what_to_do_and_how_to_check(published, language):
    page = Visitor(published, headers={"Accept-Language": language}).open("/privacy")

    assert page.status == 200
    for code in CLAUSES:
        assert page.soup.find("h2", id=code), code
        assert page.soup.select(f"#{code}-do + ul > li"), code
        assert page.soup.select(f"#{code}-check li"), code


def test_the_summary_comes_first_and_then_the_contents(published):
    page = Visitor(published).open("/privacy")

    ids = [tag["id"] for tag in page.soup.main.find_all(id=True)]
    links = [link["href"] for link in page.soup.select("article nav a")]
    assert ids.index(SHORT) < ids.index("C01")
    assert links == [f"#{code}" for code in CLAUSES]


def test_live_facts_are_what_the_program_knows_at_this_moment(published, clock):
    page = Visitor(published).open("/privacy")

    collected = page.soup.find(id="C01-check").get_text(" ")
    cookies = page.soup.find(id="C11-check").get_text(" ")
    assert re.search(r"Forms for visitors: \d\d\.", collected)
    assert "choice, basket, session" in cookies
    assert "nothing to anybody outside" in page.soup.find(id="C02-check").get_text(" ")
    assert "Live facts were read at" in page.words


def test_live_facts_are_no_part_of_the_version_that_is_agreed_to(published, clock):
    with published.app_context():
        number = current(PRIVACY, "en", now=clock()).number
    page = Visitor(published).open(f"/privacy/versions/{number}")

    assert page.soup.find("h2", id="C26")
    assert page.soup.select("details[id$=-check], [id$=-do]") == []
    assert "Live facts" not in page.words


def test_a_fact_that_a_feature_registers_is_shown_at_its_clause(published, monkeypatch):
    monkeypatch.setattr(checks, "_checks", {"C13": [lambda now: [Line("All is open.", "/terms")]]})
    monkeypatch.setattr(checks, "_actions", {})

    page = Visitor(published).open("/privacy")

    (link,) = page.soup.select("#C13-check a")
    assert (link.get_text(), link["href"]) == ("All is open.", "/terms")
    assert page.soup.find(id="C12-check") is None


def test_a_clause_that_nobody_registered_anything_for_is_quiet(clock):
    assert beside("C99", now=clock()) == checks.Beside((), ())


def test_every_link_of_the_page_leads_somewhere(published):
    visitor = Visitor(published)
    page = visitor.open("/privacy")

    links = {str(link["href"]) for link in page.soup.select("main a[href^='/']")}
    answers = {link: visitor.open(link.partition("#")[0]).status for link in links}

    assert len(links) > 20
    assert set(answers.values()) <= {200, 303}, answers


def test_the_page_is_small_and_costs_few_queries(published, client, count_queries):
    client.get("/privacy")
    with count_queries() as sent:
        answer = client.get("/privacy", headers={"Accept-Encoding": "gzip"})

    assert len(sent) <= 14, sent
    assert "Set-Cookie" not in answer.headers
    assert len(gzip.compress(gzip.decompress(answer.data))) < 20_000
