"""The certificate of a closing: what was erased, by kind, and what the law keeps until when.

Signed by the house as the certificate of one erasure is (`privacy.certificate`), so that
everybody can verify it. Counts, days and grounds: no value of any person is in it.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask import current_app

from app.config import Settings
from app.continuity import closing_people
from app.continuity.closing_models import Closing
from app.core.database import db
from app.privacy import certificate
from app.privacy.archiving import day_here
from app.privacy.models import DONE, Erasure
from app.privacy.planning import Item

FILE, SIGNATURE_FILE = "closing-certificate.json", "closing-certificate.sig"
COMMANDS = certificate.COMMANDS.replace(certificate.FILE, FILE).replace(
    certificate.SIGNATURE_FILE, SIGNATURE_FILE
)
"""What verifies it without us (OpenSSL 3.0 and later)."""


def certify(closing: Closing) -> str:
    """Return the certificate of a closing whose erasures are all done, as the text to keep."""
    assert closing.done_at is not None
    assert closing.begun_at is not None
    assert closing.erasing_at is not None
    settings: Settings = current_app.extensions["settings"]
    done = day_here(closing.done_at)
    erasures = _erasures(closing.erasing_at)
    _, owners = closing_people.how_many()
    statement: dict[str, Any] = {
        "of": "closing",
        "site": settings.site_url,
        "announced_at": certificate.instant(closing.begun_at),
        "last_day": closing.last_day.isoformat(),
        "downloads_until": closing.downloads_until.isoformat(),
        "begun_at": certificate.instant(closing.erasing_at),
        "done_at": certificate.instant(closing.done_at),
        "persons": int(closing.counts.get("persons", 0)),
        "reservations_cancelled": int(closing.counts.get("cancelled", 0)),
        "reservations_shortened": int(closing.counts.get("parts", 0)),
        "refunded_minor": int(closing.counts.get("refunded", 0)),
        "erased": _erased(erasures, closing),
        "kept": _kept(erasures),
        "owner_accounts_that_stay": owners,
        "keys_backup_days": settings.keys_backup_days,
        "no_backup_opens_it_from": certificate.unreadable_from(done).isoformat(),
        "no_backup_holds_it_from": certificate.absent_from(done).isoformat(),
    }
    return certificate.sign(statement)


def _erasures(since: datetime) -> list[Erasure]:
    query = sa.select(Erasure).where(Erasure.state == DONE, Erasure.done_at >= since)
    return list(db.session.scalars(query.order_by(Erasure.id)))


def _erased(erasures: list[Erasure], closing: Closing) -> list[dict[str, Any]]:
    rows: dict[str, int] = dict(closing.counts.get("cleared", {}))
    for erasure in erasures:
        for name, count in erasure.counts.items():
            rows[name] = rows.get(name, 0) + int(count)
    return [{"what": name, "rows": count} for name, count in sorted(rows.items())]


def _kept(erasures: list[Erasure]) -> list[dict[str, Any]]:
    items = [
        Item(
            one["what"],
            one["fate"],
            one["rows"],
            one.get("ground") or "",
            date.fromisoformat(one["until"]) if one.get("until") else None,
        )
        for erasure in erasures
        for one in erasure.left
    ]
    said = [
        {
            "what": one.table,
            "rows": one.rows,
            "fate": one.fate,
            "ground": one.ground,
            "until": one.until.isoformat() if one.until else "",
        }
        for one in closing_people.together(items)
    ]
    return [{key: part for key, part in one.items() if part} for one in said]
