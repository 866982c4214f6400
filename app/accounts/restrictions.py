"""A person's no to a use of their data, purpose by purpose; asked before every such use.

*Restricting* (GDPR, Article 18) keeps a value and uses it for nothing; *objecting*
(Article 21) ends a use that needs no consent. Either counts from its commit on.
"""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from app.accounts.models import Restriction
from app.core.database import db
from app.core.datamap import Purpose

RESTRICT, OBJECT = "restrict", "object"


def restrict(person_ids: Collection[str], purpose: Purpose, kind: str, *, now: datetime) -> None:
    """Say no to a purpose for these persons; said twice it stands once. The caller commits."""
    live = set(
        db.session.scalars(
            sa.select(Restriction.person_id).where(
                Restriction.person_id.in_(person_ids),
                Restriction.purpose == purpose.value,
                Restriction.kind == kind,
                Restriction.ended_at.is_(None),
            )
        )
    )
    for person_id in person_ids:
        if person_id not in live:
            db.session.add(
                Restriction(person_id=person_id, kind=kind, purpose=purpose.value, since=now)
            )
    db.session.flush()


def lift(person_ids: Collection[str], purpose: Purpose, kind: str, *, now: datetime) -> None:
    """Take a no back; what it was stays to be proved. The caller commits."""
    db.session.execute(
        sa.update(Restriction)
        .where(
            Restriction.person_id.in_(person_ids),
            Restriction.purpose == purpose.value,
            Restriction.kind == kind,
            Restriction.ended_at.is_(None),
        )
        .values(ended_at=now)
    )


def restricted(person_ids: Collection[str], purpose: Purpose) -> set[str]:
    """Return those of the persons whose data may not be used for a purpose now."""
    query = sa.select(Restriction.person_id).where(
        Restriction.person_id.in_(person_ids),
        Restriction.purpose == purpose.value,
        Restriction.ended_at.is_(None),
    )
    return set(db.session.scalars(query))
