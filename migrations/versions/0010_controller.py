"""A change of controller, and what people said to it."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
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
    op.create_table('controller_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('live', sa.Integer(), nullable=True),
    sa.Column('way', sa.String(length=4), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('address', sa.JSON(), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('country', sa.String(length=2), nullable=False),
    sa.Column('abroad', sa.Boolean(), nullable=False),
    sa.Column('texts', sa.JSON(), nullable=False),
    sa.Column('public_key', sa.Text(), nullable=False),
    sa.Column('former', sa.String(length=200), nullable=False),
    sa.Column('changes_day', sa.Integer(), nullable=False),
    sa.Column('announced_day', sa.Integer(), nullable=True),
    sa.Column('begun_day', sa.Integer(), nullable=True),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('announced_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stopped_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('cursor', sa.String(length=32), nullable=False),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('fetched_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("way IN ('site', 'data')", name=op.f('ck_controller_change_known_way')),
    sa.CheckConstraint("state IN ('planned', 'announced', 'running', 'done', 'stopped')", name=op.f('ck_controller_change_known_state')),
    sa.CheckConstraint("way = 'site' OR public_key != ''", name=op.f('ck_controller_change_sealed_for_somebody')),
    sa.CheckConstraint("state IN ('planned', 'stopped') OR (announced_day IS NOT NULL AND announced_at IS NOT NULL AND changes_day - announced_day >= 30)", name=op.f('ck_controller_change_notice_and_window')),
    sa.CheckConstraint("state NOT IN ('running', 'done') OR begun_day IS NOT NULL", name=op.f('ck_controller_change_has_begun')),
    sa.CheckConstraint('begun_day IS NULL OR begun_day >= changes_day', name=op.f('ck_controller_change_not_before_its_day')),
    sa.CheckConstraint("(state IN ('planned', 'announced', 'running') AND live IS NOT NULL AND live = 1) OR (state NOT IN ('planned', 'announced', 'running') AND live IS NULL)", name=op.f('ck_controller_change_live')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_controller_change')),
    sa.UniqueConstraint('live', name=op.f('uq_controller_change_live'))
    )
    op.create_table('controller_objection',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('change_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('objected_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['change_id'], ['controller_change.id'], name=op.f('fk_controller_objection_change_id_controller_change'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_controller_objection_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_controller_objection'))
    )
    with op.batch_alter_table('controller_objection', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_controller_objection_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_controller_objection_live', ['change_id', 'person_id'], unique=True, sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))

    op.create_table('controller_record',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('change_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('sealed_bytes', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['change_id'], ['controller_change.id'], name=op.f('fk_controller_record_change_id_controller_change'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_controller_record_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_controller_record')),
    sa.UniqueConstraint('change_id', 'person_id', name=op.f('uq_controller_record_change_id_person_id'))
    )
    with op.batch_alter_table('controller_record', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_controller_record_made_at'), ['made_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_controller_record_person_id'), ['person_id'], unique=False)

    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.add_column(sa.Column('controller', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('controller_since', sa.DateTime(timezone=True), nullable=True))


def downgrade_book() -> None:
    """The book."""
    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.drop_column('controller_since')
        batch_op.drop_column('controller')

    with op.batch_alter_table('controller_record', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_controller_record_person_id'))
        batch_op.drop_index(batch_op.f('ix_controller_record_made_at'))

    op.drop_table('controller_record')
    with op.batch_alter_table('controller_objection', schema=None) as batch_op:
        batch_op.drop_index('uq_controller_objection_live', sqlite_where=sa.text('withdrawn_at IS NULL'), postgresql_where=sa.text('withdrawn_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_controller_objection_person_id'))

    op.drop_table('controller_objection')
    op.drop_table('controller_change')


def upgrade_keys() -> None:
    """The keys: nothing changes there."""


def downgrade_keys() -> None:
    """The keys: nothing changes there."""
