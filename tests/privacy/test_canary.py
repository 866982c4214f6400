"""The canary: it is in every column, in the download whole, and after erasure nowhere at all.

Left out, because nobody here can look: pages and journal of PostgreSQL that no row uses any
more, former blocks of a disk, and what a provider of payments or mail keeps.
"""

import io
import logging
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from app.continuity import backups, restore
from app.continuity.models import BOOK, KEYS_BACKUP
from app.core.database import Base, KeysBase, db
from app.core.datamap import NOT_PERSONAL, Kind
from app.privacy import stores
from app.privacy.tables import person_tables
from tests.accounts.ways import let_in
from tests.continuity.steps import put_by_hand
from tests.privacy.canary import NOBODYS, SEALED_PAPERS, Canary, stays, unseeded, work
from tests.privacy.taking import data_of, fetch, order

pytestmark = [pytest.mark.clause("C26"), pytest.mark.clause("C12"), pytest.mark.clause("C17")]

AFTER_THE_STAY = datetime(2031, 6, 20, 9, tzinfo=UTC)
OPENS_SOMETHING = {Kind.CREDENTIAL}
"""Not in a download: whoever got hold of it could sign in with it."""


@pytest.fixture
def canary(place, clock, enters, caplog):
    """The canary, and whatever is said to any log from here on."""
    caplog.set_level(logging.DEBUG)
    return Canary(place, clock, enters("owner", "olga@house.example"))


def back_up(app, clock):
    with app.app_context():
        backups.create(now=clock())


def take(canary):
    """Order the download and return its ZIP, as the page gives it."""
    let_in(canary.app, canary.clock, canary.client, canary.account_id)
    order(canary.app, canary.client)
    return zipfile.ZipFile(io.BytesIO(fetch(canary.client).data))


def missing_in(archive):
    """Return the personal columns of which the download holds nothing."""
    data = data_of(archive)
    return {
        field.path
        for one in ALL_TABLES
        for field in one.personal
        if field.declared.kind not in OPENS_SOMETHING
        and not any(row.get(field.name) not in (None, "") for row in data.get(one.name, []))
    }


ALL_TABLES = person_tables()


@pytest.mark.both_databases
def test_the_canarys_round_trip(place, clock, canary, instance, settings, caplog, tmp_path):
    assert unseeded(canary) == set()
    assert canary.opens() == {path for _, path, _ in canary.sealed}

    # The download has it whole.
    assert missing_in(take(canary)) == set()

    # A fortnight after its stay it is found, or the search itself is blind.
    clock.set(AFTER_THE_STAY)
    before = {one.partition(" in ")[0] for one in canary.left(instance)}
    assert before == set(canary.words) - {"what was never kept"} - SEALED_PAPERS
    assert any(one.endswith(".eml") for one in canary.left(instance))
    back_up(place, clock)
    clock.move(timedelta(days=1))

    # Erased, it is nowhere but where it is listed.
    canary.erase()
    assert canary.left(instance, caplog.text) == set()
    assert {one for one in canary.facts_left() if not stays(one)} == set()
    assert canary.opens() == SEALED_PAPERS

    # Yesterday's book, brought back: nothing else of it opens, and the replay takes it out.
    with place.app_context():
        book = backups.files(BOOK, settings)[-1]
        put_by_hand(book, BOOK, settings, tmp_path)
    assert {one.partition(" in ")[0] for one in canary.left(instance)} > {"person.name"}
    assert canary.opens() == SEALED_PAPERS
    with place.app_context():
        restore.finish(now=clock())
    assert canary.left(instance, caplog.text) == set()

    # Yesterday's keys: gone once their days are over.
    with place.app_context():
        assert backups.files(KEYS_BACKUP, settings) != []
        clock.move(timedelta(days=settings.keys_backup_days))
        backups.forget_old(now=clock())
        assert backups.files(KEYS_BACKUP, settings) == []
        assert backups.files(BOOK, settings) != []


# -- The search sees what a mistake would leave -----------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["payment.method_hint", "refund.note", "refund.made_good", "reservation.what_for",
     "privacy_request.words", "privacy_request.answer", "survey.words"],
)  # fmt: skip
def test_a_column_that_loses_its_rule_is_found(canary, instance, monkeypatch, path):
    table, _, name = path.partition(".")
    monkeypatch.setitem(Base.metadata.tables[table].c[name].info, "data", NOT_PERSONAL)

    canary.clock.set(AFTER_THE_STAY)
    canary.erase()

    assert {one.partition(" in ")[0] for one in canary.left(instance)} == {path}
    assert path in canary.facts_left()


def test_a_column_that_loses_its_rule_is_missing_in_the_download(canary, monkeypatch):
    column = Base.metadata.tables["privacy_request"].c["words"]
    monkeypatch.setitem(column.info, "data", NOT_PERSONAL)
    person_tables.cache_clear()
    try:
        missing = missing_in(take(canary))
    finally:
        monkeypatch.undo()
        person_tables.cache_clear()

    assert missing == {"privacy_request.words"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("letters", "person.email"),
        ("keys", "person_key.wrapped"),
        ("rows", "privacy_request.words"),
    ],
)
def test_a_store_that_erasure_forgets_is_found(canary, instance, monkeypatch, name, found):
    without = [one for one in stores.stores() if one.name != name]
    assert len(without) == len(stores.stores()) - 1
    monkeypatch.setattr(stores, "_stores", without)

    canary.clock.set(AFTER_THE_STAY)
    canary.erase()

    assert found in {one.partition(" in ")[0] for one in canary.left(instance)}


def test_without_the_replay_a_restored_book_has_it_again(
    place, clock, canary, instance, settings, tmp_path
):
    clock.set(AFTER_THE_STAY)
    back_up(place, clock)
    clock.move(timedelta(days=1))
    canary.erase()

    with place.app_context():
        put_by_hand(backups.files(BOOK, settings)[-1], BOOK, settings, tmp_path)
    work(place, clock)

    assert canary.left(instance) != set()


def test_a_new_personal_column_without_a_canary_is_noticed(canary):
    canary.seeded.discard("person.wechat_id")

    assert unseeded(canary) == {"person.wechat_id"}


def test_what_is_nobodys_leads_to_nobody():
    mappers = [*Base.registry.mappers, *KeysBase.registry.mappers]
    models = {mapper.local_table.name: mapper.class_ for mapper in mappers}

    assert all(models[name].__person__ is None for name in NOBODYS)
    assert db.metadata is Base.metadata
