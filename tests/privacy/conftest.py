"""The ground of these tests: the demo place, visitors to it, and people who are signed in."""

import pytest

from tests.accounts.ways import let_in, make_guest, make_house
from tests.house.ground import furnished, place, visitor
from tests.owner.house import Somebody

__all__ = ["furnished", "place", "visitor"]


@pytest.fixture
def enters(place, clock):
    """Let somebody of a role in: `enters("staff", "sam@house.example")` returns Somebody."""

    def enter(role, email=""):
        if role == "guest":
            account_id = make_guest(place, clock, email or "guest@post.example")
        else:
            account_id = make_house(place, clock, role, email).account_id
        client = let_in(place, clock, place.test_client(), account_id, strong=True)
        return Somebody(place, client, account_id)

    return enter
