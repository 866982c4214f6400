"""No statement of a visitor's reads the whole book, however large it has become (D3)."""

import re
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy import event

from app.core.database import db

# The tables that grow with every booking.
GROWING = r"\bSCAN (reservation|reservation_line|seating|night|session_places|person|payment)\b"
ARRIVE = date(2031, 6, 3)


def plans_of(place, work):
    """Return how SQLite goes about each statement that `work` sends."""
    sent = []
    with place.app_context():
        engine = db.engines[None]

    def note(_connection, _cursor, statement, parameters, _context, executemany):
        sent.append((statement, parameters[0] if executemany else parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        return {
            statement: " / ".join(
                row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )
            for statement, parameters in sent
            if not re.search(r"\bVALUES\b", statement)  # a plain insert reads nothing
        }


def test_from_search_to_hold_no_statement_reads_the_whole_book(place, visitor):
    def journey():
        visitor.open("/")
        visitor.open(f"/search?arrive={ARRIVE}&depart={ARRIVE + timedelta(days=2)}&adults=2")
        visitor.open("/offers/reed-room?month=2031-06")
        visitor.open("/offers/kayak-tour?month=2031-06")
        visitor.hold(visitor.choose_stay("reed-room"))

    plans = plans_of(place, journey)

    assert len(plans) > 12
    wrong = {statement: plan for statement, plan in plans.items() if re.search(GROWING, plan)}
    assert wrong == {}


def test_this_test_sees_a_statement_that_reads_everything(place):
    def look():
        with place.app_context():
            db.session.execute(sa.text("SELECT count(*) FROM reservation WHERE total_minor > 1"))

    plans = plans_of(place, look)

    assert any(re.search(GROWING, plan) for plan in plans.values())
