"""The migrations go up, down and up again on both databases, and end where the models are (C19)."""

import shutil

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.core import schema
from app.core.database import KEYS, Base, KeysBase, db
from tests.house.ground import furnish

PAIRS = ((None, Base.metadata), (KEYS, KeysBase.metadata))

REBUILD = '''"""Rebuild two parents, as a change of a constraint does on SQLite."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "{head}"


def upgrade(engine_name):
    globals()["upgrade_" + engine_name]()


def downgrade(engine_name):
    globals()["downgrade_" + engine_name]()


def upgrade_book():
    with op.batch_alter_table("offer", recreate="auto") as offer:
        offer.alter_column("slug", type_=sa.String(80), existing_type=sa.String(60))
    with op.batch_alter_table("document_version") as version:
        version.add_column(sa.Column("note", sa.String(9)))


def downgrade_book():
    with op.batch_alter_table("document_version") as version:
        version.drop_column("note")
    with op.batch_alter_table("offer") as offer:
        offer.alter_column("slug", type_=sa.String(60), existing_type=sa.String(80))


def upgrade_keys():
    with op.batch_alter_table("person_key", recreate="auto") as key:
        key.alter_column("person_id", type_=sa.String(40), existing_type=sa.String(32))


def downgrade_keys():
    with op.batch_alter_table("person_key", recreate="auto") as key:
        key.alter_column("person_id", type_=sa.String(32), existing_type=sa.String(40))
'''


@pytest.fixture
def migrating(app):
    """The migrated, empty site, with Alembic's commands at hand."""
    schema.init_app(app)
    with app.app_context():
        yield app


def tables():
    return {
        bind: sorted(set(sa.inspect(db.engines[bind]).get_table_names()) - {"alembic_version"})
        for bind, _ in PAIRS
    }


def counts():
    with db.engine.connect() as connection:
        names = tables()[None]
        return {n: connection.scalar(sa.text(f'SELECT count(*) FROM "{n}"')) for n in names}


@pytest.mark.clause("C19")
@pytest.mark.both_databases
def test_down_to_nothing_and_up_again(migrating):
    full = tables()
    assert schema.is_newest()

    flask_migrate.downgrade(revision="base")
    empty = tables()
    flask_migrate.upgrade()

    assert empty == {None: [], KEYS: []}
    assert tables() == full
    assert len(full[None]) > 15
    assert schema.is_newest()


@pytest.mark.clause("C19")
@pytest.mark.both_databases
def test_the_migrated_tables_are_those_of_the_models(migrating):
    for bind, metadata in PAIRS:
        with db.engines[bind].connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []


@pytest.mark.clause("C19")
@pytest.mark.both_databases
def test_checks_and_partial_indexes_are_there_too(migrating):
    """Alembic's comparison is blind to these."""
    inspector = sa.inspect(db.engine)
    missing = []
    for table in Base.metadata.tables.values():
        checks = {one["name"] for one in inspector.get_check_constraints(table.name)}
        missing += [
            f"{table.name}: {one.name}"
            for one in table.constraints
            if isinstance(one, sa.CheckConstraint) and one.name not in checks
        ]
        partial = {
            one["name"]
            for one in inspector.get_indexes(table.name)
            if any(key.endswith("_where") for key in one.get("dialect_options", {}))
        }
        missing += [
            f"{table.name}: {one.name} is not partial"
            for one in table.indexes
            if one.dialect_options["sqlite"]["where"] is not None and one.name not in partial
        ]
        cascades = {
            (tuple(one["constrained_columns"]), one["options"].get("ondelete"))
            for one in inspector.get_foreign_keys(table.name)
        }
        missing += [
            f"{table.name}: {key.parent.name} ON DELETE {key.ondelete}"
            for key in table.foreign_keys
            if (tuple(key.constraint.column_keys), key.ondelete) not in cascades
        ]

    assert missing == []


@pytest.mark.clause("C19")
@pytest.mark.both_databases
def test_rebuilding_a_parent_deletes_no_child(migrating, clock, tmp_path):
    furnish(migrating, clock)
    with db.engines[KEYS].begin() as keys:
        keys.execute(sa.text("INSERT INTO person_key VALUES ('p', :w)"), {"w": b"wrapped"})
        keys.execute(sa.text("INSERT INTO blind_index VALUES ('p', 'email', :d)"), {"d": b"d"})
    before = counts()
    folder = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, folder)
    [head] = ScriptDirectory(str(folder)).get_heads()
    (folder / "versions" / "9999_rebuild.py").write_text(REBUILD.format(head=head))

    flask_migrate.upgrade(directory=str(folder))
    after = counts()
    flask_migrate.downgrade(directory=str(folder), revision=head)

    assert before["unit"] > 0
    assert before["rate"] > 0
    assert before["document_version"] > 0
    assert after == before == counts()
    with db.engines[KEYS].connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM blind_index")) == 1
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.scalar(sa.text("PRAGMA foreign_keys")) == 1


@pytest.mark.clause("C12")
def test_foreign_keys_are_watched_again_after_a_migration_with_nothing_to_do(migrating):
    """Else what hangs on an erased person would stay, in the process that migrated."""
    flask_migrate.upgrade()

    for engine in db.engines.values():
        with engine.connect() as connection:
            assert connection.scalar(sa.text("PRAGMA foreign_keys")) == 1
