"""The clock, handed in: the app is made with one, and tests make their own."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import current_app

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Return this instant, aware, in UTC."""
    return datetime.now(UTC)


def utcnow() -> datetime:
    """Return the instant by the app's clock, aware, in UTC. For views and jobs only.

    Domain verbs take `now` as an argument instead.
    """
    clock: Clock = current_app.extensions["clock"]
    return clock()
