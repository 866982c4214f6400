"""The demo place, empty of guests, and those who run it, signed in."""

import pytest

from tests.accounts.ways import let_in, make_guest, make_house, sign_in
from tests.house.ground import furnished, place
from tests.owner.house import Somebody

__all__ = ["enters", "furnished", "owner", "place"]


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
