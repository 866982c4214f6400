"""The demo place, empty of guests, and those who run it, signed in."""

import pytest

from app.booking.demo import load_demo
from app.core.database import db
from app.policy.documents import publish_missing
from tests.accounts.ways import let_in, make_guest, make_house, sign_in
from tests.owner.house import Somebody


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


@pytest.fixture
def enters(place, clock):
    """Let somebody of a role in: `enters("staff", "sam@house.example")` returns Somebody."""

    def enter(role, email="", *, strong=True):
        if role == "guest":
            account_id = make_guest(place, clock, email or "guest@post.example")
        else:
            account_id = make_house(place, clock, role, email).account_id
        client = let_in(place, clock, place.test_client(), account_id, strong=strong)
        return Somebody(place, client, account_id)

    return enter
