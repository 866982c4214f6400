"""Answering about one category doesn't prolong what was said of another."""

from datetime import timedelta

import pytest

from app.web.cookies import Category
from tests.consent.answers import answer, choice_in, records


@pytest.mark.clause("C09")
def test_a_no_to_one_lets_the_others_run_out_when_they_would_have(app, client, clock):
    answer(client, "accept")
    first = choice_in(app, client, clock())
    clock.move(timedelta(days=100))

    answer(client, "refuse", about="statistics")

    second = choice_in(app, client, clock())
    assert second.granted == {Category.PREFERENCES, Category.SUGGESTIONS}
    assert second.until == first.until
    assert second.made_at == first.made_at + timedelta(days=100)
    event = records(app)[-1]["event"]
    assert event["until"] == f"{first.until:%Y-%m-%dT%H:%M:%SZ}"
    assert event["duration"] == f"P{(first.until - second.made_at).days}D"


@pytest.mark.clause("C09")
def test_an_answer_about_everything_counts_for_the_whole_time_again(app, client, clock):
    answer(client, "accept")
    first = choice_in(app, client, clock())
    clock.move(timedelta(days=100))
    answer(client, "refuse", about="statistics")

    answer(client, "custom", suggestions="on")

    third = choice_in(app, client, clock())
    assert third.until > first.until + timedelta(days=90)
    assert records(app)[-1]["event"]["duration"] == "P6M"
