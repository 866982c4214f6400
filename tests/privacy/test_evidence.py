"""Every clause has its control, its tests and its columns; a gap turns the build red."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, mapped_column

from app.core.database import NAMING, sealed
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.privacy import (
    evidence,
    evidence_cli,
)
from app.privacy.clauses import CLAUSES, NOT_YET, PURPOSES, Clause
from app.privacy.cli import privacy_cli
from app.privacy.controls import CONTROLS
from app.privacy.evidence import TESTS, Gap, Ground, find_tests, gaps, lines

pytestmark = pytest.mark.clause("C06")
A_NAME = Personal(Kind.NAME, (Purpose.RESERVATION,), Retention.BOOKING, "C03")


def counts(folder):
    """Return how many tests there are for each clause."""
    return Counter({code: len(tests) for code, tests in find_tests(folder).items()})


@pytest.fixture(scope="module")
def counted():
    """How many tests there are for each clause."""
    return counts(TESTS)


@pytest.fixture
def ground(app):
    """What the evidence of this very site is taken from."""
    return Ground(app.url_map)


def a_table(*columns):
    """Return the metadata of a table with these columns, on a base of its own."""

    class Throwaway(DeclarativeBase):
        metadata = sa.MetaData(naming_convention=NAMING)

    fields = {"id": mapped_column(primary_key=True, info={"data": None}, type_=sa.Integer)}
    fields |= {f"column{number}": column for number, column in enumerate(columns)}
    type("Guestlist", (Throwaway,), {"__tablename__": "guestlist", **fields})
    return Throwaway.metadata


def new(ground, counted, **hole):
    """Return the gaps that a hole makes, beside those that are known."""
    return set(gaps(replace(ground, **hole), counted)) - set(gaps(ground, counted))


def test_every_clause_is_built_and_nothing_is_missing(ground, counted):
    assert NOT_YET == ()
    assert gaps(ground, counted) == []
    assert {line.state for line in lines(ground)} == {evidence.KEPT}


def test_a_clause_that_is_not_built_yet_is_told_of(ground, counted):
    (found,) = new(ground, counted, not_yet=("C13",))
    line = next(one for one in lines(replace(ground, not_yet=("C13",))) if one.clause.code == "C13")

    assert found == Gap(evidence.NOT_BUILT, "C13")
    assert line.state == evidence.MISSING


def test_every_control_says_what_it_is_for():
    used = {endpoint for clause in CLAUSES for endpoint in clause.controls}

    assert used <= set(CONTROLS)


def test_there_are_twenty_six_clauses_in_their_order():
    assert [clause.code for clause in CLAUSES] == [f"C{number:02}" for number in range(1, 27)]


def test_a_column_that_declares_nothing_is_a_gap(ground, counted):
    silent = a_table(mapped_column(sa.String(20)))

    found = new(ground, counted, metadatas=(*ground.metadatas, silent))

    assert Gap(evidence.UNDECLARED, "guestlist.column0") in found


def test_a_personal_column_without_a_purpose_is_a_gap(ground, counted):
    aimless = a_table(sealed("name", replace(A_NAME, purposes=())))

    found = new(ground, counted, metadatas=(*ground.metadatas, aimless))

    assert Gap(evidence.PURPOSELESS, "guestlist.name") in found


def test_a_personal_column_without_a_rule_when_it_goes_is_a_gap(ground, counted):
    endless = a_table(sealed("name", replace(A_NAME, retention="for ever")))
    fewer = tuple(rule for rule in ground.retentions if rule != Retention.RECEIPT)

    found = new(ground, counted, metadatas=(*ground.metadatas, endless))

    assert Gap(evidence.WITHOUT_RULE, "guestlist.name") in found
    assert {gap.kind for gap in new(ground, counted, retentions=fewer)} == {evidence.WITHOUT_RULE}


def test_a_column_of_a_clause_that_nobody_promised_is_a_gap(ground, counted):
    stray = a_table(sealed("name", replace(A_NAME, clause="C77")))

    found = new(ground, counted, metadatas=(*ground.metadatas, stray))

    assert Gap(evidence.UNKNOWN, "C77 (guestlist.name)") in found


@pytest.mark.parametrize("purpose", Purpose)
def test_a_purpose_without_a_clause_is_a_gap(ground, counted, purpose):
    without = {one: code for one, code in PURPOSES.items() if one != purpose}
    stray = {**PURPOSES, purpose: "C77"}

    for purposes in (without, stray):
        found = new(ground, counted, purposes=purposes)
        assert found == {Gap(evidence.CLAUSELESS, purpose.value)}


def test_a_clause_without_a_control_is_a_gap(ground, counted):
    idle = Clause("C27", "Something new", "It is promised.", (), ("app.core.vault",))

    found = new(ground, Counter({**counted, "C27": 1}), clauses=(*CLAUSES, idle))

    assert found == {Gap(evidence.WITHOUT_CONTROL, "C27")}


def test_a_clause_without_code_is_a_gap(ground, counted):
    empty = replace(CLAUSES[0], kept_by=())

    found = new(ground, counted, clauses=(empty, *CLAUSES[1:]))

    assert found == {Gap(evidence.CODELESS, "C01")}


@pytest.mark.parametrize("name", ["app.core.magic", "app.core.vault:Magic"])
def test_code_that_does_not_exist_is_a_gap(ground, counted, name):
    gone = replace(CLAUSES[0], kept_by=(name,))

    found = new(ground, counted, clauses=(gone, *CLAUSES[1:]))

    assert found == {Gap(evidence.LOST, f"C01: {name}")}


def test_a_control_that_does_not_exist_is_a_gap(ground, counted):
    elsewhere = replace(CLAUSES[0], controls=("policy.show_collection",))

    found = new(ground, counted, clauses=(elsewhere, *CLAUSES[1:]))

    assert found == {Gap(evidence.NOWHERE, "C01: policy.show_collection")}


def test_a_clause_without_a_test_is_a_gap(ground, counted):
    fewer = Counter({code: number for code, number in counted.items() if code != "C12"})

    found = set(gaps(ground, fewer)) - set(gaps(ground, counted))

    assert found == {Gap(evidence.WITHOUT_TEST, "C12")}


def test_a_test_of_a_clause_that_nobody_promised_is_a_gap(ground, counted):
    more = Counter({**counted, "C77": 1})

    assert set(gaps(ground, more)) - set(gaps(ground, counted)) == {Gap(evidence.UNKNOWN, "C77")}


def test_tests_are_counted_by_their_marks(tmp_path):
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        'pytestmark = [pytest.mark.clause("C01"), pytest.mark.slow]\n'
        "def test_one(): ...\n"
        '@pytest.mark.clause("C01")\n@pytest.mark.clause("C02")\ndef test_two(): ...\n'
        '@pytest.mark.clause("C03")\ndef helper(): ...\n'
        '"""@pytest.mark.clause("C04") is only spoken of."""\n'
    )
    (tmp_path / "helpers.py").write_text('@pytest.mark.clause("C05")\ndef test_no(): ...\n')

    assert counts(tmp_path) == {"C01": 2, "C02": 1}
    assert find_tests(tmp_path / "nowhere") is None


def test_tests_are_named_as_pytest_names_them():
    found = find_tests(TESTS)

    here = "tests/privacy/test_evidence.py::test_tests_are_named_as_pytest_names_them"
    assert here in found["C06"]


def test_without_the_tests_their_number_is_not_made_up(ground):
    assert {line.tests for line in lines(ground, None)} == {None}
    assert gaps(ground, None) == []


# -- The command and the page ---------------------------------------------------------------


def test_the_command_prints_every_clause_and_ends_well_without_a_gap(app):
    said = app.test_cli_runner().invoke(privacy_cli, ["evidence"])
    machine = app.test_cli_runner().invoke(privacy_cli, ["evidence", "--json"])

    found = json.loads(machine.output)
    assert said.exit_code == machine.exit_code == 0
    assert [one["clause"] for one in found["clauses"]] == [clause.code for clause in CLAUSES]
    assert found["gaps"] == []
    own = found["clauses"][25]
    assert "/account/data" in own["controls"]
    assert "app.privacy.erasing" in own["code"]
    assert all("::test_" in name for name in own["tests"])
    assert "privacy_request.words" in own["columns"]
    assert (own["purposes"], own["state"]) == (["rights"], "built")
    for clause in CLAUSES:
        assert f"{clause.code}  {clause.title}" in said.output
    assert "No gap." in said.output


def test_the_command_fails_on_a_gap(app, monkeypatch):
    silent = replace(CLAUSES[0], controls=("policy.show_nothing",))
    monkeypatch.setattr(
        evidence_cli, "Ground", lambda rules: Ground(rules, clauses=(silent, *CLAUSES[1:]))
    )

    said = app.test_cli_runner().invoke(privacy_cli, ["evidence"])

    assert said.exit_code == 1
    assert "a control that doesn't exist: C01: policy.show_nothing" in said.output


def test_the_public_page_says_of_each_clause_what_is_promised_and_what_keeps_it(place, visitor):
    page = visitor.open("/privacy/clauses")

    assert page.status == 200
    for clause in CLAUSES:
        section = page.soup.find(id=clause.code).find_parent("section").get_text(" ")
        assert clause.promise in section
        assert all(name in section for name in clause.kept_by)
        assert "tests are for it" in section or "test is for it" in section
        assert "isn’t built yet" not in section
        assert "Not built yet" not in section


def test_every_link_of_the_public_page_leads_somewhere(place, visitor):
    page = visitor.open("/privacy/clauses")

    links = {str(link["href"]) for link in page.soup.select("main section a[href]")}
    answers = {link: visitor.open(link).status for link in links}

    assert len(links) > 8
    assert set(answers.values()) <= {200, 303}, answers
    assert all("/account" in link for link, status in answers.items() if status == 303)


def test_the_policy_leads_to_it(place, visitor):
    page = visitor.open("/privacy")

    assert "/privacy/clauses" in {link["href"].partition("?")[0] for link in page.soup.select("a")}
