"""A person's no to a use of their data, purpose by purpose; asked before every such use.

*Restricting* (GDPR, Article 18) keeps a value and uses it for nothing; *objecting*
(Article 21) ends a use that needs no consent. Either counts from its commit on.
"""

from collections.abc import Collection
from datetime import datetime
from itertools import product

import sqlalchemy as sa

from app.accounts.models import Person, Restriction
from app.core import withdrawals
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
    fresh = [person_id for person_id in person_ids if person_id not in live]
    for person_id in fresh:
        db.session.add(
            Restriction(person_id=person_id, kind=kind, purpose=purpose.value, since=now)
        )
    db.session.flush()
    said = ((person_id, purpose.value, kind) for person_id in fresh)
    withdrawals.note(withdrawals.RESTRICTION, said, now=now)


def lift(person_ids: Collection[str], purpose: Purpose, kind: str, *, now: datetime) -> None:
    """Take a no back; what it was stays to be proved. The caller commits."""
    ended = db.session.scalars(
        sa.update(Restriction)
        .where(
            Restriction.person_id.in_(person_ids),
            Restriction.purpose == purpose.value,
            Restriction.kind == kind,
            Restriction.ended_at.is_(None),
        )
        .values(ended_at=now)
        .returning(Restriction.person_id)
    ).all()
    said = ((person_id, purpose.value, kind) for person_id in ended)
    withdrawals.note(withdrawals.RESTRICTION, said, now=now, lifted=True)


def restricted(person_ids: Collection[str], purpose: Purpose) -> set[str]:
    """Return those of the persons whose data may not be used for a purpose now."""
    query = sa.select(Restriction.person_id).where(
        Restriction.person_id.in_(person_ids),
        Restriction.purpose == purpose.value,
        Restriction.ended_at.is_(None),
    )
    return set(db.session.scalars(query))


@withdrawals.carries_out(withdrawals.RESTRICTION)
def _say_again(wanted: withdrawals.Wanted) -> None:
    live = sa.select(Restriction.person_id, Restriction.purpose, Restriction.kind)
    there = set(map(tuple, db.session.execute(live.where(Restriction.ended_at.is_(None)))))
    for person_id in db.session.scalars(sa.select(Person.id)).all():
        for purpose, kind in product(Purpose, (RESTRICT, OBJECT)):
            said = (person_id, purpose.value, kind)
            since = wanted.since(*said)
            if since is not None and said not in there:
                db.session.add(
                    Restriction(person_id=person_id, purpose=purpose.value, kind=kind, since=since)
                )
