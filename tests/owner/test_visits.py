"""The owner sees totals of those who agreed, and nobody in them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from app.consent.models import ActivityLine, Grant
from app.core.database import db
from app.owner.visits import FUNNEL, LEAST, PERIODS, Bar, rounded, shown, steps_shown, visits
from tests.consent.reader import agreed, reader, refuse

WAY = ("/search", "/offers/<slug>", "/basket/<key>", "/checkout/<key>", "/reservations/<reference>")


def fill(app, people, *, now, device="phone", host="", browser="Firefox"):
    """Let visitors open pages: people is a list of the routes that each opened."""
    with app.app_context():
        first = db.session.scalar(sa.select(sa.func.count(Grant.id))) or 0
        for number, routes in enumerate(people, start=first):
            grant = Grant(
                receipt_id=f"r{number}",
                category="statistics",
                token_digest=number.to_bytes(32),
                granted_at=now,
                expires_at=now + timedelta(days=180),
            )
            db.session.add(grant)
            db.session.flush()
            db.session.add_all(
                ActivityLine(
                    grant_id=grant.id, at=now, kind="page", what=route,
                    referring_host=host if place == 0 else "", device=device,
                    browser=browser, system="Android",
                )
                for place, route in enumerate(routes)
            )  # fmt: skip
        db.session.commit()


def table(page, named):
    """Return a plot's rows as they are read."""
    soup = BeautifulSoup(page.text, "html.parser")
    found = soup.select(f"table[aria-labelledby={named}] tbody tr")
    return [(row.th.get_text(strip=True), row.td.get_text(strip=True)) for row in found]


# -- Totals -------------------------------------------------------------------------------------


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_totals_are_counted_by_visitors(place, clock):
    fill(place, [["/", *WAY]] * 10, now=clock(), host="blog.example.org")
    fill(place, [["/", "/search", "/search", "/"]] * 11, now=clock(), device="desktop")
    fill(place, [["/contact"]] * 3, now=clock(), device="tablet")

    with place.app_context():
        found = visits(30, now=clock())

    assert (found.visitors, found.opened) == (20, 105)
    assert found.pages[:2] == (Bar("/", 20), Bar("/search", 20))
    # Three read the contact page alone: they are with the smallest of those that stand.
    assert {bar.key for bar in found.pages[2:]} == {*sorted(WAY[1:])[:-1], None}
    assert found.pages[-1] == Bar(None, 10)
    assert [bar.count for bar in found.funnel] == [20, 10, 10, 10, 10]
    assert found.hosts == (Bar("blog.example.org", 10),)
    assert Bar("/ /search", 20) in found.paths
    assert not any(bar.key == "/search /search" for bar in found.paths)
    # Three tablets can't be shown, nor missed: they are with the next smallest.
    assert found.devices == (Bar("desktop", 10), Bar(None, 10))


@pytest.mark.clause("C09")
@pytest.mark.both_databases
def test_a_path_is_of_one_visitor_on_one_day(place, clock):
    fill(place, [["/"]] * 6, now=clock())
    with place.app_context():
        grants = list(db.session.scalars(sa.select(Grant.id)))
        for grant in grants:
            db.session.add_all(
                ActivityLine(
                    grant_id=grant, at=clock() + timedelta(days=1), kind="page", what=route,
                    referring_host="", device="phone", browser="Firefox", system="Android",
                )
                for route in ("/terms", "/privacy")
            )  # fmt: skip
        db.session.commit()

        found = visits(30, now=clock.move(timedelta(days=2)))

    assert found.paths == (Bar("/terms /privacy", 5),)


@pytest.mark.both_databases
def test_a_period_ends_where_it_says(place, clock):
    fill(place, [["/"]] * 5, now=clock())
    clock.move(timedelta(days=31))
    fill(place, [["/contact"]] * 10, now=clock())

    with place.app_context():
        found = {days: visits(days, now=clock()).visitors for days in PERIODS}

    assert found == {30: 10, 90: 15, 365: 15}


@pytest.mark.clause("C09")
def test_answers_are_counted_by_what_they_said(place, owner):
    for _ in range(6):
        agreed(place)
    for _ in range(11):
        refuse(reader(place))

    page = owner.get("/owner/visits")

    assert table(page, "choices") == [("No to everything", "10"), ("Yes to something", "5")]


# -- The page -----------------------------------------------------------------------------------


@pytest.mark.clause("C09")
def test_the_page_shows_every_plot_as_a_table_and_says_who_is_counted(place, clock, owner):
    fill(place, [["/", *WAY]] * 12, now=clock(), host="blog.example.org")

    page = owner.get("/owner/visits")

    assert "Only visitors who said yes to statistics are counted" in page.text
    assert [row[1] for row in table(page, "funnel")] == ["10"] * 5
    assert ("The first page", "10") in table(page, "pages")
    assert ("The first page → What is free", "10") in table(page, "paths")
    assert table(page, "hosts") == [("blog.example.org", "10")]
    assert table(page, "devices") == [("phone", "10")]
    assert table(page, "browsers") == [("Firefox", "10")]
    assert table(page, "systems") == [("Android", "10")]
    assert "style=" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_the_page_opens_with_nothing_to_show_and_for_declared_periods_only(place, owner):
    for days in PERIODS:
        page = owner.get(f"/owner/visits?days={days}")

        assert page.status_code == 200
        assert "Too few visitors" in page.text
        assert "<svg" not in page.text
    for wrong in ("31", "0", "-30", "x", "\u0663\u0660"):
        assert owner.get(f"/owner/visits?days={wrong}").status_code == 404


@pytest.mark.clause("C09")
def test_four_visitors_leave_no_figure_at_all(place, clock, owner):
    fill(place, [["/", *WAY]] * 4, now=clock(), host="blog.example.org")

    page = owner.get("/owner/visits")

    assert page.status_code == 200
    assert "blog.example.org" not in page.text
    assert "<svg" not in page.text


@pytest.mark.clause("C09")
def test_no_statement_asks_whose_the_lines_are_and_there_are_few(
    place, clock, owner, count_queries
):
    fill(place, [["/", *WAY]] * 12 + [["/contact", "/terms"]] * 3, now=clock())
    owner.get("/owner/visits")

    with count_queries() as sent:
        owner.get("/owner/visits?days=90")

    counted = [statement for statement in sent if "activity_line" in statement]
    assert len(counted) <= 2 + 7 * 3
    assert len(sent) <= 30
    assert not any("person" in s or "consent_grant" in s or "token" in s for s in counted)


# -- Small groups -------------------------------------------------------------------------------


def group_of(people: Sequence[frozenset[str]], key: str) -> set[int]:
    return {number for number, keys in enumerate(people) if key in keys}


def publish(people: Sequence[frozenset[str]]) -> tuple[Bar, ...]:
    """Show the groups of some people, counted as the database would."""
    keys = frozenset().union(*people)
    counts = {key: len(group_of(people, key)) for key in keys}

    def others(told: Sequence[str]) -> int:
        return sum(bool(belongs - set(told)) for belongs in people)

    return shown(counts, others)


alone = st.lists(st.sampled_from("abcdefghijklmnop").map(lambda key: frozenset({key})), max_size=90)
several = st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1), max_size=60)


@pytest.mark.clause("C09")
@given(alone | several)
def test_no_figure_is_smaller_than_five(people):
    for bar in publish(people):
        assert bar.count >= LEAST
        assert bar.count % LEAST == 0


@pytest.mark.clause("C09")
@given(alone)
def test_no_group_is_found_by_taking_rows_from_the_total(people):
    bars = publish(people)
    told = {bar.key for bar in bars if bar.key is not None}
    untold = [len(group_of(people, key)) for key in frozenset().union(*people) - told]

    # The rows and "everything else" are together everybody: what is taken from the total
    # leaves other rows, and none of them is small, even with the figures as they were.
    if bars:
        assert sum(untold) == 0 or sum(untold) >= LEAST
        assert (sum(untold) > 0) == (None in {bar.key for bar in bars})
    # A small group is never the only one behind "everything else".
    assert not (bars and len(untold) == 1 and untold[0] < LEAST)


@pytest.mark.clause("C09")
@given(several)
def test_everything_else_is_of_five_people_at_least_where_they_overlap(people):
    bars = publish(people)
    told = {bar.key for bar in bars if bar.key is not None}
    rest = sum(bool(belongs - told) for belongs in people)

    assert not bars or rest == 0 or rest >= LEAST


@pytest.mark.clause("C09")
@given(st.integers(0, 10_000), st.integers(0, 4))
def test_a_few_visitors_more_cannot_be_told_from_as_many_as_before(before, more):
    # Of two periods, or the same on two days: a difference of none may be up to four, and
    # one of five may be anything from one to nine.
    difference = rounded(before + more) - rounded(before)

    possible = {
        (b + m) - b
        for b in range(rounded(before), rounded(before) + LEAST)
        for m in range(10)
        if rounded(b + m) - rounded(b) == difference
    }
    assert difference in (0, LEAST)
    assert len(possible & set(range(LEAST))) >= 4


steps = st.lists(st.integers(0, 200), min_size=5, max_size=5).map(lambda n: sorted(n, reverse=True))


@pytest.mark.clause("C09")
@given(steps)
def test_who_stopped_between_two_steps_is_nobody_or_five(counts):
    told = steps_shown(counts)

    before = counts[0]
    for count, said in zip(counts, told, strict=True):
        if said:
            assert said == rounded(count) >= LEAST
            assert before - count == 0 or before - count >= LEAST
            before = count


def test_the_funnel_names_pages_of_the_site(place):
    assert {*FUNNEL} <= {rule.rule for rule in place.url_map.iter_rules()}
