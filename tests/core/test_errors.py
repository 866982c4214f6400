"""A refusal is read by operators in English and by people in their own language."""

import pickle
from datetime import date

from app.core.errors import DomainError
from app.core.languages import use_language


class TooFar(DomainError):
    message = "You can book until %(until)s, at most %(most)d."


def test_the_log_reads_english_with_its_values():
    assert (
        str(TooFar(until=date(2026, 5, 1), most=3)) == "You can book until 2026-05-01, at most 3."
    )


def test_a_page_writes_dates_as_its_reader_does():
    error = TooFar(until=date(2026, 5, 1), most=3)

    with use_language("de"):
        assert "1. Mai 2026" in error.say()
    with use_language("en"):
        assert "1 May 2026" in error.say()


def test_a_refusal_without_values_may_speak_of_per_cent():
    class Half(DomainError):
        message = "Half of it is 50 %."

    assert str(Half()) == Half().say() == "Half of it is 50 %."


def test_a_refusal_keeps_its_values_between_processes():
    error = pickle.loads(pickle.dumps(DomainError(most=3)))  # noqa: S301 (our own bytes)

    assert error.values == {"most": 3}
