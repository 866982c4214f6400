"""The ground of these tests: the demo place, and a visitor without a cookie jar."""

from tests.house.ground import furnished, furnished_long_ago, place, visitor

__all__ = ["furnished", "furnished_long_ago", "place", "visitor"]
