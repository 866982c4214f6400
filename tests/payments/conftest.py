"""The ground of the tests of payments: a place with one room, and a line to its bank."""

import pytest

from tests.payments import till


@pytest.fixture
def line(app, settings):
    """The line to the demo bank, in place of the plain one."""
    line = till.Line(settings)
    app.extensions["payment_providers"] = {"demo": line}
    return line


@pytest.fixture
def place(context, line):
    """A place with one room, with the session open to the test."""
    till.open_the_place()
    return context


@pytest.fixture
def reservation(place, clock):
    """A room that is held for somebody."""
    return till.book(now=clock())


@pytest.fixture
def visitor(client, place):
    """Somebody with a browser."""
    return till.Visitor(client)
