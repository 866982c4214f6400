"""The owner's figures are those that anybody would count from the bookings, to the cent."""

import csv
import faulthandler
import gzip
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from statistics import median as median_of
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.booking.course import replay
from app.booking.history import read_history
from app.booking.models import (
    Block,
    ClosedRow,
    Night,
    OfferRow,
    SessionPlaces,
    UnitRow,
    VenueRow,
)
from app.booking.shop import shop
from app.core.database import db
from app.core.languages import use_language
from app.owner import figures_queries
from app.owner.figures import figures
from app.owner.figures_queries import Months, first_day, month_of
from app.owner.figures_words import MONEY, exact, value_word
from tests.booking.places import BOAT, ROOM, open_house
from tests.booking.test_replay import DEMO, real_history
from tests.owner.papers import known, put, stay_line

BERLIN = ZoneInfo("Europe/Berlin")


# -- Figures computed apart from the site ---------------------------------------------------------


def rows_of(path):
    """The rows of a history that a hotel can have meant, by nobody's code but this."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            try:
                nights = int(row["stays_in_weekend_nights"]) + int(row["stays_in_week_nights"])
                month = datetime.strptime(row["arrival_date_month"], "%B").month  # noqa: DTZ007
                arrive = date(
                    int(row["arrival_date_year"]), month, int(row["arrival_date_day_of_month"])
                )
                rate = Decimal(row["adr"])
                if nights < 1 or int(row["adults"]) < 1 or rate < 0 or not rate.is_finite():
                    continue
                cents = int((rate * 100).quantize(Decimal(1), ROUND_HALF_UP))
                booked = arrive - timedelta(days=int(row["lead_time"]))
                ended = max(date.fromisoformat(row["reservation_status_date"]), booked)
            except (ArithmeticError, ValueError, TypeError, OverflowError):
                continue
            offer = f"{row['hotel']} {row['reserved_room_type']}".strip()
            cancelled = row["is_canceled"] == "1"
            yield row, (offer, arrive, nights, cents, int(row["lead_time"]), cancelled, ended)


def counted_apart(stays, units):
    """What a clerk would count with a pencil: by month, the sums and averages of the house."""
    sold, minor, lead, before, lengths = (
        Counter(), Counter(), defaultdict(list), defaultdict(list), defaultdict(list),
    )  # fmt: skip
    first = {}
    for offer, arrive, nights, cents, days, cancelled, ended in stays:
        first[offer] = min(first.get(offer, arrive), arrive)
        month = (arrive.year, arrive.month)
        if cancelled:
            before[month].append((arrive - ended).days)
            continue
        lead[month].append(days)
        lengths[month].append(nights)
        for number in range(nights):
            night = arrive + timedelta(days=number)
            sold[night.year, night.month] += 1
            minor[night.year, night.month] += cents

    def available(year, month):
        after = date(year + month // 12, month % 12 + 1, 1)
        days = (after - date(year, month, 1)).days
        return sum(
            units[o] * days for o, day in first.items() if (day.year, day.month) <= (year, month)
        )

    return sold, minor, lead, before, lengths, available


def mean(values):
    return Fraction(sum(values), len(values)) if values else None


def compare(path, stays, capacity="1"):
    """Replay a history, and count it apart; every figure of every month must be the same."""
    report = replay(read_history(path), Decimal(capacity))
    assert report.refused == 0
    sold, minor, lead, before, lengths, available = counted_apart(stays, report.units)
    months = sorted({*sold, *lead, *before})
    ends = months[-1][0] * 12 + months[-1][1]
    zone = ZoneInfo("UTC")

    with use_language("en"):
        found = figures(shop().catalogue, Months(month_of(date(*months[0], 1)), ends, zone))

    assert found.reach is not None
    assert sum(minor.values()) == found.total.minor == report.revenue
    for begins, sums in zip(found.months, found.now, strict=True):
        month = (begins.year, begins.month)
        can = available(*month)
        assert sums.sold == sold[month]
        assert sums.available == can
        assert sums.occupancy == (Fraction(sold[month], can) if can else None)
        assert sums.minor == minor[month]
        assert sums.rate == (Fraction(minor[month], sold[month]) if sold[month] else None)
        assert sums.per_available == (Fraction(minor[month], can) if can else None)
        assert sums.lead == mean(lead[month])
        assert sums.lead_median == (Fraction(median_of(lead[month])) if lead[month] else None)
        assert sums.cancelled == Counter(before[month])
        firm = len(lead[month]) + len(before[month])
        assert sums.cancelled_share == (Fraction(len(before[month]), firm) if firm else None)
        assert sums.length == mean(lengths[month])
        assert sums.sources == Counter(web=len(lead[month])) + Counter()
    return found


@pytest.mark.clause("C18")
@pytest.mark.both_databases
def test_the_figures_of_a_history_are_those_counted_apart(context):
    found = compare(DEMO, [stay for _, stay in rows_of(DEMO)])

    assert found.total.sold > 300
    assert found.total.cancelled.total() > 50


@pytest.mark.load
@pytest.mark.slow
@pytest.mark.clause("C18")
def test_the_figures_of_a_stretch_of_the_real_history_are_those_counted_apart(context, tmp_path):
    faulthandler.cancel_dump_traceback_later()
    rows = list(rows_of(real_history()))
    some = rows[9_000:12_000] + rows[40_500:44_000] + rows[80_000:81_500]
    path = tmp_path / "stretch.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, some[0][0].keys())
        writer.writeheader()
        writer.writerows(row for row, _ in some)

    found = compare(path, [stay for _, stay in some])

    assert found.total.sold > 8_000


@pytest.mark.load
@pytest.mark.slow
@pytest.mark.clause("C18")
def test_the_figures_of_all_of_the_real_history_are_quick_and_those_counted_apart(context):
    faulthandler.cancel_dump_traceback_later()
    path = real_history()

    found = compare(path, [stay for _, stay in rows_of(path)])

    assert found.total.minor == 2_595_026_558


# -- Whatever the stays ---------------------------------------------------------------------------


def of_year(year, *, zone=BERLIN, slug="", catalogue=None):
    """The figures of a year."""
    months = Months(year * 12, year * 12 + 12, zone)
    return figures(catalogue or shop().catalogue, months, slug=slug)


# Around a New Year, both changes of the clock, and the end of a short month.
edges = st.sampled_from(
    [date(2031, 1, 1), date(2031, 3, 1), date(2031, 3, 30), date(2031, 10, 26), date(2032, 1, 1)]
).flatmap(lambda day: st.integers(-4, 4).map(lambda days: day + timedelta(days=days)))
moments = st.tuples(
    edges, st.sampled_from([(0, 0), (0, 59), (1, 0), (1, 30), (21, 59), (22, 0), (22, 59), (23, 0)])
).map(lambda pair: datetime(pair[0].year, pair[0].month, pair[0].day, *pair[1], tzinfo=UTC))
stays = st.tuples(
    edges,
    st.lists(st.integers(0, 20_000), min_size=1, max_size=70)
    | st.integers(1, 70).map(lambda nights: [9_900] * nights),
)
reservations = st.tuples(
    st.sampled_from(["confirmed", "confirmed", "cancelled", "held", "released"]),
    st.lists(stays, min_size=1, max_size=3),
    moments,
    st.sampled_from(["web", "phone", "walk_in"]),
)


@pytest.mark.clause("C18")
def test_nights_are_counted_where_they_are_slept_whatever_the_months_and_the_clock(app):
    with app.app_context():
        open_house(units=9)
        db.session.execute(sa.update(VenueRow).values(zone="Europe/Berlin", catalogue_version=2))
        known(date(2030, 1, 1), date(2032, 12, 31))
        db.session.commit()

    @given(st.lists(reservations, max_size=6))
    def counted(some):
        with app.app_context():
            for name in ("reservation_line", "reservation"):
                db.session.execute(sa.text(f"DELETE FROM {name}"))
            expected, bookings, ahead, sources = Counter(), Counter(), defaultdict(list), Counter()
            for status, lines, moment, source in some:
                arrive = min(arrive for arrive, _ in lines)
                begins = datetime(arrive.year, arrive.month, arrive.day, 15, tzinfo=BERLIN)
                put(
                    status, [stay_line(*line) for line in lines], begins=begins, created=moment,
                    cancelled=moment if status == "cancelled" else None, source=source,
                )  # fmt: skip
                if status in ("confirmed", "cancelled"):
                    day = moment.astimezone(BERLIN).date()
                    key = (status, arrive.year, arrive.month)
                    bookings[key] += 1
                    ahead[key].append((arrive - day).days)
                if status == "confirmed":
                    sources[source, arrive.year, arrive.month] += 1
                    for first, prices in lines:
                        for n, minor in enumerate(prices):
                            night = first + timedelta(days=n)
                            expected["nights", night.year, night.month] += 1
                            expected["minor", night.year, night.month] += minor
            db.session.flush()
            for year in (2031, 2032):
                found = of_year(year)
                for months, sums in ((found.months, found.now), (found.months, found.then)):
                    for begins, one in zip(months, sums, strict=True):
                        back = 1 if sums is found.then else 0
                        month = (begins.year - back, begins.month)
                        assert one.sold == one.priced == expected["nights", *month]
                        assert one.minor == expected["minor", *month]
                        assert one.bookings == bookings["confirmed", *month]
                        assert one.cancelled.total() == bookings["cancelled", *month]
                        assert one.before == Counter(ahead["confirmed", *month])
                        assert one.cancelled == Counter(ahead["cancelled", *month])
                        assert all(
                            one.sources[source] == sources[source, *month]
                            for source in ("web", "phone", "walk_in")
                        )
            db.session.rollback()

    counted()


@pytest.mark.both_databases
def test_days_are_those_of_the_place_on_both_databases(context):
    open_house(units=9)
    db.session.execute(
        sa.update(VenueRow).values(zone="America/St_Johns", currency="JPY", catalogue_version=2)
    )
    known(date(2031, 1, 1), date(2031, 12, 31))
    zone, arrive = ZoneInfo("America/St_Johns"), date(2031, 3, 31)
    begins = datetime(2031, 3, 31, 15, tzinfo=zone)
    # Half past eleven at night there, in winter time; in UTC it is the day after.
    created = datetime(2031, 3, 1, 23, 30, tzinfo=zone)
    lines = [stay_line(arrive, [120, 130]), stay_line(arrive, [7000] * 3)]
    put("confirmed", lines, begins=begins, created=created, currency="JPY", source="walk_in")
    put("confirmed", lines[:1], begins=begins, created=created, currency="EUR")
    late = datetime(2031, 4, 1, 0, 30, tzinfo=zone)
    put("cancelled", lines, begins=begins, created=created, cancelled=late)
    db.session.commit()

    found = of_year(2031, zone=zone)

    march, april = found.now[2], found.now[3]
    assert (march.sold, march.priced, march.minor) == (3, 2, 7120)
    assert (april.sold, april.priced, april.minor) == (4, 3, 14_130)
    assert march.before == Counter({30: 2})
    assert march.cancelled == Counter({-1: 1})
    assert march.sources == Counter(walk_in=1, web=1)
    assert found.foreign == 2
    assert march.lengths == Counter({2: 2, 3: 1})
    assert value_word(march.rate, MONEY, "JPY") == "JP¥3,560"
    assert exact(april.rate, MONEY, "JPY") == 4710


# -- What could be sold ---------------------------------------------------------------------------


@pytest.mark.both_databases
def test_blocked_and_closed_nights_could_not_be_sold(context):
    open_house(units=9)
    known(date(2031, 2, 10), date(2031, 2, 11))
    begins = datetime(2031, 2, 27, 15, tzinfo=UTC)
    put(
        "confirmed", [stay_line(date(2031, 2, 27), [100] * 4)], begins=begins,
        created=begins - timedelta(days=3),
    )  # fmt: skip
    unit = db.session.scalars(sa.select(UnitRow.id)).first()
    # Three nights of February and two of March; the last two of February are closed as well.
    block = {"offer_id": ROOM, "unit_id": unit, "reason": "repair", "made_at": begins}
    db.session.add(Block(first=date(2031, 2, 26), until=date(2031, 3, 3), **block))
    db.session.add(ClosedRow(offer_id=ROOM, first=date(2031, 2, 27), until=date(2031, 3, 1)))
    db.session.add(Night(offer_id=ROOM, night=date(2031, 2, 1), capacity=4, taken=0))
    db.session.commit()

    found = of_year(2031)

    assert found.now[0] is None
    # 28 days; on one of them there were five fewer, on one a unit is blocked, and on the
    # two that are closed only the unit that somebody sleeps in could be sold.
    assert found.now[1].available == 28 * 9 - 5 - 1 - 2 * 8
    assert found.now[1].sold == 2
    assert found.now[2].available == 31 * 9 - 2
    assert found.now[3].available == 30 * 9
    assert found.total_then is None


def test_what_is_no_longer_on_sale_counts_up_to_its_last_night(context):
    open_house(units=2)
    known(date(2031, 2, 10), date(2031, 4, 11), units=2)
    db.session.execute(sa.update(OfferRow).where(OfferRow.id == ROOM).values(on_sale=False))
    db.session.commit()

    found = of_year(2031)

    assert [one.available if one else None for one in found.now[:6]] == [None, 56, 62, 60, 0, 0]


@pytest.mark.both_databases
def test_seats_are_counted_by_start_at_the_place(context):
    catalogue = open_house(seats=4)  # daily at ten, from 1 June
    db.session.add(ClosedRow(offer_id=BOAT, first=date(2031, 6, 29), until=date(2031, 7, 1)))
    for starts, quantity, status in (
        (datetime(2031, 6, 30, 10, tzinfo=UTC), 3, "confirmed"),  # on a day closed since
        (datetime(2031, 6, 5, 10, tzinfo=UTC), 2, "confirmed"),
        (datetime(2031, 6, 5, 10, tzinfo=UTC), 1, "cancelled"),
        (datetime(2031, 6, 30, 22, 30, tzinfo=UTC), 4, "confirmed"),  # July there; off today's
    ):
        line = {
            "kind": "session", "offer_id": BOAT, "starts_at": starts, "quantity": quantity,
            "ends_at": starts + timedelta(hours=1), "adults": quantity, "nightly": [],
            "total_minor": 100 * quantity,
        }  # fmt: skip
        extra = {"kind": "extra", "quantity": 1, "total_minor": 77, "nightly": []}
        put(status, [line, extra], begins=starts, created=starts, cancelled=starts)
        found = db.session.get(SessionPlaces, (BOAT, starts))
        if not found:
            db.session.add(SessionPlaces(offer_id=BOAT, starts_at=starts, capacity=6, taken=0))
    db.session.commit()

    found = of_year(2031, catalogue=catalogue)

    june, july = found.now[5], found.now[6]
    assert found.now[4] is None
    assert (june.seats_sold, june.seats_minor) == (5, 500)
    # 27 open days of four seats each, one of six that was booked, and three of the closed day.
    assert june.seats == 27 * 4 + 6 + 3
    assert (july.seats_sold, july.seats) == (4, 31 * 4 + 6)
    assert june.extras_minor + july.extras_minor == 3 * 77
    assert found.offers[1].total.seats_share == Fraction(9, june.seats + july.seats + sum(
        one.seats for one in found.now[7:]
    ))  # fmt: skip


def test_an_offer_has_figures_of_its_own(context):
    catalogue = open_house(units=2)
    known(date(2031, 2, 1), date(2031, 2, 2), units=2)
    begins = datetime(2031, 2, 3, 15, tzinfo=UTC)
    put("confirmed", [stay_line(date(2031, 2, 3), [5])], begins=begins, created=begins)
    db.session.commit()

    room, boat = (of_year(2031, slug=slug, catalogue=catalogue) for slug in ("room", "boat"))

    assert (room.total.bookings, room.total.sold) == (1, 1)
    assert (boat.total.bookings, boat.total.sold) == (0, 0)
    assert [slug for slug, _ in boat.choices] == ["room", "boat"]
    with pytest.raises(KeyError):
        of_year(2031, slug="nowhere", catalogue=catalogue)


# -- Offsets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_the_offsets_told_to_sqlite_are_those_of_the_zone(name):
    zone = ZoneInfo(name)
    told = figures_queries.offsets(zone, 2031)

    for hours in range(0, 24 * 366 * 2, 5):
        instant = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        seconds = [offset for since, offset in told if since <= instant][-1]
        assert timedelta(seconds=seconds) == instant.astimezone(zone).utcoffset()
    for since, offset in told[1:]:
        before = (since - timedelta(seconds=1)).astimezone(zone).utcoffset()
        assert before != timedelta(seconds=offset) == since.astimezone(zone).utcoffset()


def test_months_are_counted_on():
    assert first_day(month_of(date(2031, 12, 31)) + 1) == date(2032, 1, 1)
    assert Path(DEMO).exists()
