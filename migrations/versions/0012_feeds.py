"""Partners' calendars, in and out."""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
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
    op.create_table('feed',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('channel', sa.String(length=60), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('unit_id', sa.Integer(), nullable=True),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('token_digest', sa.LargeBinary(length=32), nullable=True),
    sa.Column('out_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('told', sa.JSON(), server_default='[]', nullable=False),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('in_address', sa.LargeBinary(), nullable=True),
    sa.Column('in_host', sa.String(length=253), server_default='', nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tried_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('good_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('failures', sa.Integer(), server_default='0', nullable=False),
    sa.Column('fault', sa.String(length=20), server_default='', nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('blocked', sa.Integer(), server_default='0', nullable=False),
    sa.Column('released', sa.Integer(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_feed_offer_id_offer'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_feed_unit_id_unit'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feed')),
    sa.UniqueConstraint('token_digest', name=op.f('uq_feed_token_digest'))
    )
    with op.batch_alter_table('feed', schema=None) as batch_op:
        batch_op.create_index('ix_feed_next_at', ['next_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_feed_offer_id'), ['offer_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_feed_unit_id'), ['unit_id'], unique=False)

    op.create_table('feed_conflict',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('feed_id', sa.Integer(), nullable=False),
    sa.Column('first', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'dismissed', 'echo')", name=op.f('ck_feed_conflict_known_state')),
    sa.CheckConstraint('until > first', name=op.f('ck_feed_conflict_has_nights')),
    sa.ForeignKeyConstraint(['feed_id'], ['feed.id'], name=op.f('fk_feed_conflict_feed_id_feed'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feed_conflict'))
    )
    with op.batch_alter_table('feed_conflict', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_feed_conflict_feed_id'), ['feed_id'], unique=False)

    with op.batch_alter_table('unit_block', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_unit_block_reason'), type_='check')
        batch_op.create_check_constraint(batch_op.f('ck_unit_block_reason'), "reason IN ('repair', 'own_use', 'closed', 'other', 'partner')")
        batch_op.add_column(sa.Column('feed_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_unit_block_feed_id_feed'), 'feed', ['feed_id'], ['id'], ondelete='SET NULL')
        batch_op.create_index(batch_op.f('ix_unit_block_feed_id'), ['feed_id'], unique=False)


def downgrade_book() -> None:
    """The book."""
    op.execute("UPDATE unit_block SET reason = 'other' WHERE reason = 'partner'")
    with op.batch_alter_table('unit_block', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_unit_block_feed_id'))
        batch_op.drop_constraint(batch_op.f('fk_unit_block_feed_id_feed'), type_='foreignkey')
        batch_op.drop_column('feed_id')
        batch_op.drop_constraint(batch_op.f('ck_unit_block_reason'), type_='check')
        batch_op.create_check_constraint(batch_op.f('ck_unit_block_reason'), "reason IN ('repair', 'own_use', 'closed', 'other')")

    op.drop_table('feed_conflict')
    op.drop_table('feed')


def upgrade_keys() -> None:
    """The keys: nothing changes there."""


def downgrade_keys() -> None:
    """The keys: nothing changes there."""
