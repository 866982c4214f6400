"""The demo place, empty of guests, and the owner, signed in."""

import pytest

from app.booking.demo import load_demo
from app.core.database import db
from app.policy.documents import publish_missing
from tests.accounts.ways import sign_in


@pytest.fixture
def place(app, clock):
    """The site with the demo's place and documents, and no reservation."""
    with app.app_context():
        load_demo(now=clock())
        publish_missing(now=clock())
        db.session.commit()
    return app


@pytest.fixture
def owner(place, clock):
    """A browser in which the owner is signed in."""
    return sign_in(place, clock, place.test_client())
