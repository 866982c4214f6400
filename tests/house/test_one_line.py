"""A new personal column is one line, and everything follows; one that says nothing stops the start.

Each line below is written into a copy of the program, whose site is then lived in by a guest
with a value in that column (`one_line`). It names what is held, what for, until when and under
which clause; nothing else of the program is touched. What a developer adds beside it:

- the migration, without which no book has such a column (`tests/house/test_migrations.py` asks);
- the field of a form, in which the guest types it, and corrects it in place; of a person's own
  details `tests/house/test_datamap.py` asks for one;
- for one that the database can read, its line in the list of `tests/house/test_datamap.py`;
- a word of its own (`app/privacy/field_words.py`), where that of its kind isn't good enough.
"""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from app import create_app
from app.core.database import Base
from app.core.datamap import Kind, Purpose, Retention, Undeclared
from app.privacy.tables import person_tables
from app.privacy.words import kind_word, purpose_word
from tests.accounts.ways import let_in, make_house
from tests.house.one_line import PAGES
from tests.privacy.taking import csv_of, data_of, word
from tests.servers import ROOT, surroundings

pytestmark = [pytest.mark.clause("C26"), pytest.mark.clause("C12")]


@dataclass(frozen=True)
class Line:
    """A column more, and after which line of which file it stands."""

    path: str  # "table.column"
    file: str
    after: str
    text: str
    kind: Kind
    retention: Retention
    sealed: bool = True

    @property
    def table(self):
        """Whose column it is."""
        return self.path.partition(".")[0]

    @property
    def name(self):
        """What it is called there."""
        return self.path.partition(".")[2]


LINES = (
    # What goes with its person: sealed.
    Line(
        "person.pillow",
        "accounts/models.py",
        "    created_at: Mapped[datetime] = plain()\n\n    _name:",
        '_pillow: Mapped[bytes | None] = sealed("pillow", '
        'Personal(Kind.WISH, (Purpose.ARRIVAL,), Retention.BOOKING, "C18"))',
        Kind.WISH,
        Retention.BOOKING,
    ),
    # What goes by a term of its own, long before the person.
    Line(
        "stay_wish.mobile",
        "guestbook/models.py",
        '    _arrival: Mapped[bytes | None] = sealed("arrival", _WISH)\n',
        '_mobile: Mapped[bytes | None] = sealed("mobile", '
        'Personal(Kind.PHONE, (Purpose.ARRIVAL,), Retention.WISH, "C18"))',
        Kind.PHONE,
        Retention.WISH,
    ),
    # What the database can read, in a row that stays in the books without its person.
    Line(
        "reservation.plate",
        "booking/models/reservations.py",
        "    archived_at: Mapped[datetime | None] = plain()\n",
        'plate: Mapped[str | None] = kept(Personal(Kind.DEVICE, (Purpose.ARRIVAL,), '
        'Retention.BOOKING, "C18", readable="the barrier asks for it"), sa.String(40))',
        Kind.DEVICE,
        Retention.BOOKING,
        sealed=False,
    ),
)  # fmt: skip
PATHS = {line.path for line in LINES}
SEALED = {line.path for line in LINES if line.sealed}


@pytest.fixture
def widened(tmp_path):
    """A copy of the program with each line in its model."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "app", copy / "app")
    for folder in ("templates", "static", "migrations"):
        (copy / folder).symlink_to(ROOT / folder)
    for line in LINES:
        file = copy / "app" / line.file
        before = file.read_text()
        assert before.count(line.after) == 1, f"the place of {line.path} has moved"
        first, newline, rest = line.after.partition("\n")
        after = before.replace(line.after, f"{first}{newline}    {line.text}{newline}{rest}")
        assert len(after.splitlines()) == len(before.splitlines()) + 1
        file.write_text(after)
    return copy


@dataclass
class Seen:
    """What the program left in its folder, and the pages of a site without the lines."""

    folder: Path
    before: dict[str, bytes]

    @property
    def found(self):
        """What it noted: names of columns, by what they were found in."""
        return json.loads((self.folder / "found.json").read_text())

    def page(self, name):
        """Return a page as it was without the lines, and with them."""
        return tuple(
            BeautifulSoup(content, "html.parser")
            for content in (self.before[name], (self.folder / name).read_bytes())
        )


@pytest.fixture
def seen(place, clock, environ, widened, tmp_path):
    """What is seen on the site of the copy."""
    folder = tmp_path / "seen"
    folder.mkdir()
    house = make_house(place, clock, "owner", "olga@house.example").account_id
    owner = let_in(place, clock, place.test_client(), house, strong=True)
    before = {name: owner.get(path).data for name, path in PAGES.items()}
    done = subprocess.run(
        [sys.executable, "-m", "tests.house.one_line", str(folder), *sorted(PATHS)],
        cwd=widened,
        env=surroundings(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    return Seen(folder, before)


# -- Everything follows -------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_column_that_is_one_line_is_shown_handed_out_listed_and_erased(seen):
    found = seen.found
    assert found["unseeded"] == []

    its_own_page_shows_it(seen)
    the_download_has_it(zipfile.ZipFile(seen.folder / "data.zip"))
    the_storage_page_counts_it(seen)
    the_retention_page_names_it(seen)
    the_records_name_it(seen)

    # An incident lists whom it concerns, with the very kind that is new in that table.
    assert [one.path for one in LINES if one.kind not in found["incident"][one.table]] == []
    # What reads for other purposes is refused; for one that is restricted nothing goes away.
    assert set(found["outside"]) == SEALED
    assert set(found["goes"]) >= PATHS
    assert PATHS.isdisjoint(found["goes restricted"])

    # It lies in the book, or the search is blind; erased, not a byte of it does, also where
    # the row stays in the papers of the house.
    assert set(found["there"]) >= PATHS
    assert set(found["opened"]) >= SEALED
    assert found["left"] == []
    assert "reservation.first_start" in found["readable"]
    assert PATHS.isdisjoint(found["readable"])
    assert PATHS.isdisjoint(found["opened after"])


def value(line):
    """Return what the canary has in a column, and nowhere else."""
    return word("kanarie", line.path)


def its_own_page_shows_it(seen):
    page = BeautifulSoup((seen.folder / "data.html").read_bytes(), "html.parser")
    for line in LINES:
        shown = page.find("dd", string=lambda text, line=line: value(line) in (text or ""))
        assert shown is not None, line.path
        assert shown.find_previous("dt").get_text(strip=True) == kind_word(line.kind)


def the_download_has_it(archive):
    data, schema = data_of(archive), json.loads(archive.read("data.schema.json"))
    for line in LINES:
        rows = [row[line.name] for row in data[line.table]]
        cells = [row[line.name] for row in csv_of(archive, line.table)]
        tables = schema["properties"]["tables"]["properties"]
        said = tables[line.table]["items"]["properties"][line.name]
        assert value(line) in rows
        assert cells == [one or "" for one in rows]
        assert said["title"] == kind_word(line.kind)
        assert said["description"] == purpose_word(Purpose.ARRIVAL)
        assert value(line) in archive.read("index.html").decode()


def the_storage_page_counts_it(seen):
    for line in LINES:
        cells = [
            page.find("code", string=line.table).find_parent("dt").find_next("dd").get_text(" ")
            for page in seen.page("storage.html")
        ]
        before, after = (
            [int(number) for number in re.findall(r"(\d+) (?:values? sealed|readable)", cell)]
            for cell in cells
        )
        assert kind_word(line.kind) in cells[1]
        assert after == [before[0] + line.sealed, before[1] + (not line.sealed)]


def the_retention_page_names_it(seen):
    for line in LINES:
        before, after = (
            page.find("tr", id=line.retention.value).th.get_text()
            for page in seen.page("retention.html")
        )
        assert kind_word(line.kind) not in before
        assert kind_word(line.kind) in after


def the_records_name_it(seen):
    before, after = (
        row_of(content, purpose_word(Purpose.ARRIVAL))
        for content in (seen.before["records.csv"], (seen.folder / "records.csv").read_bytes())
    )
    kinds = {kind_word(line.kind) for line in LINES}
    assert kinds <= set(after[4].split("; "))
    assert int(after[9]) == int(before[9]) + len(SEALED)
    assert int(after[10]) == int(before[10]) + len(PATHS - SEALED)


def row_of(content, head):
    """Return a row of the records by its purpose."""
    return next(
        row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if row[:1] == [head]
    )


def test_no_column_is_promised_another_term_than_its_row():
    # A row goes whole, on its table's day: another rule of one column would be told, and not kept.
    terms = {
        one.name: {field.declared.retention.value for field in one.personal}
        for one in person_tables()
    }

    assert {name: said for name, said in terms.items() if len(said) > 1} == {}


# -- What says nothing --------------------------------------------------------------------


def test_a_column_that_declares_nothing_stops_the_start(settings, monkeypatch):
    monkeypatch.delitem(Base.metadata.tables["stay_wish"].c["words"].info, "data")

    with pytest.raises(Undeclared, match=r"stay_wish\.words"):
        create_app(settings)


WITHOUT_SEAL = """
from sqlalchemy.orm import Mapped
from app.core.database import Base, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
import app.core.vault

class Note(Base):
    __tablename__ = "note"
    __person__ = "person_id"
    person_id: Mapped[str] = whose(primary_key=True)
    text: Mapped[bytes | None] = sealed(
        "text", Personal(Kind.MESSAGE, (Purpose.SERVICE,), Retention.BOOKING, "C17")
    )
"""


def test_a_sealed_column_whose_seal_would_be_shown_in_its_place_stops_the_start():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SEAL],
        cwd=ROOT,
        env=surroundings({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "note.text is sealed: map it as _text" in done.stderr
