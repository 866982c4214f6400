"""One's own data: requests, downloads, erasures and their ledger, restrictions, backups."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
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
    op.create_table('backup_run',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=4), nullable=False),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.Column('digest', sa.String(length=64), nullable=True),
    sa.Column('failure', sa.String(length=60), nullable=True),
    sa.Column('gone_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind IN ('book', 'keys')", name=op.f('ck_backup_run_known_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_backup_run'))
    )
    with op.batch_alter_table('backup_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_backup_run_begun_at'), ['begun_at'], unique=False)

    op.create_table('drill_run',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('passed', sa.Boolean(), nullable=False),
    sa.Column('checks', sa.JSON(), nullable=False),
    sa.Column('seconds', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_drill_run'))
    )
    with op.batch_alter_table('drill_run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_drill_run_at'), ['at'], unique=False)

    op.create_table('erasure_applied',
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_erasure_applied'))
    )
    op.create_table('purge_run',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('failed', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_purge_run'))
    )
    op.create_table('disclosure',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('recipient', sa.String(length=40), nullable=False),
    sa.Column('what', sa.String(length=40), nullable=False),
    sa.Column('times', sa.Integer(), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_disclosure_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_disclosure')),
    sa.UniqueConstraint('person_id', 'recipient', 'what', name=op.f('uq_disclosure_person_id_recipient_what'))
    )
    op.create_table('erasure',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('person_ids', sa.JSON(), nullable=False),
    sa.Column('cause', sa.String(length=10), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('runs_on', sa.Date(), nullable=True),
    sa.Column('begun_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('left', sa.JSON(), nullable=False),
    sa.Column('certificate', sa.Text(), nullable=True),
    sa.Column('link_digest', sa.LargeBinary(length=32), nullable=False),
    sa.CheckConstraint("state != 'postponed' OR runs_on IS NOT NULL", name=op.f('ck_erasure_has_its_day')),
    sa.CheckConstraint("state IN ('postponed', 'running', 'done', 'withdrawn')", name=op.f('ck_erasure_known_state')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_erasure_person_id_person'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_erasure')),
    sa.UniqueConstraint('link_digest', name=op.f('uq_erasure_link_digest'))
    )
    with op.batch_alter_table('erasure', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_erasure_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_erasure_runs_on'), ['runs_on'], unique=False)

    op.create_table('export',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('person_ids', sa.JSON(), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('maker', sa.String(length=16), nullable=True),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ready_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=True),
    sa.Column('size', sa.BigInteger(), nullable=True),
    sa.Column('error', sa.String(length=60), nullable=True),
    sa.CheckConstraint("state != 'ready' OR expires_at IS NOT NULL", name=op.f('ck_export_ready_has_an_end')),
    sa.CheckConstraint("state IN ('asked', 'making', 'ready', 'failed')", name=op.f('ck_export_known_state')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_export_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_export'))
    )
    with op.batch_alter_table('export', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_export_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_export_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_export_person_id_making', ['person_id'], unique=True, sqlite_where=sa.text("state IN ('asked', 'making')"), postgresql_where=sa.text("state IN ('asked', 'making')"))

    op.create_table('privacy_request',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('law', sa.String(length=12), nullable=False),
    sa.Column('by_itself', sa.Boolean(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('extended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('extended_to', sa.Date(), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('granted', sa.Boolean(), nullable=True),
    sa.Column('reminded', sa.Integer(), nullable=False),
    sa.Column('words', sa.LargeBinary(), nullable=True),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.CheckConstraint("kind IN ('access', 'correct', 'erase', 'restrict', 'object', 'move', 'other')", name=op.f('ck_privacy_request_known_kind')),
    sa.CheckConstraint('(extended_to IS NULL) = (extended_at IS NULL)', name=op.f('ck_privacy_request_extension')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_privacy_request_person_id_person'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_privacy_request'))
    )
    with op.batch_alter_table('privacy_request', schema=None) as batch_op:
        batch_op.create_index('ix_privacy_request_open', ['due_on'], unique=False, sqlite_where=sa.text('answered_at IS NULL'), postgresql_where=sa.text('answered_at IS NULL'))
        batch_op.create_index(batch_op.f('ix_privacy_request_person_id'), ['person_id'], unique=False)

    op.create_table('restriction',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind IN ('restrict', 'object')", name=op.f('ck_restriction_known_kind')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_restriction_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_restriction'))
    )
    with op.batch_alter_table('restriction', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_restriction_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_restriction_live', ['person_id', 'purpose', 'kind'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('data_key',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('key_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('proved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('code', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_data_key_person_id_person'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_data_key_reservation_id_reservation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_data_key')),
    sa.UniqueConstraint('key_digest', name=op.f('uq_data_key_key_digest'))
    )
    with op.batch_alter_table('data_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_data_key_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_data_key_person_id'), ['person_id'], unique=False)

    op.create_table('export_chunk',
    sa.Column('export_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('sealed_bytes', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['export_id'], ['export.id'], name=op.f('fk_export_chunk_export_id_export'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('export_id', 'position', name=op.f('pk_export_chunk'))
    )
    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.add_column(sa.Column('used_on', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('warned_at', sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.add_column(sa.Column('paper_id', sa.String(length=32), nullable=True))

    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint(batch_op.f('ck_reservation_firm_has_a_person'), type_='check')
        batch_op.create_check_constraint(
            batch_op.f('ck_reservation_firm_has_a_person'),
            "status NOT IN ('confirmed', 'cancelled') OR person_id IS NOT NULL"
            " OR archived_at IS NOT NULL",
        )
        batch_op.add_column(sa.Column('kind', sa.String(length=8), server_default='booking', nullable=False))
        batch_op.add_column(sa.Column('belongs_to_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('what_for', sa.LargeBinary(), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f('ck_reservation_known_kind'), "kind IN ('booking', 'asked')"
        )
        batch_op.create_foreign_key(
            batch_op.f('fk_reservation_belongs_to_id_reservation'),
            'reservation', ['belongs_to_id'], ['id'], ondelete='SET NULL',
        )
        batch_op.create_index('ix_reservation_cancelled_at', ['cancelled_at'], unique=False, sqlite_where=sa.text('cancelled_at IS NOT NULL'), postgresql_where=sa.text('cancelled_at IS NOT NULL'))
        batch_op.create_index('ix_reservation_asked', ['id'], unique=False, sqlite_where=sa.text("kind = 'asked'"), postgresql_where=sa.text("kind = 'asked'"))
        batch_op.create_index('ix_reservation_belongs_to_id', ['belongs_to_id'], unique=False, sqlite_where=sa.text('belongs_to_id IS NOT NULL'), postgresql_where=sa.text('belongs_to_id IS NOT NULL'))

    op.create_table('compared',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reservation_ids', sa.JSON(), nullable=False),
    sa.Column('sums', sa.JSON(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_compared_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_compared'))
    )
    with op.batch_alter_table('payment', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_payment_changed_at'), ['changed_at'], unique=False)
        batch_op.create_index('ix_payment_review', ['state'], unique=False, sqlite_where=sa.text("state = 'review'"), postgresql_where=sa.text("state = 'review'"))

    op.create_index(op.f('ix_ledger_entry_at'), 'ledger_entry', ['at'], unique=False)

    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_refund_changed_at'), ['changed_at'], unique=False)
        batch_op.add_column(sa.Column('made_good_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('made_good_by', sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column('made_good', sa.LargeBinary(), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f('ck_refund_made_good_says_how'),
            "(made_good_at IS NULL) = (made_good_by IS NULL)",
        )
        batch_op.create_check_constraint(
            batch_op.f('ck_refund_made_good_had_failed'),
            "made_good_at IS NULL OR state = 'failed'",
        )

    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.add_column(sa.Column('country', sa.String(length=2), server_default='DE', nullable=False))
        batch_op.add_column(sa.Column('rights_law', sa.String(length=12), server_default='gdpr', nullable=False))



def downgrade_book() -> None:
    """The book."""
    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.drop_column('rights_law')
        batch_op.drop_column('country')

    op.drop_index(op.f('ix_ledger_entry_at'), table_name='ledger_entry')
    with op.batch_alter_table('payment', schema=None) as batch_op:
        batch_op.drop_index('ix_payment_review', sqlite_where=sa.text("state = 'review'"), postgresql_where=sa.text("state = 'review'"))
        batch_op.drop_index(batch_op.f('ix_payment_changed_at'))

    op.drop_table('compared')
    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_refund_made_good_had_failed'), type_='check')
        batch_op.drop_constraint(batch_op.f('ck_refund_made_good_says_how'), type_='check')
        batch_op.drop_index(batch_op.f('ix_refund_changed_at'))
        batch_op.drop_column('made_good')
        batch_op.drop_column('made_good_by')
        batch_op.drop_column('made_good_at')

    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.drop_index('ix_reservation_belongs_to_id', sqlite_where=sa.text('belongs_to_id IS NOT NULL'), postgresql_where=sa.text('belongs_to_id IS NOT NULL'))
        batch_op.drop_index('ix_reservation_cancelled_at', sqlite_where=sa.text('cancelled_at IS NOT NULL'), postgresql_where=sa.text('cancelled_at IS NOT NULL'))
        batch_op.drop_index('ix_reservation_asked', sqlite_where=sa.text("kind = 'asked'"), postgresql_where=sa.text("kind = 'asked'"))
        batch_op.drop_constraint(batch_op.f('fk_reservation_belongs_to_id_reservation'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('ck_reservation_known_kind'), type_='check')
        batch_op.drop_column('what_for')
        batch_op.drop_column('belongs_to_id')
        batch_op.drop_column('kind')
        batch_op.drop_constraint(batch_op.f('ck_reservation_firm_has_a_person'), type_='check')
        batch_op.create_check_constraint(
            batch_op.f('ck_reservation_firm_has_a_person'),
            "status NOT IN ('confirmed', 'cancelled') OR person_id IS NOT NULL",
        )
        batch_op.drop_column('archived_at')

    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.drop_column('paper_id')

    with op.batch_alter_table('account', schema=None) as batch_op:
        batch_op.drop_column('warned_at')
        batch_op.drop_column('used_on')

    op.drop_table('export_chunk')
    with op.batch_alter_table('data_key', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_data_key_person_id'))
        batch_op.drop_index(batch_op.f('ix_data_key_expires_at'))

    op.drop_table('data_key')
    with op.batch_alter_table('restriction', schema=None) as batch_op:
        batch_op.drop_index('uq_restriction_live', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_restriction_person_id'))

    op.drop_table('restriction')
    with op.batch_alter_table('privacy_request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_privacy_request_person_id'))
        batch_op.drop_index('ix_privacy_request_open', sqlite_where=sa.text('answered_at IS NULL'), postgresql_where=sa.text('answered_at IS NULL'))

    op.drop_table('privacy_request')
    with op.batch_alter_table('export', schema=None) as batch_op:
        batch_op.drop_index('uq_export_person_id_making', sqlite_where=sa.text("state IN ('asked', 'making')"), postgresql_where=sa.text("state IN ('asked', 'making')"))
        batch_op.drop_index(batch_op.f('ix_export_person_id'))
        batch_op.drop_index(batch_op.f('ix_export_expires_at'))

    op.drop_table('export')
    with op.batch_alter_table('erasure', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_erasure_runs_on'))
        batch_op.drop_index(batch_op.f('ix_erasure_person_id'))

    op.drop_table('erasure')
    op.drop_table('disclosure')
    op.drop_table('purge_run')
    op.drop_table('erasure_applied')
    with op.batch_alter_table('drill_run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_drill_run_at'))

    op.drop_table('drill_run')
    with op.batch_alter_table('backup_run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_backup_run_begun_at'))

    op.drop_table('backup_run')


def upgrade_keys() -> None:
    """The keys."""
    op.create_table('erasure_entry',
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cause', sa.String(length=10), nullable=False),
    sa.Column('person_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.CheckConstraint("cause IN ('asked', 'inactive', 'term', 'house')", name=op.f('ck_erasure_entry_known_cause')),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_erasure_entry')),
    sa.UniqueConstraint('person_digest', name=op.f('uq_erasure_entry_person_digest'))
    )


def downgrade_keys() -> None:
    """The keys."""
    op.drop_table('erasure_entry')

