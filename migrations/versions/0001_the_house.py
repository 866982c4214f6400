"""The house: every table of the first version, in the book and in the keys’ database."""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
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

    op.create_table('basket',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key_digest', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_basket')),
    sa.UniqueConstraint('key_digest', name=op.f('uq_basket_key_digest'))
    )
    with op.batch_alter_table('basket', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_basket_changed_at'), ['changed_at'], unique=False)

    op.create_table('charge',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('texts', sa.JSON(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('basis', sa.String(length=20), nullable=False),
    sa.Column('minor', sa.Integer(), nullable=False),
    sa.Column('vat_bp', sa.Integer(), nullable=False),
    sa.CheckConstraint("kind IN ('fee', 'tax')", name=op.f('ck_charge_known_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_charge')),
    sa.UniqueConstraint('code', name=op.f('uq_charge_code'))
    )
    op.create_table('demo_bank_payment',
    sa.Column('ref', sa.String(length=40), nullable=False),
    sa.Column('call_key', sa.String(length=255), nullable=False),
    sa.Column('shop_payment_id', sa.String(length=36), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('label', sa.String(length=200), nullable=False),
    sa.Column('return_url', sa.Text(), nullable=False),
    sa.Column('cancel_url', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('method_hint', sa.String(length=40), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'processing', 'paid', 'failed', 'cancelled', 'expired')", name=op.f('ck_demo_bank_payment_known_state')),
    sa.PrimaryKeyConstraint('ref', name=op.f('pk_demo_bank_payment')),
    sa.UniqueConstraint('call_key', name=op.f('uq_demo_bank_payment_call_key'))
    )
    op.create_table('document_version',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('document', sa.String(length=10), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('effective_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("document IN ('terms', 'privacy')", name=op.f('ck_document_version_known_document')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_document_version')),
    sa.UniqueConstraint('document', 'number', 'language', name=op.f('uq_document_version_document_number_language'))
    )
    op.create_table('extra',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('texts', sa.JSON(), nullable=False),
    sa.Column('basis', sa.String(length=20), nullable=False),
    sa.Column('minor', sa.Integer(), nullable=False),
    sa.Column('vat_bp', sa.Integer(), nullable=False),
    sa.Column('posted', sa.Boolean(), nullable=False),
    sa.Column('most', sa.Integer(), nullable=False),
    sa.Column('offer_kinds', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_extra')),
    sa.UniqueConstraint('code', name=op.f('uq_extra_code'))
    )
    op.create_table('job',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('topic', sa.String(length=60), nullable=False),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('not_before', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.String(length=200), nullable=True),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_job'))
    )
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.create_index('ix_job_due', ['not_before'], unique=False, sqlite_where=sa.text('done_at IS NULL'), postgresql_where=sa.text('done_at IS NULL'))

    op.create_table('limit_bucket',
    sa.Column('name', sa.String(length=90), nullable=False),
    sa.Column('spent', sa.Double(), nullable=False),
    sa.Column('at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_limit_bucket'))
    )
    with op.batch_alter_table('limit_bucket', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_limit_bucket_at'), ['at'], unique=False)

    op.create_table('offer',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('slug', sa.String(length=60), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('texts', sa.JSON(), nullable=False),
    sa.Column('picture', sa.String(length=100), nullable=False),
    sa.Column('vat_bp', sa.Integer(), nullable=False),
    sa.Column('units', sa.Integer(), nullable=True),
    sa.Column('adults_most', sa.Integer(), nullable=True),
    sa.Column('children_most', sa.Integer(), nullable=True),
    sa.Column('guests_most', sa.Integer(), nullable=True),
    sa.Column('nights_least', sa.Integer(), nullable=True),
    sa.Column('nights_most', sa.Integer(), nullable=True),
    sa.Column('minutes', sa.Integer(), nullable=True),
    sa.Column('seats', sa.Integer(), nullable=True),
    sa.Column('cutoff_minutes', sa.Integer(), nullable=True),
    sa.Column('adult_minor', sa.Integer(), nullable=True),
    sa.Column('child_minor', sa.Integer(), nullable=True),
    sa.Column('schedule_starts', sa.String(length=16), nullable=True),
    sa.Column('schedule_rules', sa.Text(), nullable=True),
    sa.CheckConstraint("(kind = 'stay' AND units > 0 AND guests_most > 0 AND nights_least > 0 AND nights_most >= nights_least) OR (kind = 'session' AND seats > 0 AND minutes > 0 AND schedule_rules IS NOT NULL)", name=op.f('ck_offer_whole')),
    sa.CheckConstraint("kind IN ('stay', 'session')", name=op.f('ck_offer_known_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offer')),
    sa.UniqueConstraint('slug', name=op.f('uq_offer_slug'))
    )
    op.create_table('payment_notice',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(length=20), nullable=False),
    sa.Column('event_id', sa.String(length=255), nullable=False),
    sa.Column('refs', sa.JSON(), nullable=False),
    sa.Column('resolved', sa.Boolean(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payment_notice')),
    sa.UniqueConstraint('provider', 'event_id', name=op.f('uq_payment_notice_provider_event_id'))
    )
    with op.batch_alter_table('payment_notice', schema=None) as batch_op:
        batch_op.create_index('ix_payment_notice_unresolved', ['at'], unique=False, sqlite_where=sa.text('NOT resolved'), postgresql_where=sa.text('NOT resolved'))

    op.create_table('person',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.LargeBinary(), nullable=True),
    sa.Column('title', sa.LargeBinary(), nullable=True),
    sa.Column('email', sa.LargeBinary(), nullable=True),
    sa.Column('phone', sa.LargeBinary(), nullable=True),
    sa.Column('company', sa.LargeBinary(), nullable=True),
    sa.Column('wechat_id', sa.LargeBinary(), nullable=True),
    sa.Column('billing_address', sa.LargeBinary(), nullable=True),
    sa.Column('shipping_address', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person'))
    )
    op.create_table('venue',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('texts', sa.JSON(), nullable=False),
    sa.Column('picture', sa.String(length=100), nullable=False),
    sa.Column('zone', sa.String(length=50), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('address', sa.JSON(), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('phone', sa.String(length=30), nullable=False),
    sa.Column('cancellation', sa.Text(), nullable=False),
    sa.Column('check_in', sa.String(length=5), nullable=False),
    sa.Column('check_out', sa.String(length=5), nullable=False),
    sa.Column('months_ahead', sa.Integer(), nullable=False),
    sa.Column('catalogue_version', sa.Integer(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_venue_one_venue')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_venue'))
    )
    op.create_table('account',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("role IN ('owner')", name=op.f('ck_account_known_role')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_account_person_id_person'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('person_id', name=op.f('uq_account_person_id'))
    )
    op.create_table('agreement',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('version_id', sa.Integer(), nullable=False),
    sa.Column('reservation_reference', sa.String(length=12), nullable=True),
    sa.Column('agreed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_agreement_person_id_person'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['version_id'], ['document_version.id'], name=op.f('fk_agreement_version_id_document_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_agreement')),
    sa.UniqueConstraint('person_id', 'version_id', 'reservation_reference', name=op.f('uq_agreement_person_id_version_id_reservation_reference'))
    )
    op.create_table('basket_line',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('basket_id', sa.Integer(), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('arrive', sa.Date(), nullable=True),
    sa.Column('depart', sa.Date(), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('adults', sa.Integer(), nullable=False),
    sa.Column('children', sa.Integer(), nullable=False),
    sa.Column('extras', sa.JSON(), nullable=False),
    sa.CheckConstraint('(arrive IS NOT NULL AND depart > arrive AND starts_at IS NULL) OR (arrive IS NULL AND depart IS NULL AND starts_at IS NOT NULL)', name=op.f('ck_basket_line_nights_or_session')),
    sa.CheckConstraint('adults >= 1 AND children >= 0', name=op.f('ck_basket_line_somebody_comes')),
    sa.ForeignKeyConstraint(['basket_id'], ['basket.id'], name=op.f('fk_basket_line_basket_id_basket'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_basket_line_offer_id_offer'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_basket_line'))
    )
    with op.batch_alter_table('basket_line', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_basket_line_basket_id'), ['basket_id'], unique=False)

    op.create_table('demo_bank_event',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('ref', sa.String(length=40), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['ref'], ['demo_bank_payment.ref'], name=op.f('fk_demo_bank_event_ref_demo_bank_payment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_demo_bank_event'))
    )
    with op.batch_alter_table('demo_bank_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_demo_bank_event_at'), ['at'], unique=False)
        batch_op.create_index(batch_op.f('ix_demo_bank_event_ref'), ['ref'], unique=False)

    op.create_table('demo_bank_refund',
    sa.Column('ref', sa.String(length=40), nullable=False),
    sa.Column('call_key', sa.String(length=255), nullable=False),
    sa.Column('payment_ref', sa.String(length=40), nullable=False),
    sa.Column('shop_refund_id', sa.String(length=36), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.CheckConstraint("state IN ('pending', 'succeeded', 'failed')", name=op.f('ck_demo_bank_refund_known_state')),
    sa.ForeignKeyConstraint(['payment_ref'], ['demo_bank_payment.ref'], name=op.f('fk_demo_bank_refund_payment_ref_demo_bank_payment')),
    sa.PrimaryKeyConstraint('ref', name=op.f('pk_demo_bank_refund')),
    sa.UniqueConstraint('call_key', name=op.f('uq_demo_bank_refund_call_key'))
    )
    with op.batch_alter_table('demo_bank_refund', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_demo_bank_refund_payment_ref'), ['payment_ref'], unique=False)

    op.create_table('night',
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('night', sa.Date(), nullable=False),
    sa.Column('capacity', sa.Integer(), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.CheckConstraint('taken BETWEEN 0 AND capacity', name=op.f('ck_night_within_capacity')),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_night_offer_id_offer')),
    sa.PrimaryKeyConstraint('offer_id', 'night', name=op.f('pk_night')),
    sqlite_with_rowid=False
    )
    op.create_table('rate',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('minor', sa.Integer(), nullable=False),
    sa.Column('weekdays', sa.String(length=7), nullable=False),
    sa.Column('first', sa.Date(), nullable=True),
    sa.Column('last', sa.Date(), nullable=True),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.CheckConstraint('minor >= 0', name=op.f('ck_rate_not_negative')),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_rate_offer_id_offer'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rate'))
    )
    with op.batch_alter_table('rate', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_rate_offer_id'), ['offer_id'], unique=False)

    op.create_table('reservation',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('reference', sa.String(length=12), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('basket_id', sa.Integer(), nullable=True),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.Column('quote_digest', sa.String(length=64), nullable=False),
    sa.Column('cancellation', sa.Text(), nullable=False),
    sa.Column('first_start', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('held_since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('held_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancelled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refund_minor', sa.BigInteger(), nullable=True),
    sa.Column('link_serial', sa.Integer(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.CheckConstraint("status != 'held' OR held_until IS NOT NULL", name=op.f('ck_reservation_hold_has_an_end')),
    sa.CheckConstraint("status IN ('held', 'confirmed', 'released', 'cancelled')", name=op.f('ck_reservation_known_status')),
    sa.CheckConstraint("status NOT IN ('confirmed', 'cancelled') OR person_id IS NOT NULL", name=op.f('ck_reservation_firm_has_a_person')),
    sa.CheckConstraint('total_minor >= 0', name=op.f('ck_reservation_total_not_negative')),
    sa.ForeignKeyConstraint(['basket_id'], ['basket.id'], name=op.f('fk_reservation_basket_id_basket'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_reservation_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reservation')),
    sa.UniqueConstraint('reference', name=op.f('uq_reservation_reference'))
    )
    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.create_index('ix_reservation_held_until', ['held_until'], unique=False, sqlite_where=sa.text("status = 'held'"), postgresql_where=sa.text("status = 'held'"))
        batch_op.create_index(batch_op.f('ix_reservation_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_reservation_basket_id_held', ['basket_id'], unique=True, sqlite_where=sa.text("status = 'held'"), postgresql_where=sa.text("status = 'held'"))

    op.create_table('session_places',
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('capacity', sa.Integer(), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.CheckConstraint('taken BETWEEN 0 AND capacity', name=op.f('ck_session_places_within_capacity')),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_session_places_offer_id_offer')),
    sa.PrimaryKeyConstraint('offer_id', 'starts_at', name=op.f('pk_session_places')),
    sqlite_with_rowid=False
    )
    op.create_table('unit',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_unit_offer_id_offer'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_unit')),
    sa.UniqueConstraint('offer_id', 'position', name=op.f('uq_unit_offer_id_position'))
    )
    op.create_table('payment',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('provider', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('unknown', sa.Boolean(), nullable=False),
    sa.Column('unanswered', sa.Integer(), nullable=False),
    sa.Column('review', sa.String(length=30), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('captured_minor', sa.BigInteger(), nullable=False),
    sa.Column('provider_ref', sa.String(length=255), nullable=True),
    sa.Column('redirect_url', sa.Text(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('method_hint', sa.LargeBinary(), nullable=True),
    sa.CheckConstraint("state != 'paid' OR captured_minor = amount_minor", name=op.f('ck_payment_paid_in_full')),
    sa.CheckConstraint("state != 'review' OR review IS NOT NULL", name=op.f('ck_payment_review_has_a_reason')),
    sa.CheckConstraint("state IN ('created', 'pending', 'processing', 'authorised', 'paid', 'expired', 'cancelled', 'failed', 'voided', 'lapsed', 'review')", name=op.f('ck_payment_known_state')),
    sa.CheckConstraint('amount_minor > 0', name=op.f('ck_payment_something_to_pay')),
    sa.CheckConstraint('captured_minor >= 0', name=op.f('ck_payment_captured_not_negative')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_payment_person_id_person'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_payment_reservation_id_reservation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payment')),
    sa.UniqueConstraint('provider', 'provider_ref', name=op.f('uq_payment_provider_provider_ref'))
    )
    with op.batch_alter_table('payment', schema=None) as batch_op:
        batch_op.create_index('ix_payment_open', ['state'], unique=False, sqlite_where=sa.text("state IN ('created', 'pending', 'processing', 'authorised')"), postgresql_where=sa.text("state IN ('created', 'pending', 'processing', 'authorised')"))
        batch_op.create_index(batch_op.f('ix_payment_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_payment_reservation_id'), ['reservation_id'], unique=False)
        batch_op.create_index('uq_payment_reservation_id_open', ['reservation_id'], unique=True, sqlite_where=sa.text("state IN ('created', 'pending', 'processing', 'authorised')"), postgresql_where=sa.text("state IN ('created', 'pending', 'processing', 'authorised')"))

    op.create_table('reservation_line',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('wish', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('offer_id', sa.Integer(), nullable=True),
    sa.Column('extra_id', sa.Integer(), nullable=True),
    sa.Column('charge_id', sa.Integer(), nullable=True),
    sa.Column('label', sa.JSON(), nullable=False),
    sa.Column('arrive', sa.Date(), nullable=True),
    sa.Column('depart', sa.Date(), nullable=True),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('adults', sa.Integer(), nullable=False),
    sa.Column('children', sa.Integer(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('unit_minor', sa.BigInteger(), nullable=True),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.Column('vat_bp', sa.Integer(), nullable=False),
    sa.Column('vat_minor', sa.BigInteger(), nullable=False),
    sa.Column('nightly', sa.JSON(), nullable=False),
    sa.CheckConstraint("kind != 'session' OR (starts_at IS NOT NULL AND ends_at > starts_at)", name=op.f('ck_reservation_line_session_has_a_time')),
    sa.CheckConstraint("kind != 'stay' OR (arrive IS NOT NULL AND depart > arrive)", name=op.f('ck_reservation_line_stay_has_nights')),
    sa.CheckConstraint("kind IN ('stay', 'session', 'extra', 'fee', 'tax', 'discount')", name=op.f('ck_reservation_line_known_kind')),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_reservation_line_something')),
    sa.ForeignKeyConstraint(['charge_id'], ['charge.id'], name=op.f('fk_reservation_line_charge_id_charge')),
    sa.ForeignKeyConstraint(['extra_id'], ['extra.id'], name=op.f('fk_reservation_line_extra_id_extra')),
    sa.ForeignKeyConstraint(['offer_id'], ['offer.id'], name=op.f('fk_reservation_line_offer_id_offer')),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_reservation_line_reservation_id_reservation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reservation_line'))
    )
    with op.batch_alter_table('reservation_line', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reservation_line_reservation_id'), ['reservation_id'], unique=False)

    op.create_table('session',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('id_digest', sa.LargeBinary(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('csrf_token', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_session_account_id_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_session')),
    sa.UniqueConstraint('id_digest', name=op.f('uq_session_id_digest'))
    )
    with op.batch_alter_table('session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_session_account_id'), ['account_id'], unique=False)

    op.create_table('sign_in_link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('account_id', sa.Integer(), nullable=False),
    sa.Column('token_digest', sa.LargeBinary(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_sign_in_link_account_id_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_link')),
    sa.UniqueConstraint('token_digest', name=op.f('uq_sign_in_link_token_digest'))
    )
    with op.batch_alter_table('sign_in_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sign_in_link_account_id'), ['account_id'], unique=False)

    op.create_table('ledger_entry',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('source', sa.String(length=330), nullable=False),
    sa.Column('payment_id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind IN ('capture', 'refund_reversal') AND amount_minor > 0) OR (kind IN ('refund', 'chargeback') AND amount_minor < 0)", name=op.f('ck_ledger_entry_sign_fits_kind')),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_ledger_entry_payment_id_payment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_entry')),
    sa.UniqueConstraint('source', name=op.f('uq_ledger_entry_source'))
    )
    with op.batch_alter_table('ledger_entry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ledger_entry_payment_id'), ['payment_id'], unique=False)

    op.create_table('refund',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('payment_id', sa.String(length=36), nullable=False),
    sa.Column('cause', sa.String(length=80), nullable=True),
    sa.Column('reason', sa.String(length=12), nullable=False),
    sa.Column('external', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('provider_ref', sa.String(length=255), nullable=True),
    sa.Column('failure', sa.String(length=60), nullable=True),
    sa.Column('called_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("external = (reason = 'external')", name=op.f('ck_refund_external_says_so')),
    sa.CheckConstraint("reason IN ('cancelled', 'late', 'surplus', 'owner', 'external')", name=op.f('ck_refund_known_reason')),
    sa.CheckConstraint("state IN ('requested', 'pending', 'succeeded', 'failed', 'cancelled')", name=op.f('ck_refund_known_state')),
    sa.CheckConstraint('amount_minor > 0', name=op.f('ck_refund_something_to_refund')),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_refund_payment_id_payment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refund')),
    sa.UniqueConstraint('cause', name=op.f('uq_refund_cause')),
    sa.UniqueConstraint('payment_id', 'provider_ref', name=op.f('uq_refund_payment_id_provider_ref'))
    )
    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.create_index('ix_refund_open', ['state'], unique=False, sqlite_where=sa.text("state IN ('requested', 'pending')"), postgresql_where=sa.text("state IN ('requested', 'pending')"))
        batch_op.create_index(batch_op.f('ix_refund_payment_id'), ['payment_id'], unique=False)

    op.create_table('seating',
    sa.Column('unit_id', sa.Integer(), nullable=False),
    sa.Column('night', sa.Date(), nullable=False),
    sa.Column('line_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['line_id'], ['reservation_line.id'], name=op.f('fk_seating_line_id_reservation_line'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_seating_unit_id_unit')),
    sa.PrimaryKeyConstraint('unit_id', 'night', name=op.f('pk_seating')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('seating', schema=None) as batch_op:
        batch_op.create_index('ix_seating_line_id', ['line_id'], unique=False)
    _guard_the_ledger()


def _guard_the_ledger() -> None:
    """Let no program change or delete what was entered."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER ledger_entry_no_{verb.lower()} BEFORE {verb} ON ledger_entry "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION ledger_entry_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'the ledger is append-only'; END$$"
        )
        op.execute(
            "CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry "
            "FOR EACH ROW EXECUTE FUNCTION ledger_entry_is_append_only()"
        )


def downgrade_book() -> None:
    """The book."""

    with op.batch_alter_table('seating', schema=None) as batch_op:
        batch_op.drop_index('ix_seating_line_id')

    op.drop_table('seating')
    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_refund_payment_id'))
        batch_op.drop_index('ix_refund_open', sqlite_where=sa.text("state IN ('requested', 'pending')"), postgresql_where=sa.text("state IN ('requested', 'pending')"))

    op.drop_table('refund')
    with op.batch_alter_table('ledger_entry', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ledger_entry_payment_id'))

    op.drop_table('ledger_entry')
    with op.batch_alter_table('sign_in_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sign_in_link_account_id'))

    op.drop_table('sign_in_link')
    with op.batch_alter_table('session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_session_account_id'))

    op.drop_table('session')
    with op.batch_alter_table('reservation_line', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_reservation_line_reservation_id'))

    op.drop_table('reservation_line')
    with op.batch_alter_table('payment', schema=None) as batch_op:
        batch_op.drop_index('uq_payment_reservation_id_open', sqlite_where=sa.text("state IN ('created', 'pending', 'processing', 'authorised')"), postgresql_where=sa.text("state IN ('created', 'pending', 'processing', 'authorised')"))
        batch_op.drop_index(batch_op.f('ix_payment_reservation_id'))
        batch_op.drop_index(batch_op.f('ix_payment_person_id'))
        batch_op.drop_index('ix_payment_open', sqlite_where=sa.text("state IN ('created', 'pending', 'processing', 'authorised')"), postgresql_where=sa.text("state IN ('created', 'pending', 'processing', 'authorised')"))

    op.drop_table('payment')
    op.drop_table('unit')
    op.drop_table('session_places')
    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.drop_index('uq_reservation_basket_id_held', sqlite_where=sa.text("status = 'held'"), postgresql_where=sa.text("status = 'held'"))
        batch_op.drop_index(batch_op.f('ix_reservation_person_id'))
        batch_op.drop_index('ix_reservation_held_until', sqlite_where=sa.text("status = 'held'"), postgresql_where=sa.text("status = 'held'"))

    op.drop_table('reservation')
    with op.batch_alter_table('rate', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_rate_offer_id'))

    op.drop_table('rate')
    op.drop_table('night')
    with op.batch_alter_table('demo_bank_refund', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_demo_bank_refund_payment_ref'))

    op.drop_table('demo_bank_refund')
    with op.batch_alter_table('demo_bank_event', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_demo_bank_event_ref'))
        batch_op.drop_index(batch_op.f('ix_demo_bank_event_at'))

    op.drop_table('demo_bank_event')
    with op.batch_alter_table('basket_line', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_basket_line_basket_id'))

    op.drop_table('basket_line')
    op.drop_table('agreement')
    op.drop_table('account')
    op.drop_table('venue')
    op.drop_table('person')
    with op.batch_alter_table('payment_notice', schema=None) as batch_op:
        batch_op.drop_index('ix_payment_notice_unresolved', sqlite_where=sa.text('NOT resolved'), postgresql_where=sa.text('NOT resolved'))

    op.drop_table('payment_notice')
    op.drop_table('offer')
    with op.batch_alter_table('limit_bucket', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_limit_bucket_at'))

    op.drop_table('limit_bucket')
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.drop_index('ix_job_due', sqlite_where=sa.text('done_at IS NULL'), postgresql_where=sa.text('done_at IS NULL'))

    op.drop_table('job')
    op.drop_table('extra')
    op.drop_table('document_version')
    op.drop_table('demo_bank_payment')
    op.drop_table('charge')
    with op.batch_alter_table('basket', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_basket_changed_at'))

    op.drop_table('basket')
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ledger_entry_is_append_only()")


def upgrade_keys() -> None:
    """The keys."""

    op.create_table('person_key',
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('wrapped', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_person_key'))
    )
    op.create_table('blind_index',
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person_key.person_id'], name=op.f('fk_blind_index_person_id_person_key'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('person_id', 'kind', name=op.f('pk_blind_index'))
    )
    with op.batch_alter_table('blind_index', schema=None) as batch_op:
        batch_op.create_index('ix_blind_index_kind_digest', ['kind', 'digest'], unique=False)




def downgrade_keys() -> None:
    """The keys."""

    with op.batch_alter_table('blind_index', schema=None) as batch_op:
        batch_op.drop_index('ix_blind_index_kind_digest')

    op.drop_table('blind_index')
    op.drop_table('person_key')


