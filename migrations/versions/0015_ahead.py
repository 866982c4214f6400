"""Find what lies ahead, and what was paid elsewhere, without reading the whole book.

The page of payments took four seconds beside a million reservations.

Revision: 0015
Earlier revision: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
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
    unpaid = sa.text("status = 'confirmed' AND paid_minor = 0 AND total_minor > 0")
    op.create_index(
        'ix_reservation_unpaid', 'reservation', ['id'],
        sqlite_where=unpaid, postgresql_where=unpaid,
    )
    stays = sa.text("depart IS NOT NULL")
    op.create_index(
        'ix_reservation_line_depart', 'reservation_line', ['depart'],
        sqlite_where=stays, postgresql_where=stays,
    )


def downgrade_book() -> None:
    """The book."""
    op.drop_index('ix_reservation_line_depart', table_name='reservation_line')
    op.drop_index('ix_reservation_unpaid', table_name='reservation')


def upgrade_keys() -> None:
    """The keys: nothing changes there."""


def downgrade_keys() -> None:
    """The keys: nothing changes there."""
