"""Extras, fees and taxes, made and changed; the caller commits."""

from typing import Any

import sqlalchemy as sa

from app.booking.models import ChargeRow, ExtraRow, ReservationLine
from app.core.database import db
from app.owner.offers import Words, merged

_CODE_MOST = 36


def code_of(model: Any, stem: str) -> str:
    """Return a code that no other extra or charge has, made from a name's address."""
    taken = set(db.session.scalars(sa.select(model.code)))
    stem = stem[:_CODE_MOST]
    numbered = (f"{stem[:_CODE_MOST]}-{n}" for n in range(2, len(taken) + 3))
    return stem if stem not in taken else next(one for one in numbered if one not in taken)


def put(row: ExtraRow | ChargeRow, words: Words, values: dict[str, Any]) -> None:
    """Change an extra, a fee or a tax, for whoever books from now on."""
    row.texts = merged(row.texts or {}, words)
    for name, value in values.items():
        setattr(row, name, value)
    db.session.add(row)
    db.session.flush()


def remove_extra(row: ExtraRow) -> None:
    """Delete an extra; one that was ever reserved is only offered no more."""
    if _is_reserved(ReservationLine.extra_id == row.id):
        row.offer_kinds = ""
    else:
        db.session.delete(row)
    db.session.flush()


def remove_charge(row: ChargeRow) -> None:
    """Delete a fee or tax; one that was ever reserved is only asked for no more."""
    if _is_reserved(ReservationLine.charge_id == row.id):
        row.minor = 0
    else:
        db.session.delete(row)
    db.session.flush()


def _is_reserved(which: Any) -> bool:
    return db.session.scalar(sa.select(ReservationLine.id).where(which).limit(1)) is not None
