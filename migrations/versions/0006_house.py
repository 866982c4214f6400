"""The owner's pages: blocks, pins, messages, wishes, surveys, pictures, and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


GUARDS = {
    'sqlite': [
        f"CREATE TRIGGER audit_entry_no_{verb.lower()} BEFORE {verb} ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        for verb in ('UPDATE', 'DELETE')
    ],
    'postgresql': [
        "CREATE FUNCTION audit_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END$$",
        "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_entry_is_append_only()",
    ],
}


def upgrade(engine_name: str) -> None:
    """Go up in one of the databases."""
    {"book": upgrade_book, "keys": upgrade_keys}[engine_name]()


def downgrade(engine_name: str) -> None:
    """Go back in one of the databases."""
    {"book": downgrade_book, "keys": downgrade_keys}[engine_name]()


def upgrade_book() -> None:
    """The book."""
    op.create_table('audit_entry',
    sa.Column('position', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(length=10), nullable=False),
    sa.Column('verb', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('subject', sa.Integer(), nullable=False),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_audit_entry'))
    )
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_audit_entry_at'), ['at'], unique=False)
        batch_op.create_index('ix_audit_entry_subject', ['kind', 'subject'], unique=False)

    for guard in GUARDS[op.get_bind().dialect.name]:
        op.execute(guard)

    op.create_table('heartbeat',
    sa.Column('name', sa.String(length=20), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_heartbeat'))
    )
    op.create_table('picture',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_picture')),
    sa.UniqueConstraint('digest', 'width', name=op.f('uq_picture_digest_width'))
    )
    op.create_table('closed',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('first', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.CheckConstraint('until > first', name=op.f('ck_closed_has_days')),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_closed_offer_id_offer'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_closed'))
    )
    with op.batch_alter_table('closed', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_closed_offer_id'), ['offer_id'], unique=False)

    op.create_table('person_permission',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('recipient', sa.String(length=40), server_default='', nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('how', sa.String(length=20), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_person_permission_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person_permission'))
    )
    with op.batch_alter_table('person_permission', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_person_permission_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_person_permission_live', ['person_id', 'purpose', 'recipient'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('message',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('author', sa.String(length=5), nullable=False),
    sa.Column('writer_id', sa.Integer(), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.CheckConstraint("author IN ('guest', 'house')", name=op.f('ck_message_known_author')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_message_person_id_person'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_message_reservation_id_reservation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_message'))
    )
    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_message_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_message_reservation_id'), ['reservation_id'], unique=False)
        batch_op.create_index('ix_message_unread', ['author'], unique=False, sqlite_where=sa.text('read_at IS NULL'), postgresql_where=sa.text('read_at IS NULL'))

    op.create_table('stay_wish',
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('arrival', sa.LargeBinary(), nullable=True),
    sa.Column('bed', sa.LargeBinary(), nullable=True),
    sa.Column('diet', sa.LargeBinary(), nullable=True),
    sa.Column('words', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_stay_wish_person_id_person'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_stay_wish_reservation_id_reservation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('reservation_id', name=op.f('pk_stay_wish'))
    )
    with op.batch_alter_table('stay_wish', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_stay_wish_person_id'), ['person_id'], unique=False)

    op.create_table('survey',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('key_digest', sa.LargeBinary(length=32), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('overall', sa.Integer(), nullable=True),
    sa.Column('room', sa.Integer(), nullable=True),
    sa.Column('welcome', sa.Integer(), nullable=True),
    sa.Column('value', sa.Integer(), nullable=True),
    sa.Column('again', sa.Boolean(), nullable=True),
    sa.Column('words', sa.LargeBinary(), nullable=True),
    sa.CheckConstraint('overall IS NULL OR overall BETWEEN 1 AND 5', name=op.f('ck_survey_overall')),
    sa.CheckConstraint('room IS NULL OR room BETWEEN 1 AND 5', name=op.f('ck_survey_room')),
    sa.CheckConstraint('value IS NULL OR value BETWEEN 1 AND 5', name=op.f('ck_survey_value')),
    sa.CheckConstraint('welcome IS NULL OR welcome BETWEEN 1 AND 5', name=op.f('ck_survey_welcome')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_survey_person_id_person'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_survey_reservation_id_reservation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_survey')),
    sa.UniqueConstraint('key_digest', name=op.f('uq_survey_key_digest')),
    sa.UniqueConstraint('reservation_id', name=op.f('uq_survey_reservation_id'))
    )
    with op.batch_alter_table('survey', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_survey_person_id'), ['person_id'], unique=False)

    op.create_table('unit_block',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('unit_id', sa.Integer(), nullable=False),
    sa.Column('first', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=10), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("reason IN ('repair', 'own_use', 'closed', 'other')", name=op.f('ck_unit_block_reason')),
    sa.CheckConstraint('until > first', name=op.f('ck_unit_block_has_nights')),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_unit_block_offer_id_offer')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_unit_block_unit_id_unit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_unit_block'))
    )
    with op.batch_alter_table('unit_block', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_unit_block_unit_id'), ['unit_id'], unique=False)

    with op.batch_alter_table('reading', schema=None) as batch_op:
        batch_op.add_column(sa.Column('detail', sa.String(length=20), server_default='', nullable=False))
        batch_op.add_column(sa.Column('purpose', sa.String(length=20), server_default='', nullable=False))
        batch_op.add_column(sa.Column('reason', sa.LargeBinary(), nullable=True))
        batch_op.drop_constraint(batch_op.f('uq_reading_person_id_reader_id_what_day'), type_='unique')
        batch_op.create_unique_constraint(batch_op.f('uq_reading_person_id_reader_id_what_day_detail_purpose'), ['person_id', 'reader_id', 'what', 'day', 'detail', 'purpose'])

    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.add_column(sa.Column('surplus_minor', sa.BigInteger(), server_default='0', nullable=False))

    with op.batch_alter_table('offer', schema=None) as batch_op:
        batch_op.add_column(sa.Column('on_sale', sa.Boolean(), server_default=sa.true(), nullable=False))

    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('source', sa.String(length=8), server_default='web', nullable=False))
        batch_op.create_check_constraint(batch_op.f('ck_reservation_known_source'), "source IN ('web', 'phone', 'walk_in')")
        batch_op.add_column(sa.Column('reminded_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('unreminded', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('risk_decision', sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column('risk_decided_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_reservation_first_start', ['first_start'], unique=False)

    with op.batch_alter_table('reservation_line', schema=None) as batch_op:
        batch_op.add_column(sa.Column('pinned', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('left_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('no_show_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_reservation_line_starts_at', ['starts_at'], unique=False, sqlite_where=sa.text('starts_at IS NOT NULL'), postgresql_where=sa.text('starts_at IS NOT NULL'))

    with op.batch_alter_table(
        'seating', table_kwargs={'sqlite_with_rowid': False}
    ) as batch_op:
        batch_op.add_column(sa.Column('block_id', sa.Integer(), nullable=True))
        batch_op.alter_column('line_id',
               existing_type=sa.INTEGER(),
               nullable=True)
        batch_op.create_index(batch_op.f('ix_seating_block_id'), ['block_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_seating_block_id_unit_block'), 'unit_block', ['block_id'], ['id'], ondelete='CASCADE')
        batch_op.create_check_constraint(batch_op.f('ck_seating_stay_or_block'), '(line_id IS NULL) != (block_id IS NULL)')

    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.add_column(sa.Column('remind_days', sa.Integer(), server_default='3', nullable=False))



def downgrade_book() -> None:
    """The book."""
    op.execute('DELETE FROM seating WHERE block_id IS NOT NULL')
    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.drop_column('surplus_minor')

    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.drop_column('remind_days')

    with op.batch_alter_table(
        'seating', table_kwargs={'sqlite_with_rowid': False}
    ) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_seating_stay_or_block'), type_='check')
        batch_op.drop_constraint(batch_op.f('fk_seating_block_id_unit_block'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_seating_block_id'))
        batch_op.alter_column('line_id',
               existing_type=sa.INTEGER(),
               nullable=False)
        batch_op.drop_column('block_id')

    with op.batch_alter_table('reservation_line', schema=None) as batch_op:
        batch_op.drop_index('ix_reservation_line_starts_at', sqlite_where=sa.text('starts_at IS NOT NULL'), postgresql_where=sa.text('starts_at IS NOT NULL'))
        batch_op.drop_column('no_show_at')
        batch_op.drop_column('left_at')
        batch_op.drop_column('arrived_at')
        batch_op.drop_column('pinned')

    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.drop_index('ix_reservation_first_start')
        batch_op.drop_column('risk_decided_at')
        batch_op.drop_column('risk_decision')
        batch_op.drop_column('unreminded')
        batch_op.drop_column('reminded_at')
        batch_op.drop_constraint(batch_op.f('ck_reservation_known_source'), type_='check')
        batch_op.drop_column('source')

    with op.batch_alter_table('offer', schema=None) as batch_op:
        batch_op.drop_column('on_sale')

    op.execute("DELETE FROM reading WHERE detail != '' OR purpose != ''")
    with op.batch_alter_table('reading', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_reading_person_id_reader_id_what_day_detail_purpose'), type_='unique')
        batch_op.create_unique_constraint(batch_op.f('uq_reading_person_id_reader_id_what_day'), ['person_id', 'reader_id', 'what', 'day'])
        batch_op.drop_column('reason')
        batch_op.drop_column('purpose')
        batch_op.drop_column('detail')

    with op.batch_alter_table('unit_block', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_unit_block_unit_id'))

    op.drop_table('unit_block')
    with op.batch_alter_table('survey', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_survey_person_id'))

    op.drop_table('survey')
    with op.batch_alter_table('stay_wish', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_stay_wish_person_id'))

    op.drop_table('stay_wish')
    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.drop_index('ix_message_unread', sqlite_where=sa.text('read_at IS NULL'), postgresql_where=sa.text('read_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_message_reservation_id'))
        batch_op.drop_index(batch_op.f('ix_message_person_id'))

    op.drop_table('message')
    with op.batch_alter_table('person_permission', schema=None) as batch_op:
        batch_op.drop_index('uq_person_permission_live', sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_person_permission_person_id'))

    op.drop_table('person_permission')
    with op.batch_alter_table('closed', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_closed_offer_id'))

    op.drop_table('closed')
    op.drop_table('picture')
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_entry_subject')
        batch_op.drop_index(batch_op.f('ix_audit_entry_at'))

    op.drop_table('audit_entry')
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION audit_entry_is_append_only()')
    op.drop_table('heartbeat')


def upgrade_keys() -> None:
    """The keys: nothing changes there."""


def downgrade_keys() -> None:
    """The keys: nothing changes there."""

