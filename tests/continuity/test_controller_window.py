"""Nothing changes hands without notice, nor before the window is over; the database says so too."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from app.continuity import controller
from app.continuity.controller_models import (
    ANNOUNCED,
    PLANNED,
    RUNNING,
    WINDOW_DAYS,
    ControllerChange,
)
from app.core import outbox
from app.core.database import db
from app.policy.facts import facts
from app.privacy.archiving import day_here

pytestmark = pytest.mark.clause("C24")


def new(day, *, way="site", key=""):
    return controller.NewController(
        name="Morgenrot Pension GmbH",
        address=["Morgenrotweg 1"],
        email="privacy@morgenrot.example",
        country="AT",
        way=way,
        changes_on=day,
        public_key=key,
    )


def tell(now):
    while outbox.run_due(now=now):
        pass


def test_the_window_is_a_fact_that_the_policy_states():
    assert facts()["controller_window"] == timedelta(days=WINDOW_DAYS)


def test_a_plan_that_leaves_too_little_time_is_refused(place, clock):
    first = controller.first_day(now=clock())

    with pytest.raises(controller.TooSoon):
        controller.plan(new(first - timedelta(days=1)), now=clock())
    assert controller.plan(new(first), now=clock()).abroad


def test_a_plan_that_waited_too_long_is_not_announced_any_more(place, clock):
    change = controller.plan(new(controller.first_day(now=clock())), now=clock())
    db.session.commit()

    with pytest.raises(controller.TooSoon):
        controller.announce(change, now=clock.move(timedelta(days=1)))


def test_nothing_begins_while_somebody_was_not_told(place, clock, person):
    change = controller.plan(new(controller.first_day(now=clock())), now=clock())
    controller.announce(change, now=clock())
    db.session.commit()

    later = clock.move(timedelta(days=WINDOW_DAYS + 1))
    with pytest.raises(controller.NoticeNotSent):
        controller.begin(change, now=later)
    tell(later)
    controller.begin(change, now=later)

    assert change.state == RUNNING


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ahead=st.integers(-5, 90), waits=st.lists(st.integers(0, 40 * 24), max_size=5))
def test_whatever_is_tried_it_never_begins_before_the_window_is_over(place, clock, ahead, waits):
    begun = datetime(2031, 5, 5, 8, tzinfo=UTC)
    clock.set(begun)
    for one in db.session.scalars(sa.select(ControllerChange)):
        db.session.delete(one)
    db.session.commit()
    told_on, day = None, day_here(begun) + timedelta(days=ahead)
    try:
        change = controller.plan(new(day), now=clock())
        controller.announce(change, now=clock())
        db.session.commit()
        told_on = day_here(clock())
    except controller.TooSoon:
        db.session.rollback()
        change = controller.live()
    for hours in waits:
        now = clock.move(timedelta(hours=hours))
        tell(now)
        if change is None or change.state == RUNNING:
            break
        try:
            controller.begin(change, now=now)
            db.session.commit()
        except (controller.NotYet, controller.NotPlanned, controller.NoticeNotSent):
            db.session.rollback()

    if change is not None and change.begun_day is not None:
        assert told_on is not None
        assert change.begun_day >= day.toordinal()
        assert change.begun_day - told_on.toordinal() >= WINDOW_DAYS
    else:
        assert change is None or change.state in (PLANNED, ANNOUNCED)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "values",
    [
        {"state": "running"},
        {"state": "done", "live": None},
        {"state": "announced"},
        {
            "state": "announced",
            "announced_day": 100,
            "announced_at": datetime(2031, 5, 5, tzinfo=UTC),
        },
        {"begun_day": 10},
        {"way": "data"},
        {"state": "stopped"},
    ],
    ids=str,
)
def test_the_database_refuses_what_has_no_notice_or_no_window(place, clock, values):
    change = controller.plan(new(date(2031, 7, 1)), now=clock())
    change.changes_day = 129  # a day short of the window after day 100
    db.session.commit()

    statement = sa.update(ControllerChange).where(ControllerChange.id == change.id)
    with pytest.raises(IntegrityError):
        db.session.execute(statement.values(**values))


@pytest.mark.both_databases
def test_there_is_one_change_at_a_time(place, clock):
    controller.plan(new(date(2031, 7, 1)), now=clock())
    db.session.commit()

    again = controller.plan(new(date(2031, 8, 1)), now=clock())  # the same one, planned anew
    assert again.changes_on == date(2031, 8, 1)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ControllerChange)) == 1
    values = {
        name: getattr(again, name)
        for name in ("state", "live", "way", "name", "address", "email", "country", "abroad")
    }
    more = {"texts": {}, "public_key": "", "former": "", "changes_day": 1, "made_at": clock()}
    db.session.add(ControllerChange(**values, **more, counts={}))
    with pytest.raises(IntegrityError):
        db.session.flush()
