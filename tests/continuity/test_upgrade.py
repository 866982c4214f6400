"""An upgrade backs up first, keeps every row, and comes back whole if it fails (C14, C19)."""

import shutil
import threading
from datetime import timedelta

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from app.booking.reservations import prove
from app.cli import register_commands
from app.continuity import backups, copies, serving, upgrade
from app.continuity.backups import migration_of
from app.continuity.copies import CopyFailed
from app.continuity.folders import alone
from app.continuity.models import BOOK, KEYS_BACKUP, BackupRun
from app.continuity.upgrade_errors import (
    BackupFailed,
    BackupGone,
    FormerCannotHold,
    NoSiteYet,
    NothingToRollBack,
    NotPutBack,
    RestoreUnfinished,
    UpgradeBrokeOff,
    UpgradeFailed,
    UpgradeRunning,
)
from app.core import schema
from app.core.audit import AuditEntry, faults
from app.core.database import KEYS, db, let_go
from app.policy.documents import publish_missing
from tests.continuity.steps import erase, left_in_book, left_in_keys, opens
from tests.servers import run_flask

BEFORE = "0004"
"""The last migration of the release before this one."""

FAILS = '''"""Changes the book and the keys, and fails half-way."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{head}"


def upgrade(engine_name):
    if engine_name == "{where}":
        op.execute("DELETE FROM {table}")
        op.add_column("{table}", sa.Column("more", sa.Integer()))
        op.execute("INSERT INTO nowhere VALUES (1)")
    else:
        op.create_table("half_done", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade(engine_name):
    pass
'''


def down_to(revision, app):
    """Bring both databases to what an earlier release left."""
    if "migrate" not in app.extensions:
        schema.init_app(app)
    let_go()
    flask_migrate.downgrade(revision=revision)
    app.extensions.pop("migrate")
    let_go()


def content():
    """Return every row of every table, by database: {(bind, table): (columns, rows)}."""
    found = {}
    for bind in (None, KEYS):
        engine = db.engines[bind]
        metadata = sa.MetaData()
        metadata.reflect(engine)
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                rows = connection.execute(sa.select(table)).mappings()
                found[bind, table.name] = [dict(row) for row in rows]
    return found


def versions():
    return {migration_of(db.engines[bind]) for bind in (None, KEYS)}


def trail():
    """Return the entries of the audit trail, and prove its chain."""
    assert list(faults()) == []
    rows = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.position)).all()
    found = [(one.actor_id, one.role, one.verb, one.kind, one.detail) for one in rows]
    db.session.rollback()
    return found


def lacking(before, after):
    """Return what the rows of before had that those of after have not."""
    lost = []
    for where, rows in before.items():
        there = after.get(where, [])
        if where[1] != "alembic_version":
            lost += [(where, row) for row in rows if not _has(there, row)]
    return lost


def _has(rows, wanted):
    return any(all(row.get(name) == value for name, value in wanted.items()) for row in rows)


@pytest.fixture
def ready(clock):
    """What comes last in an upgrade: `prepare`, without what it prints."""

    def prepare():
        publish_missing(now=clock())
        db.session.commit()

    return prepare


@pytest.fixture
def older(place, person):
    """The site as the release before this one left it: with bookings, money and an account."""
    down_to(BEFORE, place)
    assert versions() == {BEFORE}
    assert len(content()[None, "reservation"]) > 0
    return place


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """Have one more migration lie there, which fails: `failing("book")`."""

    def lay(where):
        folder = tmp_path / "migrations"
        shutil.copytree(schema.MIGRATIONS, folder)
        [head] = ScriptDirectory(str(folder)).get_heads()
        table = "rate" if where == "book" else "blind_index"
        text = FAILS.format(head=head, where=where, table=table)
        (folder / "versions" / "9999_fails.py").write_text(text)
        monkeypatch.setattr(schema, "MIGRATIONS", str(folder))

    return lay


def newest():
    [head] = ScriptDirectory(schema.MIGRATIONS).get_heads()
    return head


# -- Upgrading ------------------------------------------------------------------------------


@pytest.mark.clause("C19")
@pytest.mark.both_databases(usually="sqlite")
def test_every_row_of_the_release_before_is_there_after_the_upgrade(
    older, person, clock, ready, settings
):
    before = content()

    record = upgrade.upgrade(ready, now=clock())

    assert (record.state, record.was, record.became) == (upgrade.DONE, BEFORE, newest())
    assert versions() == {newest()}
    assert lacking(before, content()) == []
    assert prove(now=clock()) == []
    assert opens(person)
    assert serving.check(older) is None
    assert upgrade.last_upgrade(settings) == record
    assert [entry[2] for entry in trail()] == ["system.upgraded"]


@pytest.mark.clause("C14")
@pytest.mark.both_databases(usually="postgresql")
def test_both_backups_are_made_before_anything_is_touched_and_are_known_afterwards(
    older, clock, ready, settings
):
    record = upgrade.upgrade(ready, now=clock())

    for kind, name in ((BOOK, record.book), (KEYS_BACKUP, record.keys)):
        run = db.session.scalar(
            sa.select(BackupRun)
            .where(BackupRun.kind == kind, BackupRun.done_at.is_not(None))
            .order_by(BackupRun.id.desc())
            .limit(1)
        )
        assert [path.name for path in backups.files(kind, settings)] == [name]
        assert (run.name, run.size) == (name, (settings.backup_dir / kind / name).stat().st_size)
        with (settings.backup_dir / kind / name).open("rb") as file:
            assert upgrade.sealing.read_header(file).migration == BEFORE
        db.session.rollback()


@pytest.mark.clause("C19")
def test_an_upgrade_without_migrations_is_backed_up_as_well(place, clock, ready):
    before = content()

    record = upgrade.upgrade(ready, now=clock())

    assert record.was == record.became == newest()
    assert lacking(before, content()) == []
    assert serving.check(place) is None


@pytest.mark.clause("C19")
def test_nobody_is_served_while_it_lasts(older, clock, settings):
    seen = []

    def prepare():
        seen.append(older.test_client().get("/readyz").status_code)

    upgrade.upgrade(prepare, now=clock())

    assert seen == [503]
    assert older.test_client().get("/readyz").status_code == 200


# -- Failing --------------------------------------------------------------------------------


@pytest.mark.clause("C14")
@pytest.mark.both_databases(usually="sqlite")
@pytest.mark.parametrize("where", ["book", "keys"])
def test_a_migration_that_fails_half_way_leaves_everything_as_it_was(
    older, person, clock, ready, settings, failing, where
):
    before = content()
    failing(where)

    with pytest.raises(UpgradeFailed) as refused:
        upgrade.upgrade(ready, now=clock())

    assert "nothing was lost" in refused.value.say()
    assert content() == before
    assert versions() == {BEFORE}
    assert serving.read_mark(settings) is None
    assert upgrade.last_upgrade(settings).state == upgrade.FAILED
    with pytest.raises(NothingToRollBack):
        upgrade.rollback(now=clock())


@pytest.mark.clause("C19")
def test_after_a_failure_the_next_try_succeeds(older, clock, ready, failing, monkeypatch):
    before = content()
    good = schema.MIGRATIONS
    failing("book")
    with pytest.raises(UpgradeFailed):
        upgrade.upgrade(ready, now=clock())
    monkeypatch.setattr(schema, "MIGRATIONS", good)
    older.extensions.pop("migrate")

    record = upgrade.upgrade(ready, now=clock())

    assert record.state == upgrade.DONE
    assert lacking(before, content()) == []


@pytest.mark.clause("C19")
def test_a_counter_that_disagrees_afterwards_stops_the_upgrade(older, clock, ready):
    with db.engine.begin() as connection:
        connection.execute(sa.text("UPDATE night SET taken = taken + 1"))
    before = content()

    with pytest.raises(UpgradeFailed, match="disagree"):
        upgrade.upgrade(ready, now=clock())

    assert content() == before


@pytest.mark.clause("C14")
def test_a_prepare_that_fails_or_is_interrupted_puts_everything_back(older, clock, settings):
    before = content()

    def leaves():
        raise SystemExit(1)

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(UpgradeFailed):
        upgrade.upgrade(leaves, now=clock())
    with pytest.raises(KeyboardInterrupt):
        upgrade.upgrade(interrupted, now=clock())

    assert content() == before
    assert serving.read_mark(settings) is None


@pytest.mark.clause("C14")
def test_without_a_backup_nothing_is_upgraded(older, clock, ready, settings):
    before = content()
    settings.backup_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (settings.backup_dir / KEYS_BACKUP).write_text("a file where the folder should be")

    with pytest.raises(BackupFailed):
        upgrade.upgrade(ready, now=clock())

    assert content() == before
    assert serving.read_mark(settings) is None
    assert upgrade.last_upgrade(settings) is None


@pytest.mark.clause("C14")
def test_while_a_backup_is_being_made_nothing_is_upgraded(older, clock, ready, settings):
    before = content()
    with alone(settings.backup_dir), pytest.raises(BackupFailed):
        upgrade.upgrade(ready, now=clock())

    assert content() == before


@pytest.mark.clause("C19")
def test_two_upgrades_at_once_are_one(older, clock, ready):
    at_work, other = threading.Event(), []

    def prepare():
        at_work.set()
        with pytest.raises(UpgradeRunning):
            upgrade.upgrade(ready, now=clock())
        other.append("refused")
        with pytest.raises(UpgradeRunning):
            upgrade.rollback(now=clock())

    record = upgrade.upgrade(prepare, now=clock())

    assert at_work.is_set()
    assert other == ["refused"]
    assert record.state == upgrade.DONE


def test_there_must_be_a_site_and_no_unfinished_restore(place, clock, ready, settings):
    serving.mark(settings, stage="replacing", files=["a"])
    with pytest.raises(RestoreUnfinished):
        upgrade.upgrade(ready, now=clock())
    serving.unmark(settings)
    with pytest.raises(NothingToRollBack):
        upgrade.rollback(now=clock())
    down_to("base", place)

    with pytest.raises(NoSiteYet):
        upgrade.upgrade(ready, now=clock())


@pytest.mark.clause("C14")
@pytest.mark.both_databases(usually="postgresql")
def test_an_upgrade_that_broke_off_is_put_back_by_rollback(
    older, clock, ready, settings, monkeypatch, failing
):
    before = content()
    failing("keys")

    def cannot(*_: object) -> None:
        raise CopyFailed(name="psql", said="no room")

    with monkeypatch.context() as full:
        full.setattr(copies, "put", cannot)  # the disk is full just then
        with pytest.raises(NotPutBack):
            upgrade.upgrade(ready, now=clock())
    closed = serving.check(older)
    with pytest.raises(UpgradeBrokeOff):
        upgrade.upgrade(ready, now=clock())
    record = upgrade.rollback(now=clock())

    assert closed is not None
    assert record.state == upgrade.FAILED
    assert content() == before
    assert serving.read_mark(settings) is None


# -- Going back -----------------------------------------------------------------------------


@pytest.mark.clause("C14")
@pytest.mark.both_databases(usually="sqlite")
def test_rollback_brings_the_book_of_before_and_keeps_the_present_one_as_a_backup(
    older, person, clock, ready, settings
):
    before = content()
    upgrade.upgrade(ready, now=clock())
    db.session.execute(sa.text("UPDATE offer SET picture = 'since'"))
    db.session.commit()
    clock.move(timedelta(hours=1))

    record = upgrade.rollback(now=clock())

    assert record.state == upgrade.BACK
    assert versions() == {BEFORE}
    assert {where: rows for where, rows in content().items() if where[0] is None} == {
        where: rows for where, rows in before.items() if where[0] is None
    }
    assert opens(person)
    assert len(backups.files(BOOK, settings)) == 2
    # Closed until the former code is there; its `prepare` opens again.
    assert serving.read_mark(settings)["stage"] == "finishing"


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="postgresql")
def test_whoever_was_erased_since_the_upgrade_is_gone_after_going_back(place, person, clock, ready):
    upgrade.upgrade(ready, now=clock())
    erase(person, now=clock())
    clock.move(timedelta(minutes=1))

    record = upgrade.rollback(now=clock())

    assert record.state == upgrade.BACK
    assert left_in_book(person) == left_in_keys(person) == 0
    assert content()[None, "person"] == []
    assert serving.check(place) is None


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="sqlite")
def test_a_former_form_that_cannot_hold_the_erased_is_not_gone_down_to(
    older, person, clock, ready, settings
):
    upgrade.upgrade(ready, now=clock())
    assert left_in_book(person) > 0
    erase(person, now=clock())
    clock.move(timedelta(minutes=1))

    with pytest.raises(FormerCannotHold, match="Go on with the present version"):
        upgrade.rollback(now=clock())

    assert left_in_book(person) == left_in_keys(person) == 0
    assert versions() == {newest()}
    assert prove(now=clock()) == []
    assert serving.check(older) is None
    assert upgrade.last_upgrade(settings).state == upgrade.BACK


@pytest.mark.clause("C19")
def test_after_going_back_the_upgrade_can_be_made_again(older, clock, ready):
    before = content()
    upgrade.upgrade(ready, now=clock())
    clock.move(timedelta(minutes=1))
    upgrade.rollback(now=clock())
    older.extensions.pop("migrate", None)
    clock.move(timedelta(minutes=1))

    record = upgrade.upgrade(ready, now=clock())

    assert record.state == upgrade.DONE
    assert lacking(before, content()) == []
    assert serving.check(older) is None


@pytest.mark.clause("C19")
def test_going_back_from_an_upgrade_without_migrations_serves_at_once(
    place, clock, ready, settings
):
    upgrade.upgrade(ready, now=clock())
    clock.move(timedelta(minutes=1))

    before = trail()

    record = upgrade.rollback(now=clock())

    assert record.state == upgrade.BACK
    assert serving.check(place) is None
    assert before == [(0, "command", "system.upgraded", "system", {"before": newest()})]
    assert trail() == [(0, "command", "system.rolled_back", "system", {"before": newest()})]
    with pytest.raises(NothingToRollBack):
        upgrade.rollback(now=clock())


@pytest.mark.clause("C14")
def test_without_its_backup_there_is_no_way_back(place, clock, ready, settings):
    record = upgrade.upgrade(ready, now=clock())
    (settings.backup_dir / BOOK / record.book).unlink()

    with pytest.raises(BackupGone):
        upgrade.rollback(now=clock())

    assert serving.check(place) is None


# -- By command -----------------------------------------------------------------------------


@pytest.mark.clause("C19")
@pytest.mark.both_databases(usually="sqlite")
def test_one_command_upgrades_and_one_goes_back(older, environ):
    before = content()
    let_go()

    said = run_flask(environ, "system", "upgrade")
    after = content()
    let_go()
    back = run_flask(environ, "system", "rollback", "--yes")

    assert f"Upgraded: migration {BEFORE} to {newest()}" in said
    assert lacking(before, after) == []
    assert f"Back at migration {BEFORE}." in back
    assert "Nobody is served until the former version’s code lies here" in back
    assert versions() == {BEFORE}


@pytest.mark.clause("C19")
def test_going_back_asks_first_and_says_what_would_be_lost(place, person, clock, ready):
    record = upgrade.upgrade(ready, now=clock() - timedelta(days=400))
    register_commands(place)
    before = content()

    answer = place.test_cli_runner().invoke(args=["system", "rollback"], input="n\n")

    assert answer.exit_code == 1
    assert "1 reservations were made since" in answer.output
    assert content() == before
    assert record.state == upgrade.DONE


def test_the_command_tells_a_refusal_without_a_trace(place):
    register_commands(place)

    answer = place.test_cli_runner().invoke(args=["system", "rollback", "--yes"])

    assert answer.exit_code == 1
    assert answer.output.strip() == "Error: There is no upgrade to go back from."
