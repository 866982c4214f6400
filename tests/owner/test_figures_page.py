"""The page of figures shows them as plots, tables and files, and says what counts."""

import csv
import io
import re
import zipfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median as median_of

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from app.booking.models import OfferRow, VenueRow
from app.core.database import db
from app.core.languages import LANGUAGES, use_language
from app.owner.figures_files import harmless
from app.owner.figures_plots import Pair, Told, columns, scale
from app.owner.figures_sums import median
from app.owner.figures_words import DAYS, MONEY, SHARE, change_word, rounded, value_word
from tests.accounts.ways import let_in, make_house
from tests.booking.places import ROOM, open_house
from tests.owner.house import words
from tests.owner.papers import known, put, stay_line

# -- Words and drawings ---------------------------------------------------------------------------


@given(st.lists(st.integers(-5, 40), max_size=30))
def test_the_middle_of_counted_values_is_the_middle_of_the_values(values):
    assert median(Counter(values)) == (Fraction(median_of(values)) if values else None)


@given(st.fractions(min_value=0, max_value=10**9))
def test_half_of_the_smallest_unit_is_rounded_up(value):
    as_decimal = (value * 2 + 1) // 2

    assert rounded(value) == as_decimal
    assert abs(rounded(value) - value) <= Fraction(1, 2)


@given(st.fractions(min_value=Fraction(1, 10_000), max_value=10**12))
def test_a_scale_has_room_for_the_highest_and_few_lines(highest):
    lines = scale(highest)

    assert lines[0] == 0
    assert lines[-1] >= highest > lines[-2]
    assert 2 <= len(lines) <= 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_shares_are_written_as_the_language_does(language):
    with use_language(language):
        said = value_word(Fraction(4567, 10_000), SHARE, "EUR")

    expected = {"en": "45.7%", "zh": "45.7%", "de": "45,7\xa0%", "fr": "45,7\u202f\xa0%"}
    assert said.replace("\xa0", "").replace("\u202f", "") == expected[language].replace(
        "\xa0", ""
    ).replace("\u202f", "")


def test_changes_are_points_of_shares_and_per_cent_of_the_rest():
    assert change_word(Fraction(1, 2), Fraction(2, 5), SHARE) == "+10.0 points"
    assert change_word(90, 100, MONEY) == "−10.0%"
    assert change_word(100, 100, DAYS) == "0.0%"
    assert change_word(100, 0, MONEY) == change_word(None, 3, DAYS) == "–"


def test_a_drawing_says_what_it_shows_and_nothing_in_it_is_markup():
    hostile = "<script>&\"'"
    told = Told("some", hostile, hostile, lambda _value: hostile)
    drawn = columns([Pair(hostile, hostile, 3, Fraction(1, 3), hostile, hostile)], told)

    soup = BeautifulSoup(str(drawn), "html.parser")

    assert soup.svg["role"] == "img"
    assert {soup.find(id=name).name for name in soup.svg["aria-labelledby"].split()} == {
        "title", "desc"
    }  # fmt: skip
    assert soup.find("script") is None
    assert soup.find("style") is None
    assert not soup.find_all(style=True)
    assert soup.title.string == hostile
    assert columns([Pair("M", "", 0, None, "", "")], told) is None


# -- The page -------------------------------------------------------------------------------------


@pytest.fixture
def filled(app, clock):
    """A house with two months of bookings and a few a year before, whose names are formulas."""
    with app.app_context():
        open_house(units=2)
        known(date(2030, 3, 1), date(2031, 6, 30), units=2)
        for arrive in (date(2031, 4, 28), date(2031, 5, 3), date(2030, 4, 28)):
            begins = datetime(arrive.year, arrive.month, arrive.day, 15, tzinfo=UTC)
            for status in ("confirmed", "cancelled"):
                put(
                    status, [stay_line(arrive, [10_000, 12_000, 11_000, 9_000])], begins=begins,
                    created=begins - timedelta(days=10), cancelled=begins - timedelta(days=2),
                )  # fmt: skip
        texts = {"en": {"name": '=HYPERLINK("http://x.example")'}}
        db.session.execute(sa.update(OfferRow).where(OfferRow.id == ROOM).values(texts=texts))
        db.session.execute(sa.update(VenueRow).values(catalogue_version=2))
        db.session.commit()
    return app


@pytest.fixture
def reader(filled, enters_house):
    """Somebody of the house who may only look."""
    return enters_house("reader")


@pytest.fixture
def enters_house(filled, clock):
    """Let somebody of a role in, at the filled house."""

    def enter(role):
        member = make_house(filled, clock, role)
        return let_in(filled, clock, filled.test_client(), member.account_id, strong=True)

    return enter


@pytest.mark.clause("C18")
def test_every_figure_has_its_plot_and_a_table_that_says_the_same(reader):
    page = reader.get("/owner/figures?offer=room&months=3&until=2031-05")

    soup = BeautifulSoup(page.text, "html.parser")
    assert page.status_code == 200
    drawn = soup.select("figure.figure")
    assert len(drawn) == 7
    for figure in drawn:
        assert figure.figcaption.p.get_text(strip=True)
        if figure.svg:
            assert len(figure.select("tbody tr")) == 3
    rows = {
        figure.h2.get_text(): [
            [cell.get_text() for cell in row.find_all(["th", "td"])]
            for row in figure.select("tbody tr")
        ]
        for figure in drawn
    }
    assert rows["Revenue from nights"] == [
        ["Mar 2031", "€0.00", "€0.00"],
        ["Apr 2031", "€330.00", "€330.00"],
        ["May 2031", "€510.00", "€90.00"],
    ]
    assert rows["Occupancy"][2] == ["May 2031", "8.1%", "1.6%"]
    assert rows["Booked how long before"][1] == ["Apr 2031", "10.0", "10.0"]
    assert rows["Share cancelled"][1] == ["Apr 2031", "50.0%", "50.0%"]
    assert "style=" not in page.text
    assert not soup.select("main script, main style")
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))


def test_a_reader_may_look_and_a_stranger_may_not(filled, reader):
    for path in ("/owner/figures", "/owner/figures.csv", "/owner/figures.xlsx"):
        assert reader.get(path).status_code == 200
        assert filled.test_client().get(path).status_code != 200


@pytest.mark.parametrize(
    "wrong",
    ["months=5", "months=x", "until=2031-13", "until=31-05", "until=٢٠٣١-05", "offer=nowhere",
     "until=9999-01", "months=", "until=2031-05%0A"],
)  # fmt: skip
def test_only_what_the_page_offers_is_shown(reader, wrong):
    assert reader.get(f"/owner/figures?{wrong}").status_code == 404


@pytest.mark.parametrize("until", ["2000-01", "2031-05", "2199-12"])
def test_any_month_of_two_centuries_can_be_the_last(reader, until):
    page = reader.get(f"/owner/figures?months=24&until={until}")

    assert page.status_code == 200


def test_the_page_asks_as_often_for_a_full_book_as_for_an_empty_one(reader, place_free_statements):
    few = place_free_statements(reader, "/owner/figures?until=2020-01")
    many = place_free_statements(reader, "/owner/figures")

    assert abs(few - many) <= 1  # stays on closed days are asked for where there are any
    assert many <= 22


@pytest.fixture
def place_free_statements(count_queries):
    """Count what a page asks for, opened the second time."""

    def count(client, path):
        client.get(path)
        with count_queries() as sent:
            assert client.get(path).status_code == 200
        return len(sent)

    return count


def test_a_site_without_an_offer_says_so(app, clock):
    member = make_house(app, clock, "owner")
    client = let_in(app, clock, app.test_client(), member.account_id, strong=True)

    assert client.get("/owner/figures").status_code == 200
    assert client.get("/owner/figures.csv").status_code == 404


# -- Files ----------------------------------------------------------------------------------------


@pytest.mark.clause("C18")
def test_the_files_have_the_figures_as_numbers_and_nothing_to_run(reader):
    query = "?months=3&until=2031-05"
    page, book = (reader.get(f"/owner/figures.{kind}{query}") for kind in ("csv", "xlsx"))

    rows = list(csv.DictReader(io.StringIO(page.data.decode("utf-8-sig"))))
    may = next(row for row in rows if (row["Of"], row["Month"]) == ("the whole house", "2031-05"))
    assert (may["Nights sold"], may["Occupancy"]) == ("5", "0.0806")
    assert may["Revenue from nights (EUR)"] == "510.00"
    assert may["Average rate (ADR) (EUR)"] == "102.00"
    assert rows[-1]["Of"] in ("Boat", '\'=HYPERLINK("http://x.example")')
    assert not any(row["Of"].startswith("=") for row in rows)
    assert "filename=figures-2031-03-2031-05.csv" in page.headers["Content-Disposition"]
    sheets = zipfile.ZipFile(io.BytesIO(book.data))
    sheet = sheets.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet
    assert "=HYPERLINK" in sheets.read("xl/sharedStrings.xml").decode()
    assert re.search(r"<v>510</v>", sheet)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@A1", "\t=1", "  =1", "\uff1d1", "\r=1"])
def test_no_name_is_a_formula(name):
    assert harmless(name) == f"'{name}"
    assert harmless(f"A{name}") == f"A{name}"
    assert harmless(Decimal(-3)) == Decimal(-3)


def test_the_page_says_what_counts(reader):
    said = words(reader.get("/owner/figures"))

    assert "Counted are confirmed reservations" in said
    assert "VAT included" in said
