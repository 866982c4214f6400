"""The ground of these tests: the demo place, and a visitor without a cookie jar."""

from tests.house.ground import furnished, place, visitor
from tests.owner.conftest import enters

__all__ = ["enters", "furnished", "place", "visitor"]
