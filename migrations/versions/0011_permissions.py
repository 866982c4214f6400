"""Partners, what people allow them, and reviews."""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
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
    with op.batch_alter_table('person_permission', schema=None) as batch_op:
        batch_op.add_column(sa.Column('ended_how', sa.String(length=20), server_default='', nullable=False))

    op.create_table('partner',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_partner'))
    )
    op.create_table('partner_terms',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('partner_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('contact', sa.String(length=200), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('country', sa.String(length=2), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('texts', sa.JSON(), nullable=False),
    sa.Column('kinds', sa.JSON(), nullable=False),
    sa.Column('way', sa.String(length=5), nullable=False),
    sa.Column('days_before', sa.Integer(), nullable=False),
    sa.Column('keeps_days', sa.Integer(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("way IN ('mail', 'paper')", name=op.f('ck_partner_terms_known_way')),
    sa.ForeignKeyConstraint(['partner_id'], ['partner.id'], name=op.f('fk_partner_terms_partner_id_partner')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_partner_terms'))
    )
    with op.batch_alter_table('partner_terms', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_partner_terms_partner_id'), ['partner_id'], unique=False)
        batch_op.create_index('uq_partner_terms_live', ['partner_id'], unique=True, sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))

    op.create_table('partner_transfer',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('terms_id', sa.Integer(), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('recipient', sa.String(length=40), nullable=False),
    sa.Column('kinds', sa.JSON(), nullable=False),
    sa.Column('way', sa.String(length=5), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_partner_transfer_person_id_person'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_partner_transfer_reservation_id_reservation'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['terms_id'], ['partner_terms.id'], name=op.f('fk_partner_transfer_terms_id_partner_terms')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_partner_transfer')),
    sa.UniqueConstraint('reservation_id', 'terms_id', name=op.f('uq_partner_transfer_reservation_id_terms_id'))
    )
    with op.batch_alter_table('partner_transfer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_partner_transfer_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_partner_transfer_terms_id'), ['terms_id'], unique=False)

    op.create_table('review',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=24), nullable=False),
    sa.Column('line_id', sa.Integer(), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('state', sa.String(length=9), nullable=False),
    sa.Column('because', sa.String(length=10), nullable=True),
    sa.Column('written_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('agreed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('with_month', sa.Boolean(), nullable=False),
    sa.Column('recipient', sa.String(length=40), nullable=True),
    sa.Column('rating', sa.LargeBinary(), nullable=True),
    sa.Column('text', sa.LargeBinary(), nullable=True),
    sa.Column('named', sa.LargeBinary(), nullable=True),
    sa.Column('country', sa.LargeBinary(), nullable=True),
    sa.Column('agreed', sa.LargeBinary(), nullable=True),
    sa.CheckConstraint("state IN ('draft', 'waiting', 'shown', 'declined', 'withdrawn')", name=op.f('ck_review_known_state')),
    sa.CheckConstraint("state != 'declined' OR because IS NOT NULL", name=op.f('ck_review_declined_why')),
    sa.ForeignKeyConstraint(['line_id'], ['reservation_line.id'], name=op.f('fk_review_line_id_reservation_line'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_review_offer_id_offer')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_review_person_id_person'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_review_reservation_id_reservation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_review')),
    sa.UniqueConstraint('key', name=op.f('uq_review_key')),
    sa.UniqueConstraint('line_id', name=op.f('uq_review_line_id'))
    )
    with op.batch_alter_table('review', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_review_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_review_reservation_id'), ['reservation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_review_state'), ['state'], unique=False)

    op.create_table('public_review',
    sa.Column('review_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('recipient', sa.String(length=40), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('item', sa.Text(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_public_review_offer_id_offer')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_public_review_person_id_person'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_public_review_review_id_review'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('review_id', name=op.f('pk_public_review'))
    )
    with op.batch_alter_table('public_review', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_public_review_offer_id'), ['offer_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_public_review_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_public_review_published_at'), ['published_at'], unique=False)


def downgrade_book() -> None:
    """The book."""
    for table in ('public_review', 'review', 'partner_transfer', 'partner_terms', 'partner'):
        op.drop_table(table)
    with op.batch_alter_table('person_permission', schema=None) as batch_op:
        batch_op.drop_column('ended_how')


def upgrade_keys() -> None:
    """The keys: nothing changes there."""


def downgrade_keys() -> None:
    """The keys: nothing changes there."""
