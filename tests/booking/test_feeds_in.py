"""What partners have booked is kept from guests here, never twice, and goes when it goes there.

Calendars come from a server on this machine. Whatever they hold, the counters are those of the
live lines and the blocks; what can't be blocked is a conflict that the house sees.
"""

from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.booking import feeds, feeds_conflicts
from app.booking.feeds_in import apply, fetch_and_apply, import_due, kept_nights
from app.booking.feeds_read import Reading, Unreadable, read
from app.booking.models import OPEN, Block, Feed, FeedConflict, UnitRow
from app.booking.rooms import pin, unit_of
from app.core.database import db, in_one_go
from app.core.worker import tidy
from tests.booking.partner import Partner, calendar, event, open_to_this_machine
from tests.booking.places import FIRST, NOW, ROOM, night, open_house
from tests.booking.test_rooms import book, sound

TODAY = FIRST - timedelta(days=1)
BEFORE = NOW.replace(month=5, day=31)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def partner():
    found = Partner()
    yield found
    found.close()


@pytest.fixture
def house(context):
    open_to_this_machine(context)
    return open_house(units=2)


def make(partner, number=0, channel="Elsewhere", out=False):
    """A calendar of a unit that is fetched from a partner; its id and its token."""
    unit = db.session.scalars(sa.select(UnitRow.id).order_by(UnitRow.position)).all()[number]
    made, token = feeds.make(channel, ROOM, unit, address=partner.url, out=out, now=BEFORE)
    feed_id = made.id
    db.session.commit()
    return feed_id, token


def fetch(feed_id):
    return fetch_and_apply(feed_id, now=BEFORE)


def kept(feed_id):
    """The nights that a calendar keeps, by their numbers; the session is let go."""
    db.session.rollback()
    return sorted((one - FIRST).days for one in kept_nights(feed_id, TODAY))


def conflicts(feed_id):
    rows = db.session.scalars(sa.select(FeedConflict).where(FeedConflict.feed_id == feed_id))
    return sorted(((r.first - FIRST).days, (r.until - FIRST).days, r.state) for r in rows)


# -- From fetch to block ------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C22")
def test_what_a_partner_has_booked_is_blocked_and_given_back_when_it_is_gone(house, partner):
    feed_id, _ = make(partner)
    partner.content = calendar(event(night(2), night(5)))

    assert fetch(feed_id) == ""
    assert kept(feed_id) == [2, 3, 4]
    assert sound()

    partner.content = calendar(event(night(3), night(4)), event(night(9), night(10), uid="y"))
    assert fetch(feed_id) == ""
    assert kept(feed_id) == [3, 9]
    assert sound()

    partner.content = calendar()  # empty is not an error: all of it was cancelled there
    assert fetch(feed_id) == ""
    assert kept(feed_id) == []
    assert sound()


@pytest.mark.both_databases
def test_the_worker_fetches_what_is_due_and_what_fails_ever_more_seldom(context, house, partner):
    feed_id, _ = make(partner)
    partner.content = calendar(event(night(2), night(5)))

    tidy(BEFORE)
    tidy(BEFORE)
    assert len(partner.asked) == 1
    assert kept(feed_id) == [2, 3, 4]

    partner.status, at = 503, BEFORE
    waits = []
    for _ in range(6):
        at = db.session.get_one(Feed, feed_id).next_at
        db.session.rollback()
        import_due(at)
        waits.append(db.session.get_one(Feed, feed_id).next_at - at)
    assert waits == [timedelta(minutes=m) for m in (15, 30, 60, 120, 120, 120)]
    assert kept(feed_id) == [2, 3, 4]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": 404}, "status 404"),
        ({"status": 500}, "status 500"),
        ({"content": b""}, "garbage"),
        ({"content": b"<!doctype html><title>Sign in</title>"}, "garbage"),
        ({"content": calendar(event(night(1), night(2)))[:-20]}, ("cut", "garbage")),
        ({"content": b"BEGIN:VCALENDAR\r\n" * 9}, "garbage"),
        ({"content": b"x" * 2_000_001}, "big"),
        ({"headers": {"Content-Encoding": "gzip"}}, "packed"),
        ({"headers": {"Content-Length": "99999"}}, ("cut", "slow")),
        ({"content": calendar(["BEGIN:VEVENT", "UID:a", "END:VEVENT"])}, "dates"),
        ({"content": calendar(["BEGIN:VEVENT", "DTSTART:yesterday", "END:VEVENT"])}, "dates"),
        ({"content": calendar(event(night(1), night(2), RRULE="FREQ=SECONDLY"))}, "rule"),
        ({"content": calendar(event(night(1), night(2), RRULE="FREQ=NEVER"))}, ("rule", "dates")),
        ({"content": calendar(*[event(night(1), night(2))] * 5001)}, "many"),
        (
            {"content": calendar(*[event(night(1), night(2), RRULE="FREQ=DAILY")] * 101)},
            "many",
        ),
    ],
)
def test_what_cannot_be_fetched_or_read_changes_nothing_and_says_why(house, partner, change, code):
    feed_id, _ = make(partner)
    partner.content = calendar(event(night(2), night(5)))
    fetch(feed_id)

    for name, value in change.items():
        setattr(partner, name, value)
    fault = fetch(feed_id)

    assert fault in ((code,) if isinstance(code, str) else code)
    assert kept(feed_id) == [2, 3, 4]
    feed = db.session.get_one(Feed, feed_id)
    assert (feed.fault, feed.failures) == (fault, 1)
    assert feed.good_at is not None


def test_names_that_change_with_every_fetch_and_blocks_that_move_on_touch_no_more_than_they_must(
    house, partner
):
    feed_id, _ = make(partner)
    partner.content = calendar(event(night(2), night(5), uid="one"))
    fetch(feed_id)
    before = [(b.id, b.first, b.until) for b in db.session.scalars(sa.select(Block))]
    changed = db.session.get_one(Feed, feed_id).changed_at
    db.session.rollback()

    partner.content = calendar(
        event(night(2), night(3), uid="two"), event(night(3), night(5), uid="three")
    )
    fetch_and_apply(feed_id, now=BEFORE + timedelta(minutes=15))

    assert [(b.id, b.first, b.until) for b in db.session.scalars(sa.select(Block))] == before
    assert db.session.get_one(Feed, feed_id).changed_at == changed
    partner.content = calendar(event(night(3), night(6), uid="four"))  # a day later each night
    fetch(feed_id)
    after = [(b.id, b.first, b.until) for b in db.session.scalars(sa.select(Block))]
    assert after == [(before[0][0], night(3), night(6))]
    assert sound()


@pytest.mark.clause("C22")
def test_what_events_are_called_and_tell_is_kept_nowhere(house, partner, instance):
    feed_id, _ = make(partner)
    partner.content = calendar(event(night(2), night(5)))
    fetch(feed_id)
    db.session.remove()

    raw = b"".join(path.read_bytes() for path in instance.glob("*.db*"))

    for text in (b"Fremdgast", b"5550199", b"partner.example", b"their-secret"):
        assert text not in raw


@pytest.mark.clause("C22")
def test_a_partner_that_is_asked_learns_nothing_of_anybody(house, partner):
    feed_id, _ = make(partner)
    book(house, 1, 3)
    db.session.commit()
    fetch(feed_id)

    ((_, headers),) = partner.asked
    assert set(headers) == {"Host", "Accept", "Accept-Encoding", "User-Agent", "Connection"}


# -- Conflicts and echoes -----------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_guest_in_the_way_gets_another_room_and_where_there_is_none_it_is_a_conflict(
    house, partner
):
    feed_id, _ = make(partner)
    guest = book(house, 2, 3)
    db.session.commit()
    room = unit_of(guest)
    partner.content = calendar(event(night(1), night(4)))

    fetch(feed_id)
    assert kept(feed_id) == [1, 2, 3]
    assert unit_of(guest) != room
    assert conflicts(feed_id) == []

    book(house, 5, 3)
    book(house, 5, 3)
    db.session.commit()
    partner.content = calendar(event(night(1), night(7)))
    fetch(feed_id)
    assert kept(feed_id) == [1, 2, 3, 4]
    assert conflicts(feed_id) == [(5, 7, OPEN)]
    assert sound()


@pytest.mark.both_databases
def test_a_pinned_guest_is_moved_by_one_press_and_a_full_house_says_that_it_cannot(house, partner):
    feed_id, _ = make(partner)
    guest = book(house, 2, 3)
    pin(guest, pinned=True)
    db.session.commit()
    room = unit_of(guest)
    partner.content = calendar(event(night(1), night(4)))
    fetch(feed_id)
    conflict_id = db.session.scalar(sa.select(FeedConflict.id))
    assert conflicts(feed_id) == [(2, 4, OPEN)]

    feeds_conflicts.move_away(conflict_id, today=TODAY, now=BEFORE)
    db.session.commit()
    assert unit_of(guest) != room
    assert kept(feed_id) == [1, 2, 3]
    assert conflicts(feed_id) == []
    assert sound()

    for _ in range(2):
        book(house, 8, 2)
    db.session.commit()
    partner.content = calendar(event(night(1), night(4)), event(night(8), night(10), uid="y"))
    fetch(feed_id)
    with pytest.raises(feeds_conflicts.NoOtherRoom):
        feeds_conflicts.move_away(
            db.session.scalar(sa.select(FeedConflict.id)), today=TODAY, now=BEFORE
        )
    db.session.rollback()
    assert sound()


def test_a_dismissed_conflict_stays_so_until_the_partner_takes_it_back(house, partner):
    feed_id, _ = make(partner)
    book(house, 5, 2)
    book(house, 5, 2)
    db.session.commit()
    partner.content = calendar(event(night(5), night(7)))
    fetch(feed_id)
    feeds_conflicts.dismiss(db.session.scalar(sa.select(FeedConflict.id)))
    db.session.commit()

    fetch(feed_id)
    assert conflicts(feed_id) == [(5, 7, "dismissed")]
    partner.content = calendar()
    fetch(feed_id)
    assert conflicts(feed_id) == []
    assert kept(feed_id) == []


@pytest.mark.both_databases
@pytest.mark.clause("C22")
def test_our_own_nights_come_back_block_nothing_however_the_partner_names_them(
    context, client, house, partner
):
    feed_id, token = make(partner, out=True)
    guest = book(house, 2, 3)
    db.session.commit()
    room = unit_of(guest)
    db.session.rollback()
    told = client.get(f"/feeds/{token}.ics").data
    partner.content = calendar(event(night(2), night(5), uid="renamed@partner.example"))

    fetch(feed_id)
    assert kept(feed_id) == []
    assert conflicts(feed_id) == [(2, 5, "echo")]
    assert unit_of(guest) == room
    db.session.rollback()

    partner.content = told  # under our own name
    fetch(feed_id)
    assert kept(feed_id) == []
    assert conflicts(feed_id) == []


def test_nights_that_a_partner_was_not_told_of_are_another_booking_and_so_is_what_the_house_says(
    client, house, partner
):
    feed_id, token = make(partner, out=True)
    client.get(f"/feeds/{token}.ics")
    for _ in range(2):
        book(house, 2, 3)
    db.session.commit()
    partner.content = calendar(event(night(2), night(5)))

    fetch(feed_id)
    assert conflicts(feed_id) == [(2, 5, OPEN)]
    db.session.rollback()
    client.get(f"/feeds/{token}.ics")  # knowing it later doesn't make it an echo
    fetch(feed_id)
    assert conflicts(feed_id) == [(2, 5, OPEN)]


def test_an_echo_that_is_called_another_booking_is_one(client, house, partner):
    feed_id, token = make(partner, out=True)
    guest = book(house, 2, 3)
    db.session.commit()
    client.get(f"/feeds/{token}.ics")
    partner.content = calendar(event(night(2), night(5)))
    fetch(feed_id)

    feeds_conflicts.call_another(db.session.scalar(sa.select(FeedConflict.id)))
    db.session.commit()
    fetch(feed_id)

    assert kept(feed_id) == [2, 3, 4]
    assert unit_of(guest) is not None
    assert sound()


def test_stopping_and_deleting_give_back_what_is_ahead_and_keep_what_was(house, partner):
    feed_id, _ = make(partner)
    partner.content = calendar(event(night(-1), night(3)), event(night(5), night(6), uid="y"))
    fetch(feed_id)
    assert kept(feed_id) == [-1, 0, 1, 2, 5]

    feeds.end(db.session.get_one(Feed, feed_id), today=night(1), now=NOW)
    db.session.commit()

    left = db.session.scalars(sa.select(Block)).all()
    assert [(b.first, b.until, b.feed_id) for b in left] == [(night(-1), night(1), None)]
    assert sound()


# -- Any sequence -------------------------------------------------------------------------------

_spans = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 5)).map(lambda p: (p[0], p[0] + p[1])), max_size=4
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(_spans, st.booleans(), st.integers(0, 10)), max_size=6))
@pytest.mark.both_databases
def test_blocks_are_the_latest_good_calendar_but_for_conflicts_whatever_came_before(
    context, house, partner, steps
):
    for feed in db.session.scalars(sa.select(Feed)).all():
        feeds.end(feed, today=TODAY, now=NOW)
    db.session.expire_all()
    db.session.execute(sa.text("DELETE FROM seating"))
    db.session.execute(sa.text("DELETE FROM reservation_line"))
    db.session.execute(sa.text("DELETE FROM reservation"))
    db.session.execute(sa.text("UPDATE night SET taken = 0"))
    feed_id, _ = make(partner)
    good = set()

    for spans, books, first in steps:
        if books:
            try:
                book(house, first, 2)
                db.session.commit()
            except Exception:  # noqa: BLE001 (full: nothing was booked)
                db.session.rollback()
        good = feeds.nights_of((night(a), night(b)) for a, b in spans)
        in_one_go(partial(apply, feed_id, good, today=TODAY, now=BEFORE))
        missed = feeds.nights_of(
            (one.first, one.until) for one in db.session.scalars(sa.select(FeedConflict))
        )
        assert kept_nights(feed_id, TODAY) == good - missed
        assert missed <= good
        assert sound()
        db.session.rollback()


# -- Reading ------------------------------------------------------------------------------------


def taken(*events, zone=BERLIN):
    how = Reading(zone, time(15), date(2031, 6, 1), date(2032, 12, 1), lambda _uid: False)
    return [
        (first.isoformat()[5:], until.isoformat()[5:])
        for first, until in feeds.spans_of(read(calendar(*events), how))
    ]


def lines(*given):
    return ["BEGIN:VEVENT", "UID:a", *given, "END:VEVENT"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["DTSTART;VALUE=DATE:20310602", "DTEND;VALUE=DATE:20310605"], [("06-02", "06-05")]),
        (["DTSTART;VALUE=DATE:20310602"], [("06-02", "06-03")]),
        (["DTSTART;VALUE=DATE:20310602", "DTEND;VALUE=DATE:20310602"], [("06-02", "06-03")]),
        (["DTSTART;VALUE=DATE:20310602", "DTEND;VALUE=DATE:20310501"], [("06-02", "06-03")]),
        (["DTSTART;VALUE=DATE:20310602", "DURATION:P3D"], [("06-02", "06-05")]),
        (["DTSTART:20310602T150000", "DTEND:20310604T110000"], [("06-02", "06-04")]),
        (["DTSTART:20310602T000000", "DTEND:20310603T235900"], [("06-02", "06-04")]),
        (["DTSTART:20310602T220000Z", "DTEND:20310604T090000Z"], [("06-03", "06-04")]),
        (
            ["DTSTART;TZID=America/New_York:20310602T200000",
             "DTEND;TZID=America/New_York:20310604T030000"],
            [("06-03", "06-04")],
        ),
        (["DTSTART;TZID=Nowhere/Land:20310602T150000", "DURATION:PT20H"], [("06-02", "06-03")]),
        (["DTSTART;VALUE=DATE:20310602", "DTEND:20310604T110000"], [("06-02", "06-04")]),
        (["DTSTART;VALUE=DATE:20310602", "TRANSP:TRANSPARENT"], []),
        (["DTSTART;VALUE=DATE:20310602", "STATUS:CANCELLED"], []),
        (["DTSTART;VALUE=DATE:20310525", "DTEND;VALUE=DATE:20310603"], [("06-01", "06-03")]),
        (["DTSTART;VALUE=DATE:20000101", "DTEND;VALUE=DATE:20000103"], []),
        (
            ["DTSTART;VALUE=DATE:20310602", "RRULE:FREQ=WEEKLY;COUNT=3",
             "EXDATE;VALUE=DATE:20310609"],
            [("06-02", "06-03"), ("06-16", "06-17")],
        ),
        (
            ["DTSTART;VALUE=DATE:20250602", "DTEND;VALUE=DATE:20250604",
             "RRULE:FREQ=YEARLY;UNTIL=20320101"],
            [("06-02", "06-04")],
        ),
        (
            ["DTSTART;VALUE=DATE:20310602", "RDATE;VALUE=DATE:20310610,20310612"],
            [("06-02", "06-03"), ("06-10", "06-11"), ("06-12", "06-13")],
        ),
        (["DTSTART;VALUE=DATE:20310602", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"],
         [("06-02", "06-03")]),
    ],
)  # fmt: skip
def test_dates_are_read_as_programs_write_them_rather_kept_than_given_away(given, expected):
    assert taken(lines(*given)) == expected


def test_an_occurrence_that_was_moved_or_called_off_is_where_the_partner_says_it_is():
    series = lines("DTSTART;VALUE=DATE:20310602", "RRULE:FREQ=DAILY;COUNT=4")
    moved = lines("RECURRENCE-ID;VALUE=DATE:20310603", "DTSTART;VALUE=DATE:20310620")
    off = lines("RECURRENCE-ID;VALUE=DATE:20310604", "DTSTART;VALUE=DATE:20310604",
                "STATUS:CANCELLED")  # fmt: skip

    assert taken(series, moved, off) == [("06-02", "06-03"), ("06-05", "06-06"), ("06-20", "06-21")]


def test_a_series_without_an_end_is_bounded_by_the_window_and_read_soon():
    begun = datetime.now()  # noqa: DTZ005 (a stopwatch)

    found = taken(*[lines("DTSTART;VALUE=DATE:19010102", "RRULE:FREQ=DAILY")] * 20)

    assert found == [("06-01", "12-01")]
    assert datetime.now() - begun < timedelta(seconds=8)  # noqa: DTZ005


@settings(max_examples=60)
@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_garbage_is_refused_in_one_word_whatever_it_is(garbage):
    how = Reading(BERLIN, time(15), date(2031, 6, 1), date(2032, 12, 1), lambda _uid: False)
    for content in (garbage, calendar(["BEGIN:VEVENT", garbage.decode("latin-1"), "END:VEVENT"])):
        with pytest.raises(Unreadable):
            read(content, how)


# -- By command ----------------------------------------------------------------------------------


def test_the_command_fetches_all_of_them_and_fails_if_one_could_not_be(app, house, partner):
    make(partner)
    partner.content = calendar(event(night(2), night(5)))
    app.extensions["clock"].set(BEFORE)
    db.session.remove()

    from app.booking.feeds_in import feeds_cli

    runner = app.test_cli_runner()
    good = runner.invoke(feeds_cli, ["import"])
    partner.status = 500
    bad = runner.invoke(feeds_cli, ["import"])

    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert "Elsewhere (127.0.0.1): fetched" in good.output
    assert "status 500" in bad.output
    assert "their-secret" not in good.output + bad.output
