"""A yes that counts now, as an object: whoever does what needs one must hold it.

`demand` reads the row of the yes and returns a `LivePermission`; nothing else makes one.
What may only be done with somebody's yes takes such an object, so it can't be called without.
"""

from collections.abc import Collection

import sqlalchemy as sa

from app.accounts.restrictions import restricted
from app.consent.models import PersonPermission
from app.core.database import db
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import N_

_MAKE = object()


class NotPermitted(DomainError):
    """There is no yes to it, or it was taken back, or it was to something else."""

    message = N_("There is no yes to this that counts now. Nothing was done.")


class LivePermission:
    """A yes of one person to one purpose and one recipient, which counted when it was read."""

    __slots__ = ("_persons", "_row_id", "person_id", "purpose", "recipient")

    def __init__(self, key: object, row: PersonPermission, persons: Collection[str]) -> None:
        if key is not _MAKE:
            raise TypeError("A permission comes from a yes that counts only.")
        self._row_id = row.id
        self._persons = frozenset(persons)
        self.person_id = row.person_id
        self.purpose = Purpose(row.purpose)
        self.recipient = row.recipient

    def is_of(self, person_id: str | None) -> bool:
        """Whether it is the yes of this person, whichever of theirs gave it."""
        return person_id in self._persons

    def refuse_if_over(self) -> None:
        """Look at the yes once more, as the last thing before it is used. Raises NotPermitted."""
        query = sa.select(PersonPermission.id).where(
            PersonPermission.id == self._row_id, PersonPermission.ended_at.is_(None)
        )
        if db.session.scalar(query) is None or _is_restricted(self._persons, self.purpose):
            raise NotPermitted


def demand(
    person_ids: Collection[str],
    purpose: Purpose,
    *,
    recipient: str,
    whose: Collection[str] | None = None,
) -> LivePermission:
    """Return the yes of one of these persons, who are all the same one, or raise NotPermitted.

    It is locked until the end of the transaction where the database can: whoever takes it
    back meanwhile waits for what is done with it, and is never told that nothing will be.
    Who asked that their data be used for nothing has not allowed it either; `whose` are all
    the persons that they are, where a yes of some of them doesn't count.
    """
    everybody = person_ids if whose is None else whose
    row = db.session.scalars(
        sa.select(PersonPermission)
        .where(
            PersonPermission.person_id.in_(person_ids),
            PersonPermission.purpose == purpose.value,
            PersonPermission.recipient == recipient,
            PersonPermission.ended_at.is_(None),
        )
        .order_by(PersonPermission.id)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if row is None or _is_restricted(everybody, purpose):
        raise NotPermitted
    return LivePermission(_MAKE, row, everybody)


def _is_restricted(person_ids: Collection[str], purpose: Purpose) -> bool:
    return any(restricted(person_ids, one) for one in (purpose, Purpose.RESERVATION))
