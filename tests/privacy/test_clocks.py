"""A request is answered by the day that the law names, counted so that no reading is later."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.privacy.clocks import (
    CALIFORNIA,
    CHINA,
    CLOCKS,
    GDPR,
    due_on,
    extended_to,
)

pytestmark = pytest.mark.clause("C26")
DAYS = st.dates(date(2026, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize(
    ("asked", "due", "extended"),
    [
        ((2031, 5, 5), (2031, 6, 5), (2031, 8, 5)),
        ((2031, 1, 31), (2031, 2, 28), (2031, 4, 28)),  # no 31st: the month's last day
        ((2032, 1, 31), (2032, 2, 29), (2032, 4, 29)),
        ((2031, 8, 31), (2031, 9, 30), (2031, 11, 30)),
        ((2031, 12, 31), (2032, 1, 31), (2032, 3, 31)),
        ((2031, 2, 28), (2031, 3, 28), (2031, 5, 28)),
        ((2031, 4, 1), (2031, 5, 1), (2031, 7, 1)),  # a holiday: it isn't waited out
        ((2031, 5, 31), (2031, 6, 30), (2031, 8, 30)),
    ],
)
def test_a_month_ends_on_the_day_of_the_same_number_or_the_months_last(asked, due, extended):
    assert due_on(GDPR, date(*asked)) == date(*due)
    assert extended_to(GDPR, date(*asked)) == date(*extended)


def test_california_counts_the_day_on_which_it_came():
    monday = date(2031, 5, 5)

    assert due_on(CALIFORNIA, monday) == date(2031, 6, 18)
    assert extended_to(CALIFORNIA, monday) == date(2031, 8, 2)


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ((2031, 5, 5), (2031, 5, 22)),  # Monday: over two Sundays
        ((2031, 5, 10), (2031, 5, 28)),  # Saturday: over three
        ((2031, 9, 30), (2031, 10, 17)),  # the golden week is counted as if worked
    ],
)
def test_fifteen_working_days_leave_out_sundays_alone(asked, due):
    assert due_on(CHINA, date(*asked)) == date(*due)
    assert extended_to(CHINA, date(*asked)) is None


def by_the_law(asked, made_up):
    """Return the fifteenth day from Monday to Friday, and those that were made up for."""
    day, left = asked, 15
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5 or day in made_up
    return day


@given(DAYS, st.lists(st.integers(1, 18), max_size=2, unique=True))
def test_no_clock_is_later_than_the_law_allows(asked, offsets):
    made_up = {asked + timedelta(days=offset) for offset in offsets}

    assert due_on(CHINA, asked) <= by_the_law(asked, made_up)
    assert due_on(CALIFORNIA, asked) <= asked + timedelta(days=45)
    assert extended_to(CALIFORNIA, asked) <= asked + timedelta(days=90)
    month, year = asked.month % 12 + 1, asked.year + asked.month // 12
    assert (due_on(GDPR, asked).month, due_on(GDPR, asked).year) == (month, year)
    assert due_on(GDPR, asked).day <= asked.day


@given(DAYS, st.sampled_from(sorted(CLOCKS)))
def test_a_clock_runs_forward_and_a_second_term_is_after_the_first(asked, law):
    due, later = due_on(law, asked), extended_to(law, asked)

    assert asked < due
    assert later is None or later > due
    assert due_on(law, asked + timedelta(days=1)) >= due
