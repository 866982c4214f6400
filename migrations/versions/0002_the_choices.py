"""The choices: notices, the chain of receipts, grants, and what is noted under them."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade(engine_name: str) -> None:
    """Go up in one of the databases."""
    {"book": upgrade_book, "keys": upgrade_keys}[engine_name]()


def downgrade(engine_name: str) -> None:
    """Go back in one of the databases."""
    {"book": downgrade_book, "keys": downgrade_keys}[engine_name]()


def upgrade_book() -> None:
    """The book."""
    op.create_table('consent_entry',
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('body', sa.Text(), nullable=True),
    sa.Column('body_digest', sa.String(length=64), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_consent_entry')),
    sa.UniqueConstraint('digest', name=op.f('uq_consent_entry_digest'))
    )
    op.create_index('ix_consent_entry_at', 'consent_entry', ['at'])
    op.create_table('consent_head',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_consent_head'))
    )
    op.create_table('consent_notice',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('first_shown_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_consent_notice'))
    )
    op.create_table('consent_grant',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('receipt_id', sa.String(length=22), nullable=False),
    sa.Column('category', sa.String(length=20), nullable=False),
    sa.Column('token_digest', sa.LargeBinary(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_consent_grant_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_consent_grant')),
    sa.UniqueConstraint('receipt_id', 'category', name=op.f('uq_consent_grant_receipt_id_category')),
    sa.UniqueConstraint('token_digest', name=op.f('uq_consent_grant_token_digest'))
    )
    with op.batch_alter_table('consent_grant', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_consent_grant_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_consent_grant_person_id'), ['person_id'], unique=False)

    op.create_table('account_refusal',
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('receipt_id', sa.String(length=22), nullable=False),
    sa.Column('signal', sa.String(length=10), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_account_refusal_account_id_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_account_refusal'))
    )
    op.create_table('activity_line',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('grant_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(length=5), nullable=False),
    sa.Column('what', sa.String(length=120), nullable=False),
    sa.Column('referring_host', sa.String(length=100), nullable=False),
    sa.Column('device', sa.String(length=10), nullable=False),
    sa.Column('browser', sa.String(length=20), nullable=False),
    sa.Column('system', sa.String(length=20), nullable=False),
    sa.CheckConstraint("kind IN ('page', 'click')", name=op.f('ck_activity_line_known_kind')),
    sa.ForeignKeyConstraint(['grant_id'], ['consent_grant.id'], name=op.f('fk_activity_line_grant_id_consent_grant'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_activity_line'))
    )
    with op.batch_alter_table('activity_line', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_activity_line_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_activity_line_grant_id'), ['grant_id'], unique=False)

    op.create_table('glance',
    sa.Column('grant_id', sa.Integer(), nullable=False),
    sa.Column('what', sa.String(length=80), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['grant_id'], ['consent_grant.id'], name=op.f('fk_glance_grant_id_consent_grant'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('grant_id', 'what', name=op.f('pk_glance'))
    )
    _guard_the_chain()


_END = "(SELECT COALESCE(MAX(position), 0) + 1 FROM consent_entry)"
_LAST = (
    "COALESCE((SELECT digest FROM consent_entry ORDER BY position DESC LIMIT 1), '" + "0" * 64 + "')"
)


def _guard_the_chain() -> None:
    """Let a program add an entry at the end, and nothing else.

    An entry's words alone may go, after their term. SQLite's REPLACE deletes
    without asking the trigger for deletions, so inserting is guarded too.
    """
    if op.get_bind().dialect.name == "sqlite":
        refuse = "BEGIN SELECT RAISE(ABORT, 'the chain is append-only'); END"
        op.execute(
            "CREATE TRIGGER consent_entry_no_delete BEFORE DELETE ON consent_entry " + refuse
        )
        op.execute(
            "CREATE TRIGGER consent_entry_no_update BEFORE UPDATE ON consent_entry WHEN "
            "NEW.body IS NOT NULL OR NEW.position <> OLD.position OR NEW.at <> OLD.at OR "
            "NEW.body_digest <> OLD.body_digest OR NEW.previous <> OLD.previous OR "
            "NEW.digest <> OLD.digest " + refuse
        )
        op.execute(
            "CREATE TRIGGER consent_entry_at_the_end BEFORE INSERT ON consent_entry WHEN "
            f"NEW.position <> {_END} OR NEW.previous <> {_LAST} " + refuse
        )
    else:
        op.execute(
            "CREATE FUNCTION consent_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN IF TG_OP = 'UPDATE' AND NEW.body IS NULL AND "
            "(NEW.position, NEW.at, NEW.body_digest, NEW.previous, NEW.digest) = "
            "(OLD.position, OLD.at, OLD.body_digest, OLD.previous, OLD.digest) "
            "THEN RETURN NEW; END IF; "
            f"IF TG_OP = 'INSERT' AND NEW.position = {_END} AND NEW.previous = {_LAST} "
            "THEN RETURN NEW; END IF; "
            "RAISE EXCEPTION 'the chain is append-only'; END$$"
        )
        op.execute(
            "CREATE TRIGGER consent_entry_append_only BEFORE INSERT OR UPDATE OR DELETE "
            "ON consent_entry FOR EACH ROW EXECUTE FUNCTION consent_entry_is_append_only()"
        )
        op.execute(
            "CREATE TRIGGER consent_entry_no_truncate BEFORE TRUNCATE ON consent_entry "
            "FOR EACH STATEMENT EXECUTE FUNCTION consent_entry_is_append_only()"
        )


def downgrade_book() -> None:
    """The book."""
    op.drop_table('glance')
    with op.batch_alter_table('activity_line', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_activity_line_grant_id'))
        batch_op.drop_index(batch_op.f('ix_activity_line_at'))

    op.drop_table('activity_line')
    op.drop_table('account_refusal')
    with op.batch_alter_table('consent_grant', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_consent_grant_person_id'))
        batch_op.drop_index(batch_op.f('ix_consent_grant_expires_at'))

    op.drop_table('consent_grant')
    op.drop_table('consent_notice')
    op.drop_table('consent_head')
    op.drop_index('ix_consent_entry_at', 'consent_entry')
    op.drop_table('consent_entry')
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION consent_entry_is_append_only()')


def upgrade_keys() -> None:
    """The keys."""


def downgrade_keys() -> None:
    """The keys."""

