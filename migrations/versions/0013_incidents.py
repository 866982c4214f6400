"""Incidents, who was affected and who was told."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
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
    op.create_table('incident',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=6), nullable=False),
    sa.Column('rehearsal', sa.Boolean(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('noticed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('listed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('scope', sa.JSON(), nullable=False),
    sa.Column('note', sa.LargeBinary(), nullable=True),
    sa.Column('listed', sa.Integer(), nullable=False),
    sa.Column('records', sa.Integer(), nullable=False),
    sa.Column('on_purpose', sa.Boolean(), nullable=False),
    sa.Column('significant', sa.Boolean(), nullable=False),
    sa.Column('proposed', sa.String(length=4), nullable=False),
    sa.Column('risk', sa.String(length=4), nullable=False),
    sa.Column('risk_why', sa.Text(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reported_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('late_why', sa.Text(), nullable=False),
    sa.Column('texts', sa.JSON(), nullable=False),
    sa.Column('people_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('codes', sa.JSON(), nullable=False),
    sa.Column('public_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('public_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('remedy', sa.Text(), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.CheckConstraint("state IN ('open', 'closed')", name=op.f('ck_incident_known_state')),
    sa.CheckConstraint("kind IN ('device', 'mailbox', 'missent', 'stranger', 'copied', 'provider', 'other')", name=op.f('ck_incident_known_kind')),
    sa.CheckConstraint("risk IN ('', 'none', 'risk', 'high')", name=op.f('ck_incident_known_risk')),
    sa.CheckConstraint("risk != 'none' OR risk_why != ''", name=op.f('ck_incident_no_risk_is_explained')),
    sa.CheckConstraint('began_at <= ended_at', name=op.f('ck_incident_span')),
    sa.CheckConstraint("state = 'open' OR (closed_at IS NOT NULL AND risk != '' AND remedy != '')", name=op.f('ck_incident_closed_is_documented')),
    sa.CheckConstraint('NOT rehearsal OR public_at IS NULL', name=op.f('ck_incident_rehearsal_is_quiet')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident'))
    )
    op.create_table('incident_person',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('incident_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('rehearsal', sa.Boolean(), nullable=False),
    sa.Column('origin', sa.String(length=5), nullable=False),
    sa.Column('kinds', sa.JSON(), nullable=False),
    sa.Column('sealed_kinds', sa.JSON(), nullable=False),
    sa.Column('noted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('left_out_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.LargeBinary(), nullable=True),
    sa.Column('code', sa.String(length=60), nullable=False),
    sa.Column('told_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("origin IN ('found', 'added')", name=op.f('ck_incident_person_known_origin')),
    sa.CheckConstraint('NOT rehearsal OR told_at IS NULL', name=op.f('ck_incident_person_rehearsal_tells_nobody')),
    sa.ForeignKeyConstraint(['incident_id'], ['incident.id'], name=op.f('fk_incident_person_incident_id_incident'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_incident_person_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident_person')),
    sa.UniqueConstraint('incident_id', 'person_id', name=op.f('uq_incident_person_incident_id_person_id'))
    )
    with op.batch_alter_table('incident_person', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_incident_person_person_id'), ['person_id'], unique=False)


def downgrade_book() -> None:
    """The book."""
    with op.batch_alter_table('incident_person', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_incident_person_person_id'))

    op.drop_table('incident_person')
    op.drop_table('incident')


def upgrade_keys() -> None:
    """The keys: nothing changes there."""


def downgrade_keys() -> None:
    """The keys: nothing changes there."""
