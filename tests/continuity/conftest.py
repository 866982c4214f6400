"""The demo place with its documents, and a person in it who is about to be erased."""

import pytest

from app.continuity import backups
from app.continuity.drill_person import make_person
from app.continuity.models import BOOK, KEYS_BACKUP
from app.core.database import db
from tests.house.ground import furnished, furnished_long_ago
from tests.house.ground import place as site
from tests.house.ground import place_long_ago as site_long_ago

__all__ = ["furnished", "furnished_long_ago", "site", "site_long_ago"]


@pytest.fixture
def place(site, context):
    """The site with the demo's place and documents, and no reservation; its session is open."""
    return context


@pytest.fixture
def place_long_ago(site_long_ago, context):
    """As `place`, for real programs: by their clock too the documents are in force."""
    return context


@pytest.fixture
def person(place, clock):
    """Somebody with an account and a booking, and all that can be searched for of them."""
    made = make_person(now=clock())
    made.collect()
    db.session.rollback()
    return made


@pytest.fixture
def newest(settings):
    """Return the newest backup of a kind: `newest()`, `newest(KEYS_BACKUP)`."""

    def find(kind=BOOK):
        assert kind in (BOOK, KEYS_BACKUP)
        return backups.files(kind, settings)[-1]

    return find
