"""What a download holds: everything of a person, nothing of anybody else, exact in every format."""

import csv
import io
import json
import re
import zipfile
from datetime import date, datetime
from html.parser import HTMLParser

import icalendar
import pypdfium2
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.accounts.models import Account, RecoveryCode
from app.booking.models import Reservation, ReservationLine
from app.consent.models import PersonPermission
from app.core.database import Base, UtcDateTime, db, table
from app.core.datamap import INTERNAL, PERSON_LINK, Kind, declaration
from app.privacy.export.csv_files import guarded, plain
from app.privacy.tables import person_tables
from tests.accounts.ways import make_guest
from tests.house.visitor import Visitor
from tests.privacy.taking import Somebody, csv_of, data_of, take

NASTY = {
    "person.name": '=HYPERLINK("http://evil.example";"x")',
    "person.title": "@SUM(1;2)",
    "person.company": "a \"b\", c;=1\r\n=cmd|' /C calc'!A0\r\n-2",
    "person.wechat_id": "'=already",
    "person.phone": "+49 171 3920277",
    "account.username": "</script><script>alert(1)</script><!-- ",
    "refund.note": "\u202eevil\u202c \u05d0\u05d1 🦆 \u2028 \uff1d1+1",
    "privacy_request.words": "\t=1+1",
    "privacy_request.answer": "01712223",
}
# What stands in a download that no row of the map has.
ADDED = re.compile(r"_\w+")


@pytest.fixture
def alma(place, clock, client):
    """Alma's row in every table, Bruno's as well, and Alma's download."""
    with place.app_context():
        alma, bruno = (Somebody(name, now=clock()) for name in ("alma", "bruno"))
        db.session.commit()
    alma.archive = take(place, clock, client, alma.world["account"])
    alma.other = bruno
    return alma


def secret_paths():
    """Return the columns that hold what opens something."""
    return {
        field.path
        for one in person_tables()
        for field in one.columns
        if field.declared and field.declared.kind is Kind.CREDENTIAL
    }


class Text(HTMLParser):
    """A page's text, its tags, and where it would fetch something."""

    def __init__(self, page):
        """Read a page."""
        super().__init__()
        self.parts, self.tags, self.fetched = [], set(), []
        self.feed(page)
        self.text = "".join(self.parts)

    def handle_starttag(self, tag, attrs):
        """Note a tag, and what it would fetch."""
        self.tags.add(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "srcset", "action", "data", "poster"):
                self.fetched.append((tag, name, value))
            if name == "href" and not re.fullmatch(r"#\w+|receipts\.html", value):
                self.fetched.append((tag, name, value))

    def handle_data(self, data):
        """Keep the text."""
        self.parts.append(data)


# -- Everything -----------------------------------------------------------------------------


@pytest.mark.clause("C26")
def test_every_value_of_a_person_is_in_every_format(alma):
    data = data_of(alma.archive)
    page = Text(alma.archive.read("index.html").decode()).text

    assert len(alma.words) > 25
    for path, word in alma.words.items():
        name = path.partition(".")[0]
        shown = path not in secret_paths()
        assert (word in json.dumps(data[name])) == shown, path
        assert (word in alma.archive.read(f"csv/{name}.csv").decode("utf-8-sig")) == shown, path
        assert (word in page) == shown, path


@pytest.mark.clause("C26")
def test_the_columns_are_those_of_the_data_map_and_no_list(alma):
    data = data_of(alma.archive)
    declared = {}
    for mapper in Base.registry.mappers:
        model = mapper.class_
        if not (vars(model).get("__person__") or getattr(model, "__path_to_person__", None)):
            continue
        for column in mapper.local_table.columns:
            said = declaration(column)
            if said in (INTERNAL, PERSON_LINK) or column.foreign_keys or column.primary_key:
                continue
            if isinstance(column.type, sa.LargeBinary) and not hasattr(said, "kind"):
                continue
            declared.setdefault(mapper.local_table.name, set()).add(column.name)

    found = {
        name: {column for row in rows for column in row if not ADDED.fullmatch(column)}
        for name, rows in data.items()
    }
    personal_keys = {"glance": {"what"}}
    assert {name: found[name] - personal_keys.get(name, set()) for name in declared} == declared
    assert len(declared) > 25


@pytest.mark.clause("C26")
def test_nothing_of_anybody_else_is_in_it(alma):
    everything = b"".join(alma.archive.read(name) for name in alma.archive.namelist())

    assert b"alma-person-name" in everything
    assert b"bruno" not in everything


@pytest.mark.clause("C08")
def test_a_secret_that_opens_something_is_named_and_never_shown(alma):
    data = data_of(alma.archive)

    assert {"account.password", "account.totp"} < secret_paths()
    for path in secret_paths() & set(alma.words):
        name, column = path.split(".")
        assert [row[column] for row in data[name]] == ["kept, not shown"], path
        assert "kept, not shown" in alma.archive.read(f"csv/{name}.csv").decode()
    page = Text(alma.archive.read("index.html").decode()).text
    assert page.count("it is a secret") >= len(secret_paths() & set(alma.words))


@pytest.mark.clause("C26")
def test_a_column_that_is_added_to_the_data_map_is_in_the_next_download(
    place, clock, client, monkeypatch
):
    # `phone` is a column like any other: without its declaration it is in no file.
    with place.app_context():
        alma = Somebody("alma", now=clock())
        db.session.commit()
    column = next(c for c in sa.inspect(alma_model()).local_table.columns if c.name == "phone")
    before = take(place, clock, client, alma.world["account"])
    monkeypatch.setitem(column.info, "data", INTERNAL)
    person_tables.cache_clear()
    try:
        without = take(place, clock, client, alma.world["account"])
    finally:
        monkeypatch.undo()
        person_tables.cache_clear()
    again = take(place, clock, client, alma.world["account"])

    for archive, there in ((before, True), (without, False), (again, True)):
        assert ("phone" in data_of(archive)["person"][0]) == there
        assert ("alma-person-phone" in archive.read("index.html").decode()) == there
        assert ("phone" in csv_of(archive, "person")[0]) == there
        schema = json.loads(archive.read("data.schema.json"))
        columns = schema["properties"]["tables"]["properties"]["person"]["items"]["properties"]
        assert ("phone" in columns) == there


def alma_model():
    """Return the model of persons."""
    return next(one.model for one in person_tables() if one.name == "person")


# -- Exact, and harmless --------------------------------------------------------------------


@pytest.fixture
def nasty(place, clock, client):
    """The download of somebody whose every text is an attack, or a telephone number."""
    with place.app_context():
        alma = Somebody("alma", now=clock(), given={"account.role": "guest"})
        for path, text in NASTY.items():
            name, column = path.split(".")
            model = next(one.model for one in person_tables() if one.name == name)
            setattr(db.session.get(model, alma.world[name]), column, text)
        db.session.commit()
    return take(place, clock, client, alma.world["account"])


@pytest.mark.clause("C26")
@pytest.mark.parametrize("path", NASTY)
def test_what_was_typed_comes_back_exactly(nasty, path):
    name, column = path.split(".")

    cell = csv_of(nasty, name)[0][column]

    assert data_of(nasty)[name][0][column] == NASTY[path]
    assert as_the_readme_says(cell) == NASTY[path]
    assert " ".join(NASTY[path].split()) in " ".join(
        Text(nasty.read("index.html").decode()).text.split()
    )


@pytest.mark.clause("C26")
def test_no_cell_begins_a_formula_and_a_number_can_be_read(nasty):
    cells = [
        cell
        for name in nasty.namelist()
        if name.endswith(".csv")
        for row in csv.reader(io.StringIO(nasty.read(name).decode("utf-8-sig"), newline=""))
        for cell in row
    ]

    assert "'+49 171 3920277" in cells
    assert "'01712223" in cells
    for cell in cells:
        for part in re.split(r"[;\t\r\n]", cell):
            assert part[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20") or part == "", cell


@given(st.text(alphabet=st.sampled_from("='+-@;\t\r\n\uff1d0 aé.,()E")))
def test_a_guarded_text_is_never_a_formula_and_comes_back(text):
    cell = guarded(text)

    assert plain(cell) == text
    assert as_the_readme_says(cell) == text
    assert not re.search(r"(?:^|[;\t\r\n])[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)
    assert not cell.startswith(("\t", "\r", "\n"))
    assert not re.fullmatch(r"[\d.,]+", cell)


def as_the_readme_says(cell):
    """Take apostrophes away by the rule that the README gives to people, and no other."""
    signs, out = "=+-@\uff1d\uff0b\uff0d\uff20", []
    for index, letter in enumerate(cell):
        rest = cell[index:].lstrip("'")
        number = re.fullmatch(r"[\d.,][\d\s.,:/()eE+\-]*", rest)
        begins = rest[:1] and (rest[0] in signs or (index == 0 and (rest[0] in "\t\r\n" or number)))
        after = index == 0 or cell[index - 1] in ";\t\r\n"
        if not (letter == "'" and after and begins):
            out.append(letter)
    return "".join(out)


@pytest.mark.clause("C26")
def test_the_page_opens_without_a_network_and_runs_nothing(nasty):
    for name in ("index.html", "receipts.html"):
        page = Text(nasty.read(name).decode())

        assert not page.fetched
        assert not page.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
        assert "url(" not in nasty.read(name).decode()


@pytest.mark.clause("C26")
def test_the_files_have_safe_names_whatever_somebody_is_called(nasty):
    assert nasty.testzip() is None
    for name in nasty.namelist():
        assert re.fullmatch(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]+|\.\w+(\.\w+)?)", name), name
        assert ".." not in name
    for name in ("README.txt", "index.html", "data.json", "data.schema.json", "calendar.ics"):
        assert name in nasty.namelist()


# -- JSON and its schema --------------------------------------------------------------------


@pytest.mark.clause("C26")
def test_the_json_is_as_its_schema_says(nasty):
    schema = json.loads(nasty.read("data.schema.json"))
    data = json.loads(nasty.read("data.json"))

    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert not list(Draft202012Validator(schema).iter_errors(data))

    data["tables"]["person"][0]["created_at"] = 7
    assert list(Draft202012Validator(schema).iter_errors(data))


@pytest.mark.clause("C26")
def test_instants_are_utc_and_rows_that_belong_together_say_so(alma):
    data = data_of(alma.archive)

    person, reservation = data["person"][0], data["reservation"][0]
    assert datetime.fromisoformat(person["created_at"]).utcoffset().total_seconds() == 0
    assert person["created_at"].endswith("Z")
    assert reservation["_person_id"] == person["_row"]
    assert data["reservation_line"][0]["_reservation_id"] == reservation["_row"]
    assert data["reservation_line"][0]["_currency"] == reservation["currency"] == "EUR"
    # The numbers that the house counts its bookings by are in none of it.
    assert not any("id" in row or "reservation_id" in row for rows in data.values() for row in rows)


@pytest.mark.clause("C26")
def test_csv_and_json_say_the_same(alma):
    data = data_of(alma.archive)

    for one in person_tables():
        if not one.columns:
            continue
        rows = csv_of(alma.archive, one.name)
        assert len(rows) == len(data[one.name]), one.name
        types = {column.name: column.type for column in table(one.model).columns}
        for cells, values in zip(rows, data[one.name], strict=True):
            assert set(cells) == set(values)
            for column, value in values.items():
                kind = types.get(column)
                if value is None:
                    assert cells[column] == ""
                elif isinstance(value, str) and not isinstance(kind, UtcDateTime | sa.Date):
                    assert as_the_readme_says(cells[column]) == value, (one.name, column)
                elif isinstance(value, dict | list):
                    assert json.loads(cells[column]) == value
                else:
                    assert cells[column].casefold() == str(value).casefold()


# -- The papers -----------------------------------------------------------------------------


@pytest.fixture
def booked(place, clock, client):
    """The download of somebody who booked on the site and paid, with an invoice."""
    reservation = Visitor(place).book(email="alma@post.example")
    from_receipt = Visitor(place)
    receipt = from_receipt.open(
        next(a["href"] for a in reservation.soup.find_all("a") if "/receipt" in a.get("href", ""))
    )
    form = next(f for f in receipt.soup.find_all("form") if "/receipt" in f.get("action", ""))
    from_receipt.ask(
        "POST",
        form["action"],
        data={
            "with_address": "y",
            "billing_country": "DE",
            "billing_name": "Alma Reiher",
            "billing_street_address": "Schilf 1",
            "billing_postal_code": "18439",
            "billing_city": "Stralsund",
        },
    )
    return take(place, clock, client, make_guest(place, clock, "alma@post.example"))


@pytest.mark.clause("C26")
def test_the_papers_of_a_booking_are_in_it(booked):
    invoice = next(name for name in booked.namelist() if name.startswith("invoices/"))
    events = icalendar.Calendar.from_ical(booked.read("calendar.ics")).walk("VEVENT")
    reservation = data_of(booked)["reservation"][0]
    receipts = Text(booked.read("receipts.html").decode()).text

    assert len(events) == 1
    assert events[0].decoded("dtstart") == date(2031, 6, 2)
    assert events[0].decoded("dtend") == date(2031, 6, 5)
    assert reservation["reference"] in str(events[0]["description"])
    assert reservation["reference"] in receipts
    assert "Paid, less what came back" in receipts
    pdf = pypdfium2.PdfDocument(booked.read(invoice))
    try:
        assert "Alma Reiher" in pdf[0].get_textpage().get_text_range()
    finally:
        pdf.close()
    page = Text(booked.read("index.html").decode()).text
    assert f"€{reservation['total_minor'] / 100:.2f}" in page


@pytest.mark.clause("C26")
def test_the_readme_says_all_that_the_law_asks_for(booked):
    text = booked.read("README.txt").decode("utf-8-sig")

    # GDPR, Article 15(1) (a) to (h) and (2), and what each file is.
    for part in (
        "to keep your reservation and to reach you about it",
        "Article 6(1)(b)",
        "E-mail address",
        "RECIPIENTS",
        "8 years after the end of the year",
        "corrected",
        "erased",
        "restricted",
        "object",
        "data protection authority",
        "From you",
        "No decision about you is left to a machine",
        "ABROAD",
    ):
        assert part in text, part
    for name in booked.namelist():
        folder = name.partition("/")[0] + "/" if name.startswith("invoices/") else name
        assert name == "README.txt" or folder in text, name


@pytest.mark.clause("C26")
def test_the_readme_is_about_this_person_and_not_about_anybody(place, clock, client):
    only_registered = take(place, clock, client, make_guest(place, clock, "beate@post.example"))
    text = only_registered.read("README.txt").decode("utf-8-sig")
    kinds = text.split("WHAT IS HELD (CATEGORIES)")[1].split("WHO ELSE")[0].split("- ")[1:]
    files, empty = text.split("THE FILES")[1].split("no more than their headings:")

    assert "E-mail address" in {kind.strip() for kind in kinds}
    assert not {"Postal address", "WeChat ID", "Message", "What was booked, and when"} & {
        kind.strip() for kind in kinds
    }
    assert "to run your account" in text
    assert "to pass on to a partner what you allowed" not in text
    assert "to ask you how your stay was" not in text
    assert "csv/account.csv" in files
    assert "csv/reservation.csv" in empty
    assert "invoices/" not in text


@pytest.mark.parametrize("taken_back", [False, True])
def test_what_somebody_said_yes_to_is_a_purpose_until_they_take_it_back(
    place, clock, client, taken_back
):
    account_id = make_guest(place, clock, "beate@post.example")
    with place.app_context():
        person_id = db.session.get(Account, account_id).person_id
        ended = clock() if taken_back else None
        db.session.add(
            PersonPermission(
                person_id=person_id,
                purpose="survey",
                given_at=clock(),
                how="account",
                ended_at=ended,
            )
        )
        db.session.commit()

    text = take(place, clock, client, account_id).read("README.txt").decode("utf-8-sig")

    assert ("to ask you how your stay was" in text) is not taken_back


@pytest.mark.parametrize("language", ["de", "fr"])
def test_the_readme_has_no_sign_that_only_pages_need(place, clock, client, language):
    account_id = make_guest(place, clock, "beate@post.example")
    with place.app_context():
        db.session.get(Account, account_id).language = language
        db.session.add(RecoveryCode(account_id=account_id, digest=b"1" * 32))
        db.session.commit()

    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    text = take(place, clock, client, account_id).read("README.txt").decode("utf-8-sig")

    assert "recovery_code.csv" in text
    assert "\u00ad" not in text


@pytest.mark.clause("C26")
def test_each_row_of_the_page_says_why_since_and_until(booked):
    page = booked.read("index.html").decode()
    rows = re.findall(r"<article>.*?</article>", page, re.DOTALL)

    assert len(rows) > 5
    for row in rows:
        assert "Until: " in row
    assert "Why: to keep your reservation" in page
    assert "Since: " in page


def test_a_calendar_of_sessions_is_in_the_place_s_time(place, clock, client):
    visitor = Visitor(place)
    visitor.pay(visitor.tell(visitor.hold(visitor.choose_session()), email="alma@post.example"))
    archive = take(place, clock, client, make_guest(place, clock, "alma@post.example"))

    (event,) = icalendar.Calendar.from_ical(archive.read("calendar.ics")).walk("VEVENT")
    with place.app_context():
        line = db.session.scalar(
            sa.select(ReservationLine).join(Reservation).where(ReservationLine.kind == "session")
        )
        assert event.decoded("dtstart") == line.starts_at
        assert event.decoded("dtend") == line.ends_at


def test_the_zip_is_read_by_another_program_too(alma, tmp_path):
    data = alma.archive.fp.getvalue()
    file = tmp_path / "my-data.zip"
    file.write_bytes(data)

    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "out")

    assert (tmp_path / "out" / "index.html").read_text().startswith("<!DOCTYPE html>")
