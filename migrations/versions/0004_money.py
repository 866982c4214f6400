"""Deposits and balances, disputes, invoices, kept means, and a ledger of double entry."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


POSTINGS = {
    'capture': ('provider', 'guests'),
    'refund': ('guests', 'provider'),
    'refund_reversal': ('provider', 'guests'),
    'chargeback': ('disputes', 'provider'),
    'chargeback_reversal': ('provider', 'disputes'),
}
ACCOUNTS_FIT = ' OR '.join(
    f"(kind = '{kind}' AND debit = '{debit}' AND credit = '{credit}')"
    for kind, (debit, credit) in POSTINGS.items()
)
TRIGGERS = {
    'sqlite': [
        (
            f"DROP TRIGGER IF EXISTS ledger_entry_no_{verb.lower()}",
            f"CREATE TRIGGER ledger_entry_no_{verb.lower()} BEFORE {verb} ON ledger_entry "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
        )
        for verb in ('UPDATE', 'DELETE')
    ],
    'postgresql': [
        (
            "DROP TRIGGER IF EXISTS ledger_entry_append_only ON ledger_entry",
            "CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry "
            "FOR EACH ROW EXECUTE FUNCTION ledger_entry_is_append_only()",
        )
    ],
}


@contextmanager
def ledger_open() -> Iterator[None]:
    """Let this migration say the same in other columns; afterwards it is append-only again."""
    triggers = TRIGGERS[op.get_bind().dialect.name]
    for drop, _ in triggers:
        op.execute(drop)
    yield
    for drop, create in triggers:
        op.execute(drop)
        op.execute(create)


def upgrade(engine_name: str) -> None:
    """Go up in one of the databases."""
    {"book": upgrade_book, "keys": upgrade_keys}[engine_name]()


def downgrade(engine_name: str) -> None:
    """Go back in one of the databases."""
    {"book": downgrade_book, "keys": downgrade_keys}[engine_name]()


def upgrade_book() -> None:
    """The book."""
    op.create_table('invoice_number',
    sa.Column('series', sa.String(length=10), nullable=False),
    sa.Column('last', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('series', name=op.f('pk_invoice_number'))
    )
    op.create_table('invoice',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('series', sa.String(length=10), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=True),
    sa.Column('corrects', sa.Integer(), nullable=True),
    sa.Column('cause', sa.String(length=80), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('total_minor', sa.BigInteger(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=True),
    sa.CheckConstraint("(kind = 'credit_note') = (corrects IS NOT NULL)", name=op.f('ck_invoice_corrects')),
    sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f('ck_invoice_known_kind')),
    sa.ForeignKeyConstraint(['corrects'], ['invoice.id'], name=op.f('fk_invoice_corrects_invoice')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_invoice_person_id_person'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_invoice_reservation_id_reservation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invoice')),
    sa.UniqueConstraint('cause', name=op.f('uq_invoice_cause')),
    sa.UniqueConstraint('series', 'number', name=op.f('uq_invoice_series_number'))
    )
    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_invoice_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_invoice_reservation_id'), ['reservation_id'], unique=False)

    op.create_table('saved_means',
    sa.Column('payment_id', sa.String(length=36), nullable=False),
    sa.Column('reservation_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.String(length=32), nullable=False),
    sa.Column('provider', sa.String(length=20), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('noticed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('tried_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('customer', sa.LargeBinary(), nullable=True),
    sa.Column('method', sa.LargeBinary(), nullable=True),
    sa.Column('hint', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_saved_means_person_id_person'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_saved_means_payment_id_payment'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['reservation_id'], ['reservation.id'], name=op.f('fk_saved_means_reservation_id_reservation'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('payment_id', name=op.f('pk_saved_means'))
    )
    with op.batch_alter_table('saved_means', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_saved_means_person_id'), ['person_id'], unique=False)
        batch_op.create_index(
            'uq_saved_means_reservation_id_good', ['reservation_id'], unique=True,
            sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'),
        )

    op.create_table('dispute',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('payment_id', sa.String(length=36), nullable=False),
    sa.Column('provider_ref', sa.String(length=255), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('withdrawn_minor', sa.BigInteger(), nullable=False),
    sa.Column('refundable', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.String(length=60), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('inquiry', 'open', 'won', 'lost')", name=op.f('ck_dispute_known_state')),
    sa.CheckConstraint('amount_minor > 0', name=op.f('ck_dispute_something_disputed')),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_dispute_payment_id_payment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dispute')),
    sa.UniqueConstraint('payment_id', 'provider_ref', name=op.f('uq_dispute_payment_id_provider_ref'))
    )
    with op.batch_alter_table('dispute', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dispute_payment_id'), ['payment_id'], unique=False)

    with ledger_open():
        with op.batch_alter_table('ledger_entry', schema=None) as batch_op:
            batch_op.add_column(sa.Column('debit', sa.String(length=10), server_default='', nullable=False))
            batch_op.add_column(sa.Column('credit', sa.String(length=10), server_default='', nullable=False))
            batch_op.drop_constraint(op.f('ck_ledger_entry_sign_fits_kind'), type_='check')
        for kind, (debit, credit) in POSTINGS.items():
            op.execute(
                f"UPDATE ledger_entry SET debit = '{debit}', credit = '{credit}', "
                f"amount_minor = ABS(amount_minor) WHERE kind = '{kind}'"
            )
        with op.batch_alter_table('ledger_entry', schema=None) as batch_op:
            batch_op.alter_column('debit', server_default=None)
            batch_op.alter_column('credit', server_default=None)
            batch_op.create_check_constraint(op.f('ck_ledger_entry_something_moves'), 'amount_minor > 0')
            batch_op.create_check_constraint(op.f('ck_ledger_entry_accounts_fit_kind'), ACCOUNTS_FIT)

    with op.batch_alter_table('payment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('part', sa.String(length=10), server_default='full', nullable=False))
        batch_op.add_column(sa.Column('way', sa.String(length=4), server_default='page', nullable=False))
        batch_op.create_check_constraint(op.f('ck_payment_known_part'), "part IN ('full', 'deposit', 'balance')")
        batch_op.create_check_constraint(op.f('ck_payment_known_way'), "way IN ('page', 'keep', 'kept')")

    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.add_column(sa.Column('person_id', sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column('note', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('because', sa.String(length=20), nullable=True))
        batch_op.create_index(batch_op.f('ix_refund_person_id'), ['person_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_refund_person_id_person'), 'person', ['person_id'], ['id'], ondelete='SET NULL')

    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('paid_minor', sa.BigInteger(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('deposit_minor', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('balance_due_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('balance_told', sa.SmallInteger(), server_default='0', nullable=False))
        batch_op.create_index(
            'ix_reservation_balance_due_at', ['balance_due_at'], unique=False,
            sqlite_where=sa.text('balance_due_at IS NOT NULL'),
            postgresql_where=sa.text('balance_due_at IS NOT NULL'),
        )
        batch_op.create_check_constraint(op.f('ck_reservation_paid_not_negative'), 'paid_minor >= 0')
        batch_op.create_check_constraint(
            op.f('ck_reservation_deposit_is_a_part'),
            'deposit_minor IS NULL OR (deposit_minor > 0 AND deposit_minor < total_minor'
            ' AND balance_due_at IS NOT NULL)',
        )
    op.execute(
        "UPDATE reservation SET paid_minor = (SELECT COALESCE(SUM(payment.amount_minor), 0) "
        "FROM payment WHERE payment.reservation_id = reservation.id AND payment.state = 'paid' "
        "AND NOT EXISTS (SELECT 1 FROM refund WHERE refund.payment_id = payment.id "
        "AND refund.reason IN ('late', 'surplus')))"
    )

    with op.batch_alter_table('demo_bank_payment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('save', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('dispute', sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column('disputed_minor', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('disputed_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table('demo_bank_means',
    sa.Column('customer', sa.String(length=40), nullable=False),
    sa.Column('method', sa.String(length=40), nullable=False),
    sa.Column('payment_ref', sa.String(length=40), nullable=False),
    sa.Column('later', sa.String(length=8), nullable=False),
    sa.CheckConstraint("later IN ('pay', 'decline', 'ask')", name=op.f('ck_demo_bank_means_known_outcome')),
    sa.ForeignKeyConstraint(['payment_ref'], ['demo_bank_payment.ref'], name=op.f('fk_demo_bank_means_payment_ref_demo_bank_payment')),
    sa.PrimaryKeyConstraint('customer', name=op.f('pk_demo_bank_means')),
    sa.UniqueConstraint('payment_ref', name=op.f('uq_demo_bank_means_payment_ref'))
    )

    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.add_column(sa.Column('deposit_bp', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('balance_days', sa.Integer(), server_default='14', nullable=False))
        batch_op.add_column(sa.Column('tax_id', sa.String(length=30), server_default='', nullable=False))


def downgrade_book() -> None:
    """The book."""
    op.drop_table('demo_bank_means')
    with op.batch_alter_table('demo_bank_payment', schema=None) as batch_op:
        batch_op.drop_column('disputed_at')
        batch_op.drop_column('disputed_minor')
        batch_op.drop_column('dispute')
        batch_op.drop_column('save')

    with op.batch_alter_table('venue', schema=None) as batch_op:
        batch_op.drop_column('tax_id')
        batch_op.drop_column('balance_days')
        batch_op.drop_column('deposit_bp')

    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_reservation_deposit_is_a_part'), type_='check')
        batch_op.drop_constraint(op.f('ck_reservation_paid_not_negative'), type_='check')
        batch_op.drop_index('ix_reservation_balance_due_at')
        batch_op.drop_column('balance_told')
        batch_op.drop_column('balance_due_at')
        batch_op.drop_column('deposit_minor')
        batch_op.drop_column('paid_minor')

    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_refund_person_id_person'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_refund_person_id'))
        batch_op.drop_column('because')
        batch_op.drop_column('note')
        batch_op.drop_column('person_id')

    with op.batch_alter_table('payment', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_payment_known_part'), type_='check')
        batch_op.drop_constraint(op.f('ck_payment_known_way'), type_='check')
        batch_op.drop_column('way')
        batch_op.drop_column('part')

    with ledger_open():
        with op.batch_alter_table('ledger_entry', schema=None) as batch_op:
            batch_op.drop_constraint(op.f('ck_ledger_entry_accounts_fit_kind'), type_='check')
            batch_op.drop_constraint(op.f('ck_ledger_entry_something_moves'), type_='check')
            batch_op.drop_column('credit')
            batch_op.drop_column('debit')
        # What a dispute gave back had no kind of its own: it was money in again.
        op.execute("UPDATE ledger_entry SET kind = 'refund_reversal' WHERE kind = 'chargeback_reversal'")
        op.execute("UPDATE ledger_entry SET amount_minor = -amount_minor WHERE kind IN ('refund', 'chargeback')")
        with op.batch_alter_table('ledger_entry', schema=None) as batch_op:
            batch_op.create_check_constraint(
                op.f('ck_ledger_entry_sign_fits_kind'),
                "(kind IN ('capture', 'refund_reversal') AND amount_minor > 0)"
                " OR (kind IN ('refund', 'chargeback') AND amount_minor < 0)",
            )

    with op.batch_alter_table('dispute', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_dispute_payment_id'))

    op.drop_table('dispute')
    with op.batch_alter_table('saved_means', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_saved_means_person_id'))

    op.drop_table('saved_means')
    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_invoice_reservation_id'))
        batch_op.drop_index(batch_op.f('ix_invoice_person_id'))

    op.drop_table('invoice')
    op.drop_table('invoice_number')


def upgrade_keys() -> None:
    """The keys: nothing changes."""


def downgrade_keys() -> None:
    """The keys: nothing changes."""
