"""The board shows every room and night at a glance, and what an act would do before it is done.

Nothing is double-booked from here, nothing is half done, and all of it stands in the trail.
"""

import re
import time
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.booking.models import (
    CONFIRMED,
    Block,
    Night,
    OfferRow,
    RateRow,
    Reservation,
    ReservationLine,
    Seating,
    UnitRow,
)
from app.booking.reservations import prove
from app.booking.seating import misblocked, misseated
from app.core.audit import AuditEntry, faults
from app.core.database import db
from app.core.outbox import Job, run_due
from tests.owner.guests import book, details, seats, stay
from tests.owner.house import words

TODAY = date(2031, 5, 5)
ZOE = details("Zoë Müller", "zoe@post.example")


def day(number):
    return TODAY + timedelta(days=number)


@pytest.fixture
def staff(enters):
    """Somebody who works there, signed in."""
    return enters("staff", "sam@house.example")


@pytest.fixture
def stays(place, clock):
    """Book a stay: `stays(2, 3)` arrives in two days for three nights; returns its line's id."""

    def make(first, nights, slug="reed-room", **options):
        with place.app_context():
            reference = book(
                stay(slug, day(first), day(first + nights)), now=clock(), who=ZOE, **options
            )
            return line_of(reference)

    return make


def line_of(reference):
    return db.session.scalar(
        sa.select(ReservationLine.id)
        .join(Reservation)
        .where(Reservation.reference == reference, ReservationLine.kind.in_(("stay", "session")))
    )


def entries(place):
    with place.app_context():
        assert list(faults()) == []
        return [(one.verb, one.kind) for one in db.session.scalars(sa.select(AuditEntry))]


def sound(place, clock):
    with place.app_context():
        connection = db.session.connection()
        return (prove(now=clock()), misseated(connection), misblocked(connection)) == ([], [], [])


def read(place, line_id, *names):
    with place.app_context():
        line = db.session.get_one(ReservationLine, line_id)
        return tuple(getattr(line, name) for name in names)


def yes(somebody, path, **more):
    """Press the button of a preview, with what the page says in it."""
    page = BeautifulSoup(somebody.get(path).text, "html.parser")
    form = page.select_one("main form.measure")
    assert form, page.main.get_text(" ")
    values = {
        field["name"]: field.get("value", "")
        for field in form.select("input[name]")
        if field.get("type") != "checkbox"
        and (field.get("type") != "radio" or field.has_attr("checked"))
    }
    return somebody.post(path, **{**values, **more})


def cells(page, room):
    """Return what a room's row says, cell by cell, with how many nights each is long."""
    soup = BeautifulSoup(page.text, "html.parser")
    (head,) = [one for one in soup.select("tr[data-unit] th") if one.get_text() == room]
    return [
        (" ".join(cell.get_text(" ").split()), int(cell.get("colspan", 1)))
        for cell in head.parent.select("td")
    ]


@pytest.mark.clause("C17")
def test_a_row_tells_who_is_where_from_when_to_when(place, staff, stays):
    line = stays(2, 3)
    room = read_room(place, line)

    page = staff.get("/owner/board")

    found = cells(page, room)
    assert sum(nights for _, nights in found) == 14
    (bar,) = [text for text, nights in found if "Zoë Müller" in text and nights == 3]
    assert "from Wed 7 May, 3 nights" in bar
    assert f'href="/owner/board/{line}"' in page.text
    table = BeautifulSoup(page.text, "html.parser").select_one("table.board")
    assert table.caption.get_text()
    assert len(table.select("thead tr:last-child th[scope=col]")) == 15
    assert all(row.th["scope"] == "row" for row in table.select("tr[data-unit]"))


def read_room(place, line_id):
    with place.app_context():
        unit = db.session.scalar(
            sa.select(Seating.unit_id).where(Seating.line_id == line_id).limit(1)
        )
        return db.session.get_one(UnitRow, unit).name


@pytest.mark.clause("C17")
def test_states_are_told_in_words(place, clock, staff, stays):
    with place.app_context():
        book(stay("lagoon-suite", day(1), day(3)), now=clock(), firm=False)
    line = stays(0, 2)
    staff.post(f"/owner/board/{line}/note", what="check_in")
    staff.post(f"/owner/board/{line}/note", what="pin")

    said = words(staff.get("/owner/board"))

    assert "held" in said
    assert "checked in, stays here" in said


def test_other_days_by_address_and_nonsense_is_answered_kindly(staff):
    assert "1 – 14 Sept 2031" in words(staff.get("/owner/board?from=2031-09-01")) or (
        "Sep" in words(staff.get("/owner/board?from=2031-09-01"))
    )
    assert staff.get("/owner/board?from=soon").status_code == 422
    assert staff.get("/owner/board?days=15").status_code == 404
    assert staff.get("/owner/board?days=60&from=9998-12-31").status_code == 422


@pytest.mark.clause("C17")
def test_a_reader_sees_the_board_and_can_change_nothing(place, enters, stays):
    line, reader = stays(2, 3), enters("reader", "rita@house.example")

    page = reader.get("/owner/board")

    assert page.status_code == 200
    assert f"/owner/board/{line}" not in page.text
    assert "/owner/reservations/" in page.text
    for path in (f"/owner/board/{line}", f"/owner/board/{line}/change", "/owner/board/block"):
        assert reader.get(path).status_code == 403
    assert reader.post(f"/owner/board/{line}/note", what="pin").status_code == 403


@pytest.mark.clause("C17")
def test_a_stay_is_made_longer_at_the_price_that_was_shown_and_the_guest_is_told(
    place, clock, staff, stays, instance
):
    line = stays(2, 3)
    path = f"/owner/board/{line}/change?longer=2"
    shown = words(staff.get(path))
    assert "more" in shown
    assert read(place, line, "depart") == (day(5),)

    answer = yes(staff, path, tell="y")

    assert answer.status_code == 303
    assert read(place, line, "arrive", "depart") == (day(2), day(7))
    assert entries(place) == [("stay.extended", "reservation")]
    assert sound(place, clock)
    with place.app_context():
        run_due(now=clock())
    mails = [one.read_text() for one in (instance / "mail").glob("*-changed-*.eml")]
    assert len(mails) == 1
    assert "has been changed" in mails[0]


def test_a_bar_that_is_dragged_leads_to_the_same_page(place, clock, staff, stays):
    line = stays(2, 3)
    with place.app_context():
        suite = db.session.scalar(sa.select(UnitRow).join(OfferRow).where(
            OfferRow.slug == "lagoon-suite").limit(1))  # fmt: skip
        unit, offer = suite.id, suite.offer_id

    answer = yes(staff, f"/owner/board/{line}/change?by=4&unit={unit}", price="kept")

    assert answer.status_code == 303
    assert read(place, line, "arrive", "depart", "offer_id") == (day(6), day(9), offer)
    assert entries(place) == [("stay.offer_changed", "reservation")]
    assert sound(place, clock)


@pytest.mark.clause("C16")
def test_what_is_in_the_way_is_named_and_nothing_is_half_done(place, clock, staff, stays):
    line, other = stays(2, 2, "boathouse"), stays(4, 2, "boathouse")

    shown = words(staff.get(f"/owner/board/{line}/change?longer=1"))
    answer = staff.post(
        f"/owner/board/{line}/change?longer=1", price="anew", expected="0", tell="y"
    )

    assert "Fri 9 May" in shown
    assert answer.status_code == 409
    assert read(place, line, "depart") == (day(4),)
    assert read(place, other, "arrive") == (day(4),)
    assert entries(place) == []
    assert sound(place, clock)
    with place.app_context():
        templates = [one.payload.get("template") for one in db.session.scalars(sa.select(Job))]
    assert "changed" not in templates


def test_a_price_that_moved_is_shown_again_before_it_is_asked_for(place, staff, stays):
    line = stays(2, 3)
    path = f"/owner/board/{line}/change?longer=1"
    page = staff.get(path)
    with place.app_context():
        db.session.add(RateRow(offer_id=db.session.get(ReservationLine, line).offer_id,
                               minor=99900, priority=9))  # fmt: skip
        db.session.commit()
    old = BeautifulSoup(page.text, "html.parser").select_one("[name=expected]")["value"]

    answer = staff.post(path, price="anew", expected=old)

    assert answer.status_code == 409
    assert "the price has changed" in words(answer)
    fresh = BeautifulSoup(answer.text, "html.parser").select_one("[name=expected]")["value"]
    assert int(fresh) > int(old)
    assert read(place, line, "depart") == (day(5),)


def test_a_fall_in_price_shows_what_was_paid_too_much(place, staff, stays):
    line = stays(2, 3)
    with place.app_context():
        reservation = db.session.get(ReservationLine, line).reservation
        reservation.paid_minor = reservation.total_minor
        db.session.commit()

    yes(staff, f"/owner/board/{line}/change?longer=-1")

    assert "Nothing goes back by itself" in words(staff.get(f"/owner/board/{line}"))


@pytest.mark.clause("C17")
def test_they_come_and_leave_and_what_was_noted_is_taken_back(place, clock, staff, stays):
    line = stays(0, 2)

    for what in ("check_in", "check_out", "undo", "undo", "no_show"):
        more = {"give_back": "y"} if what == "no_show" else {}
        answer = staff.post(f"/owner/board/{line}/note", what=what, **more)
        assert answer.status_code == 303, what

    assert read(place, line, "arrived_at", "left_at", "no_show_at", "depart") == (
        None, None, clock(), day(1),
    )  # fmt: skip
    assert [verb for verb, _ in entries(place)] == [
        "stay.checked_in", "stay.checked_out", "stay.note_taken_back", "stay.note_taken_back",
        "stay.no_show",
    ]  # fmt: skip
    assert sound(place, clock)
    assert staff.post(f"/owner/board/{line}/note", what="check_in").status_code == 409
    assert staff.post(f"/owner/board/{line}/note", what="nonsense").status_code == 422


@pytest.mark.clause("C16")
def test_a_room_is_blocked_and_given_back(place, clock, staff, stays):
    with place.app_context():
        unit = db.session.scalar(sa.select(UnitRow.id).order_by(UnitRow.id).limit(1))
    data = {"unit": str(unit), "first": str(day(1)), "until": str(day(4)), "reason": "repair"}

    assert staff.post("/owner/board/block", **{**data, "until": str(day(1))}).status_code == 409
    assert staff.post("/owner/board/block", **data).status_code == 303
    assert staff.post("/owner/board/block", **data).status_code == 409

    assert "Blocked Repair" in words(staff.get("/owner/board"))
    with place.app_context():
        made = db.session.scalar(sa.select(Block.id))
    assert "Repair" in words(staff.get(f"/owner/board/blocks/{made}"))
    assert staff.post(f"/owner/board/blocks/{made}").status_code == 303
    assert [verb for verb, _ in entries(place)] == ["unit.blocked", "unit.unblocked"]
    assert sound(place, clock)


@pytest.mark.clause("C16")
def test_a_room_with_nobody_to_move_elsewhere_is_not_blocked_and_the_nights_are_named(
    place, staff, stays
):
    stays(2, 2, "boathouse")
    with place.app_context():
        unit = db.session.scalar(sa.select(UnitRow.id).where(UnitRow.name == "Eisvogel"))

    answer = staff.post(
        "/owner/board/block", unit=str(unit), first=str(day(1)), until=str(day(6)), reason="repair"
    )

    assert answer.status_code == 409
    assert "no room is left on Wed 7 May, Thu 8 May." in words(answer)
    assert entries(place) == []


@pytest.mark.clause("C17")
def test_a_session_has_its_seats_its_guests_and_another_start(place, clock, staff):
    starts_at = datetime(2031, 5, 6, 15, tzinfo=UTC)
    with place.app_context():
        line = line_of(book(seats("sauna", starts_at), now=clock(), who=ZOE))

    board = staff.get("/owner/board")
    link = BeautifulSoup(board.text, "html.parser").select_one("a[href*='at=2031-05-06T15:00Z']")
    assert "2/" in link.get_text()
    assert "Zoë Müller" in words(staff.get(link["href"]))
    page = BeautifulSoup(staff.get(f"/owner/board/{line}").text, "html.parser")
    other = page.select("[name=start] option")[1]["value"]

    answer = yes(staff, f"/owner/board/{line}/change?start={other}&adults=3")

    assert answer.status_code == 303
    assert read(place, line, "quantity") == (3,)
    assert entries(place) == [("session.moved", "reservation")]
    assert sound(place, clock)


def test_no_entry_of_the_trail_holds_a_personal_value(place, staff, stays):
    line = stays(2, 3)
    yes(staff, f"/owner/board/{line}/change?longer=1", tell="y")
    staff.post(f"/owner/board/{line}/note", what="pin")

    with place.app_context():
        said = " ".join(str(one.detail) for one in db.session.scalars(sa.select(AuditEntry)))

    assert not re.search("Zoë|Müller|post.example", said)


# -- Large houses ---------------------------------------------------------------------------


def fill(place, clock, units=300, nights=60):
    """Make a house of so many rooms, full of stays of one to six nights, written straight in."""
    with place.app_context():
        offer = OfferRow(
            slug="wing", kind="stay", texts={"en": {"name": "Wing"}}, picture="", units=units,
            adults_most=2, children_most=0, guests_most=2, nights_least=1, nights_most=30,
            rates=[RateRow(minor=100)],
            unit_rows=[UnitRow(position=n, name=f"Room {n}") for n in range(units)],
        )  # fmt: skip
        db.session.add(offer)
        # Sixty guests who come again and again: opening names is measured with them.
        names = [details(f"Guest {n}", f"g{n}@post.example") for n in range(60)]
        template = [
            book(stay("boathouse", day(100 + n), day(101 + n)), now=clock(), who=names[n])
            for n in range(60)
        ]
        people = list(
            db.session.scalars(
                sa.select(Reservation.person_id).where(Reservation.reference.in_(template))
            )
        )
        reservations, lines, seating, number = [], [], [], 10_000
        for row, unit in enumerate(offer.unit_rows):
            at = row % 3
            while at < nights:
                length = 1 + (row * 7 + at) % 6
                reservations.append({
                    "id": number, "reference": f"R{number:07d}", "person_id": people[number % 60],
                    "status": CONFIRMED, "language": "en", "currency": "EUR", "total_minor": 100,
                    "quote_digest": "", "cancellation": "{}", "first_start": clock(),
                    "created_at": clock(), "held_since": clock(),
                })  # fmt: skip
                lines.append({
                    "id": number, "reservation_id": number, "position": 0, "wish": 0,
                    "kind": "stay", "offer_id": offer.id, "label": {}, "arrive": day(at),
                    "depart": day(at + length), "adults": 1, "children": 0, "quantity": length,
                    "total_minor": 100, "vat_bp": 0, "vat_minor": 0, "nightly": [],
                })  # fmt: skip
                seating += [
                    {"unit_id": unit.id, "night": day(at + n), "line_id": number, "block_id": None}
                    for n in range(length)
                ]
                number += 1
                at += length + (number % 5 == 0)
        for model, rows in ((Reservation, reservations), (ReservationLine, lines),
                            (Seating, seating)):  # fmt: skip
            db.session.execute(sa.insert(model), rows)
        db.session.execute(
            sa.insert(Night),
            [{"offer_id": offer.id, "night": day(n), "capacity": units, "taken": units}
             for n in range(2)],
        )  # fmt: skip
        db.session.commit()
        return len(lines)


def test_three_hundred_rooms_and_sixty_nights_take_few_statements_and_little_time(
    place, clock, staff, stays, count_queries
):
    stays(2, 3)
    staff.get("/owner/board?days=60")
    with count_queries() as few:
        staff.get("/owner/board?days=60")
    made = fill(place, clock)
    staff.get("/owner/board?days=60")

    begun = time.process_time()
    with count_queries() as sent:
        page = staff.get("/owner/board?days=60")
    spent = time.process_time() - begun

    assert made > 4_000
    assert len(sent) == len(few) <= 16
    assert len(page.data) < 2_000_000
    print(f"{made} stays: {1000 * spent:.0f} ms, {len(page.data)} bytes, {len(sent)} statements")
    assert spent < 1.5


def test_a_room_that_was_given_up_is_not_on_the_board(place, staff):
    with place.app_context():
        unit = db.session.scalars(sa.select(UnitRow).order_by(UnitRow.id)).first()
        name, unit.position = unit.name, -unit.id
        db.session.commit()

    board, blocking = words(staff.get("/owner/board")), staff.get("/owner/board/block").text

    assert name not in board
    assert name not in blocking


def test_every_link_of_the_board_opens_in_a_language_that_no_cookie_keeps(staff, enters, stays):
    stays(2, 3)
    for one in (staff, enters("reader", "rita@house.example")):
        page = BeautifulSoup(one.get("/owner/board?lang=de").text, "html.parser")
        links = {str(link["href"]) for link in page.select("main table a[href]")}
        kinds = {re.sub(r"\d+|\?.*", "", link) for link in links}
        assert len(kinds) >= 2

        for kind in kinds:
            some = next(link for link in links if re.sub(r"\d+|\?.*", "", link) == kind)
            opened = one.get(some)
            assert opened.status_code == 200, some
            assert '<html lang="de"' in opened.text, some
