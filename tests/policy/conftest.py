"""The ground of these tests: the demo place, and those who run it, signed in."""

from tests.owner.conftest import enters, furnished, owner, place

__all__ = ["enters", "furnished", "owner", "place"]
