"""The ground of these tests: the demo place, and a visitor without a cookie jar."""

from tests.house.ground import furnished, place, visitor

__all__ = ["furnished", "place", "visitor"]
