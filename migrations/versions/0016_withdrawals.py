"""The ledger of withdrawals, and what of it was carried out in this book.

A review that was taken back, or a partner’s permission, was there again in a restored book.

Revision: 0016
Earlier revision: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

KINDS = (
    "kind IN ('permission', 'choice', 'signal', 'restriction', 'handover', 'review', 'partner', "
    "'wish', 'card', 'device', 'feed', 'link', 'session', 'passkey', 'access')"
)


def upgrade(engine_name: str) -> None:
    """Go up in one of the databases."""
    {"book": upgrade_book, "keys": upgrade_keys}[engine_name]()


def downgrade(engine_name: str) -> None:
    """Go back in one of the databases."""
    {"book": downgrade_book, "keys": downgrade_keys}[engine_name]()


def upgrade_book() -> None:
    """The book."""
    op.create_table(
        'withdrawal',
        sa.Column('id', sa.String(length=22), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('kind', sa.String(length=11), nullable=False),
        sa.Column('lifted', sa.Boolean(), nullable=False),
        sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
        sa.Column('entered_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_withdrawal')),
    )
    waiting = sa.text('entered_at IS NULL')
    op.create_index(
        'ix_withdrawal_waiting', 'withdrawal', ['id'],
        sqlite_where=waiting, postgresql_where=waiting,
    )
    op.create_index(op.f('ix_withdrawal_at'), 'withdrawal', ['at'])


def downgrade_book() -> None:
    """The book."""
    op.drop_table('withdrawal')


def upgrade_keys() -> None:
    """The keys."""
    op.create_table(
        'withdrawal_entry',
        sa.Column('id', sa.String(length=22), nullable=False),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('kind', sa.String(length=11), nullable=False),
        sa.Column('lifted', sa.Boolean(), nullable=False),
        sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint(KINDS, name=op.f('ck_withdrawal_entry_known_kind')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_withdrawal_entry')),
    )


def downgrade_keys() -> None:
    """The keys."""
    op.drop_table('withdrawal_entry')
