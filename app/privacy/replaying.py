"""Erasing again, in a book that was restored from before (C12, C26).

The ledger lies beside the keys and outlives the book. It holds no name, so whoever it means
is found by its keyed digest of each person's random number.
"""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from app.booking.holds import release
from app.core import erasures as ledger
from app.core.database import db
from app.core.purposes import TOPIC, unit
from app.privacy import stores
from app.privacy.models import DONE, Erasure


def replay(positions: Iterable[int], *, now: datetime) -> int:
    """Erase again whom the ledger has at these positions, in a book from before. Commits.

    Persons of the book and of the keys are found by the ledger's digest. Returns how many
    there were; running it again finds none, and does no harm.
    """
    wanted = set(positions)
    marks = {one.person_digest for one in ledger.entries() if one.position in wanted}
    found = [one for one in stores.everybody() if ledger.person_digest(one) in marks]
    for reservation_id in stores.all_held(found):
        release(reservation_id, now=now, only_run_out=False)
    with unit(TOPIC, "privacy.erase"):  # papers are opened, and sealed anew
        for name in ("letters", "outbox", "papers"):
            stores.store(name).erase(found, now)
    db.session.commit()
    stores.store("keys").erase(found, now)
    for erasure in db.session.scalars(sa.select(Erasure).where(Erasure.person_id.in_(found))):
        erasure.state, erasure.done_at, erasure.person_ids = DONE, now, []
    db.session.flush()
    stores.delete_rows(found, now)
    stores.delete_last(found)
    ledger.apply(wanted)
    db.session.commit()
    stores.overwrite()
    return len(found)
