"""What is said of the last green run is what a green run wrote down, and only of these files."""

import json
from datetime import UTC, datetime

import pytest

from app.privacy import last_run as runs
from app.privacy.last_run import last_run, source_digest
from tests.evidence import write

pytestmark = pytest.mark.clause("C06")
AT = datetime(2031, 5, 4, 20, 0, tzinfo=UTC)
PASSED = {
    "tests/a/test_one.py::test_first": ["C01"],
    "tests/a/test_one.py::test_each[sqlite]": ["C01", "C02"],
    "tests/a/test_one.py::test_each[postgresql]": ["C01", "C02"],
    "tests/a/test_one.py::test_nothing_promised": [],
}


@pytest.fixture
def written(tmp_path):
    """The file of a run."""
    file = tmp_path / "evidence" / "last-run.json"
    write(file, PASSED, at=AT, commit="", scope="usual")
    return file


def test_what_passed_is_counted_for_each_clause(written):
    run = last_run(written)

    assert (run.at, run.passed, run.scope) == (AT, 4, "usual")
    assert run.clauses == {"C01": 3, "C02": 2}
    assert run.tests["C02"] == ("tests/a/test_one.py::test_each",)


def test_a_run_on_these_very_files_says_so(written):
    assert last_run(written).these_files


def test_a_run_on_other_files_proves_nothing_of_these(written):
    said = json.loads(written.read_text())
    written.write_text(json.dumps({**said, "digest": "0" * 64}))

    assert not last_run(written).these_files


@pytest.mark.parametrize("spoilt", ["", "{}", "[]", '{"at": 1}', "\xff\xfe"])
def test_a_spoilt_file_is_none(tmp_path, spoilt):
    file = tmp_path / "last-run.json"
    file.write_text(spoilt, encoding="latin-1")

    assert last_run(file) is None


def test_the_digest_knows_every_byte_and_name_but_what_each_machine_makes(tmp_path):
    for name in ("app", "templates", "static", "migrations"):
        (tmp_path / name).mkdir()
    for name in ("wsgi.py", "requirements.txt", "app/one.py"):
        (tmp_path / name).write_text("one")
    before = source_digest(tmp_path)
    source_digest.cache_clear()
    (tmp_path / "app" / "__pycache__").mkdir()
    (tmp_path / "app" / "__pycache__" / "one.pyc").write_text("made")
    same = source_digest(tmp_path)
    source_digest.cache_clear()
    (tmp_path / "app" / "one.py").write_text("two")
    after = source_digest(tmp_path)

    assert before == same
    assert after != before


@pytest.mark.parametrize(("digest", "said"), [("", "very files"), ("0" * 64, "changed since")])
def test_the_page_says_what_a_run_found_and_on_which_files(
    written, place, visitor, monkeypatch, digest, said
):
    whole = json.loads(written.read_text())
    written.write_text(json.dumps({**whole, "digest": digest or whole["digest"]}))
    monkeypatch.setattr(runs.last_run, "__defaults__", (written,))

    page = visitor.open("/privacy/clauses")

    assert "4 tests, all passed, on 4 May 2031" in page.words
    assert said in page.words
    assert "passed in 3 circumstances" in page.words


def test_without_a_run_the_page_says_so(tmp_path, place, visitor, monkeypatch):
    monkeypatch.setattr(runs.last_run, "__defaults__", (tmp_path / "none.json",))

    assert "None is written down" in visitor.open("/privacy/clauses").words
