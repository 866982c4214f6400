"""Who has run this site since its first day loses nothing by all the upgrades since (C19).

The book is brought down to the form of the very first migration, so that each table of that
time has rows as they were then, and goes up through every migration that came after.
"""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import OWNER
from app.booking.reservations import prove
from app.continuity import serving, upgrade
from app.core.database import db
from app.core.worker import tidy
from app.policy.documents import publish_missing
from tests.accounts.ways import let_in, make_house
from tests.continuity.test_upgrade import content, down_to, lacking, newest, versions
from tests.house.visitor import NAME, Visitor

FIRST = "0001"


@pytest.fixture
def guest(site, clock):
    """Somebody who has booked a stay and a session, and cancelled another stay."""
    guest = Visitor(site)
    guest.booked = guest.book()
    guest.cancelled = guest.pay(guest.tell(guest.hold(guest.choose_stay("boathouse"))))
    guest.cancelled = guest.send(guest.cancelled.form("/cancel"))
    guest.pay(guest.tell(guest.hold(guest.choose_session())))
    guest.held = guest.hold(guest.choose_stay("boathouse"))
    account = make_house(site, clock, OWNER)
    let_in(site, clock, site.test_client(), account.account_id)
    with site.app_context():
        tidy(clock())
    return guest


def write_what_nobody_writes_now(clock):
    """Put a row into each table of that time that the site of today leaves empty."""
    now, later = clock(), clock() + timedelta(days=1)
    with db.engine.begin() as book:
        tables = sa.MetaData()
        tables.reflect(book)
        account = book.scalar(sa.select(tables.tables["account"].c.id))
        rows = {
            "sign_in_link": {"account_id": account, "token_digest": b"d" * 32, "expires_at": later},
            "payment_notice": {
                "provider": "demo", "event_id": "evt-1", "refs": ["r"], "resolved": True, "at": now,
            },
        }  # fmt: skip
        for name, row in rows.items():
            table = tables.tables[name]
            if not book.scalar(sa.select(sa.func.count()).select_from(table)):
                book.execute(sa.insert(table).values(**row))


def as_told_since(before):
    """Return rows of the first day as later migrations tell them, where these say it otherwise."""
    told = dict(before)
    # 0003: whoever was signed in without a password or a second factor signs in anew.
    del told[None, "session"]
    # 0004: what goes back is a sum from one account to another, no longer a negative one.
    told[None, "ledger_entry"] = [
        {**row, "amount_minor": abs(row["amount_minor"])} for row in before[None, "ledger_entry"]
    ]
    return told


@pytest.mark.clause("C19")
@pytest.mark.both_databases
def test_a_book_of_the_first_day_goes_through_every_migration_with_all_its_rows(site, clock, guest):
    with site.app_context():
        down_to(FIRST, site)
        write_what_nobody_writes_now(clock)
        before = content()
        assert versions() == {FIRST}
        assert [name for name, rows in before.items() if not rows] == []

        def ready():
            publish_missing(now=clock())
            db.session.commit()

        upgrade.upgrade(ready, now=clock())

        assert versions() == {newest()}
        assert lacking(as_told_since(before), content()) == []
        assert prove(now=clock()) == []
        assert serving.check(site) is None
        db.session.rollback()

    page = guest.open(guest.booked.url)
    assert (page.status, NAME in page.words) == (200, True)
    assert "You are expected" in page.words
    assert "cancelled" in guest.open(guest.cancelled.url).words.lower()
    assert "You are expected" in guest.pay(guest.tell(guest.open(guest.held.url))).words
    with site.app_context():
        assert prove(now=clock()) == []
