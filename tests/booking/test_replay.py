"""A hotel's history goes through the site's own verbs, and each answer is the one a count gives."""

import faulthandler
import gzip
import json
import math
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.models import Person
from app.booking.course import Replay, open_house, replay
from app.booking.history import History, HistoryUnreadable, days_of, peaks, read_history
from app.booking.models import Reservation
from app.booking.replay import replay_cli
from app.booking.reservations import prove
from app.booking.seating import misseated
from app.booking.shop import shop
from app.core.database import db
from app.core.outbox import Job
from tests.architecture.source import ROOT
from tests.booking.places import NOW
from tests.servers import ProgramFailed, run_flask

DEMO = ROOT / "app" / "booking" / "demo" / "history.csv"
# Lies beside the checkout where there is one; it is not ours to give on.
REAL = ROOT.parent / "shared" / "data" / "hotel_bookings.csv.gz"

HEADER = (
    "hotel,reserved_room_type,is_canceled,lead_time,arrival_date_year,arrival_date_month,"
    "arrival_date_day_of_month,stays_in_weekend_nights,stays_in_week_nights,adults,children,"
    "babies,adr,reservation_status_date"
)


def real_history() -> Path:
    """The real history, or a word that it isn't here."""
    if not REAL.exists():
        pytest.skip(f"{REAL.name} does not lie beside the checkout, in ../shared/data")
    return REAL


def row(**values: object) -> str:
    """A row of a history: two nights from 1 July 2031, booked ten days before, and kept."""
    usual: dict[str, object] = dict.fromkeys(HEADER.split(","), 0)
    usual |= {
        "hotel": "Inn", "reserved_room_type": "A", "lead_time": 10, "arrival_date_year": 2031,
        "arrival_date_month": "July", "arrival_date_day_of_month": 1, "adults": 2,
        "stays_in_week_nights": 2, "adr": "80.5", "reservation_status_date": "2031-07-03",
    }  # fmt: skip
    return ",".join(str(value) for value in (usual | values).values())


@pytest.fixture
def written(tmp_path):
    """Write a history of some rows and return where it is."""

    def write(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "history.csv"
        path.write_text("\n".join((header, *rows)) + "\n")
        return path

    return write


def answers(history: History, units: dict[str, int]) -> list[bool]:
    """Which stays a hotel takes that only counts: the model that has no database."""
    live, taken = Counter(), [False] * len(history.stays)
    for day in days_of(history.stays).values():
        for place in day.created:
            stay = history.stays[place]
            nights = [
                (stay.offer, night)
                for night in range(stay.arrive.toordinal(), stay.depart.toordinal())
            ]
            taken[place] = all(live[night] < units[stay.offer] for night in nights)
            if taken[place]:
                live.update(nights)
        for place in day.cancelled:
            stay = history.stays[place]
            if taken[place]:
                for night in range(stay.arrive.toordinal(), stay.depart.toordinal()):
                    live[stay.offer, night] -= 1
    return taken


def compare(history: History, capacity: Decimal) -> int:
    """Drive a history through the site and through the model; return how many were refused."""
    most = peaks(history.stays, days_of(history.stays))
    units = {offer: math.ceil(capacity * peak) for offer, peak in most.items()}
    open_house(units)
    course = Replay(history, shop().catalogue)
    db.session.rollback()

    course.run(lambda _: None)

    expected = answers(history, units)
    assert [place in course.accepted for place in range(len(expected))] == expected
    assert all(course.highest[offer] <= count for offer, count in units.items())
    assert prove(now=NOW) == []
    assert misseated(db.session.connection()) == []
    return expected.count(False)


# -- Reading ------------------------------------------------------------------------------


def test_a_row_says_what_was_booked_and_when(written):
    (stay,) = read_history(written(row(is_canceled=1, adr="80.505", children="NA"))).stays

    assert (stay.offer, stay.adults, stay.children) == ("Inn A", 2, 0)
    assert (stay.arrive.isoformat(), stay.depart.isoformat()) == ("2031-07-01", "2031-07-03")
    assert stay.nightly_minor == 8051  # half a cent is rounded up
    assert (stay.created.isoformat(), str(stay.cancelled)) == ("2031-06-21", "2031-07-03")


def test_nobody_cancels_before_they_book(written):
    early = row(is_canceled=1, reservation_status_date="2031-01-01")

    (stay,) = read_history(written(early)).stays

    assert stay.cancelled == stay.created


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"stays_in_week_nights": 0}, "no night"),
        ({"adults": 0}, "no adult"),
        ({"adr": "-6.38"}, "negative rate"),
        ({"adults": "NULL"}, "unreadable number"),
        ({"adr": "cheap"}, "unreadable number"),
        ({"adr": "NaN"}, "unreadable number"),
        ({"adr": "1e99"}, "unreadable number"),
        ({"lead_time": "-3"}, "unreadable number"),
        ({"stays_in_week_nights": "9" * 40}, "unreadable number"),
        ({"stays_in_week_nights": 5000}, "too many nights"),
        ({"arrival_date_month": "Julember"}, "unreadable date"),
        ({"arrival_date_day_of_month": 32}, "unreadable date"),
        ({"lead_time": 999_999}, "unreadable date"),
        ({"is_canceled": 1, "reservation_status_date": "soon"}, "unreadable date"),
        ({"is_canceled": "maybe"}, "neither kept nor cancelled"),
        ({"hotel": " ", "reserved_room_type": ""}, "no offer"),
    ],
)
def test_a_row_that_cannot_be_is_named_and_the_others_are_read(written, values, reason):
    history = read_history(written(row(), row(**values), "Inn,A", row()))

    assert history.rows == 4
    assert history.invalid == [(3, reason), (4, "too few columns")]
    assert len(history.stays) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "There is no column hotel"),
        (b"hotel,adults\nInn,2\n", "There is no column reserved_room_type, is_canceled"),
        (bytes(range(256)) * 9, "is not a CSV file in UTF-8"),
        (gzip.compress(HEADER.encode())[:-9], "can't be unpacked"),
        (b"\x1f\x8bno gzip", "can't be unpacked"),
    ],
)
def test_a_file_that_is_no_history_says_why(tmp_path, content, said):
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(HistoryUnreadable, match=said):
        read_history(path)


def test_a_gzipped_file_is_known_by_its_content(written, tmp_path):
    plain = written(row(), row(adults=0))
    packed = tmp_path / "history.csv"  # no .gz in its name
    rows = plain.read_bytes()
    packed.write_bytes(gzip.compress(rows))

    assert read_history(packed).rows == 2
    assert read_history(packed).invalid == [(3, "no adult")]


# -- Going through it -----------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize("capacity", ["1.0", "0.7", "0.5"])
def test_each_stay_of_the_demo_history_is_answered_as_a_count_would(context, capacity):
    refused = compare(read_history(DEMO), Decimal(capacity))

    assert (refused == 0) == (capacity == "1.0")


@pytest.mark.load
@pytest.mark.parametrize("capacity", ["0.9", "0.7", "0.5"])
def test_each_stay_of_a_stretch_of_the_real_history_is_answered_as_a_count_would(context, capacity):
    history = read_history(real_history())
    history.stays = [stay for stay in history.stays if stay.offer == "Resort Hotel H"]
    history.stays += read_history(REAL).stays[40_500:42_000]

    assert compare(history, Decimal(capacity)) > 0


def test_whatever_the_history_each_answer_is_the_count_s(app):
    stays = st.builds(
        row,
        lead_time=st.integers(0, 5),
        arrival_date_day_of_month=st.integers(1, 9),
        stays_in_week_nights=st.integers(1, 5),
        is_canceled=st.integers(0, 1),
        reservation_status_date=st.integers(1, 12).map(lambda day: f"2031-07-{day:02}"),
    )
    folder = Path(app.extensions["settings"].instance_dir)
    with app.app_context():
        open_house({"Inn A": 2})
        catalogue = shop().catalogue

    @settings(max_examples=25)
    @given(st.lists(stays, max_size=15))
    def history_of(rows):
        path = folder / "history.csv"
        path.write_text("\n".join((HEADER, *rows)))
        history = read_history(path)
        with app.app_context():
            course = Replay(history, catalogue)
            course.run(lambda _: None)
            expected = answers(history, {"Inn A": 2})
            assert [place in course.accepted for place in range(len(rows))] == expected
            assert prove(now=NOW) == []
            for table in ("seating", "night", "reservation_line", "reservation"):
                db.session.execute(sa.text(f"DELETE FROM {table}"))
            db.session.commit()

    history_of()


def test_guests_are_made_up_and_sealed_and_nobody_is_written_to(context):
    history = read_history(DEMO)

    report = replay(history, Decimal(1))

    persons = db.session.scalars(sa.select(Person)).all()
    assert len(persons) == report.accepted == 290
    assert all(b"Guest" not in person._name for person in persons)
    assert all(person.email.endswith("@example.org") for person in persons)
    assert db.session.scalar(sa.select(sa.func.count()).where(Job.done_at.is_(None))) == 0
    assert db.session.scalar(sa.select(sa.func.count(Job.id))) == 290 + report.cancelled


def test_a_report_adds_up(context):
    history = read_history(DEMO)

    report = replay(history, Decimal("0.5"))

    assert report.rows == 299
    assert report.invalid == 9
    assert report.accepted + report.refused == 290
    assert report.cancelled + report.kept == report.accepted
    assert report.refused > 0
    assert report.highest_occupancy == report.units
    kept = sa.select(sa.func.sum(Reservation.total_minor)).where(Reservation.status == "confirmed")
    assert report.revenue == db.session.scalar(kept)
    assert report.proved


# -- The command ----------------------------------------------------------------------------


def test_the_command_leaves_the_site_alone_and_prints_what_came_of_it(environ, tmp_path, context):
    said = run_flask(environ, "replay", str(DEMO))
    told = json.loads(run_flask(environ, "replay", str(DEMO), "--capacity", "0.5", "--json"))

    lines = said.splitlines()
    assert "invalid 9" in lines
    assert "refused 0" in lines
    assert lines[-1] == "proved"
    assert told["refused"] > 0
    assert told["invalid_rows"][0] == [9, "negative rate"]
    assert db.session.scalar(sa.select(sa.func.count(Person.id))) == 0


def test_the_databases_are_kept_where_one_says(environ, tmp_path):
    folder = tmp_path / "kept"

    run_flask(environ, "replay", str(DEMO), "--keep", str(folder))

    assert (folder / "book.db").exists()
    assert (folder / "keys.db").exists()
    with pytest.raises(ProgramFailed, match="isn’t empty"):
        run_flask(environ, "replay", str(DEMO), "--keep", str(folder))


@pytest.mark.parametrize("capacity", ["0", "-1", "nan", "much", "1000"])
def test_a_capacity_that_is_none_is_refused(app, capacity):
    ended = app.test_cli_runner().invoke(replay_cli, [str(DEMO), "--capacity", capacity])

    assert ended.exit_code == 2
    assert "is no share above 0" in ended.output


def test_a_file_that_is_no_history_is_refused_by_the_command(app):
    ended = app.test_cli_runner().invoke(replay_cli, [str(Path(__file__))])

    assert ended.exit_code == 1
    assert "There is no column" in ended.output


# Two minutes alone. Stretches of it are run row by row each time, and all of it by --all.
@pytest.mark.slow
@pytest.mark.load
def test_the_real_history_ends_as_it_must(context):
    # A minute and more: too long for the alarm that watches over tests that hang.
    faulthandler.cancel_dump_traceback_later()
    history = read_history(real_history())

    report = replay(history, Decimal("1.0"))

    print(f"{report.bookings_per_second:.0f} bookings a second; by tenths: {report.tenths}")
    assert (report.rows, report.invalid) == (119_390, 1_049)
    assert (report.accepted, report.refused) == (118_341, 0)
    assert (report.cancelled, report.kept) == (44_092, 74_249)
    assert report.revenue == 2_595_026_558
    assert report.highest_occupancy == report.units
    assert report.proved
