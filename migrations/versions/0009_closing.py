"""Closing down, step by step."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
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
    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.add_column(sa.Column('closes_on', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True))

    op.create_table('closing',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('stage', sa.String(length=12), server_default='', nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('downloads_until', sa.Date(), nullable=False),
    sa.Column('erase_on', sa.Date(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('moved', sa.Integer(), server_default='0', nullable=False),
    sa.Column('stopped_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('erasing_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('certificate', sa.Text(), nullable=True),
    sa.CheckConstraint("state IN ('planned', 'running', 'stopped', 'done')", name=op.f('ck_closing_known_state')),
    sa.CheckConstraint('last_day < downloads_until AND downloads_until < erase_on', name=op.f('ck_closing_days_in_order')),
    sa.CheckConstraint("state != 'done' OR (done_at IS NOT NULL AND certificate IS NOT NULL)", name=op.f('ck_closing_done_is_certified')),
    sa.CheckConstraint("state != 'stopped' OR (stopped_at IS NOT NULL AND erasing_at IS NULL)", name=op.f('ck_closing_stopped_in_time')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_closing'))
    )
    with op.batch_alter_table('closing', schema=None) as batch_op:
        batch_op.create_index('uq_closing_state_running', ['state'], unique=True, sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))


def downgrade_book() -> None:
    """The book."""
    with op.batch_alter_table('closing', schema=None) as batch_op:
        batch_op.drop_index('uq_closing_state_running', sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))

    op.drop_table('closing')
    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.drop_column('closed_at')
        batch_op.drop_column('closes_on')


def upgrade_keys() -> None:
    """The keys: nothing changes there."""


def downgrade_keys() -> None:
    """The keys: nothing changes there."""
