"""What consent tidies: what ran out goes, and each day's head is published.

Nobody waits for it: a choice that ran out counts no more from that second on,
and under a grant that ran out nothing is noted.
"""

from datetime import datetime

import sqlalchemy as sa

from app.consent import activity, chain, deciding
from app.consent.models import ActivityLine, Entry, Glance, Grant
from app.core.database import db
from app.core.datamap import Retention
from app.core.languages import N_
from app.core.sweeps import DAY, Sweep, delete_rows, register
from app.core.worker import every_minute


@every_minute
def publish_head(now: datetime) -> None:
    """Publish the chain's head of the day."""
    chain.publish_head(now=now)
    db.session.commit()


delete_rows(
    "grants",
    Grant,
    deciding.ran_out,
    retention=Retention.ACTIVITY,
    words=N_("a yes that ran out, with all that was noted under it"),
)
delete_rows(
    "activity",
    ActivityLine,
    activity.line_is_old,
    retention=Retention.ACTIVITY,
    words=N_("lines of the activity log that are as old as any may get"),
)
delete_rows(
    "glances",
    Glance,
    activity.glance_is_old,
    retention=Retention.ACTIVITY,
    words=N_("offers looked at, as long ago as any may be kept"),
    every=DAY,
)
register(
    Sweep(
        name="receipts",
        retention=Retention.RECEIPT,
        words=N_("what was chosen about cookies; the receipt’s digest stays"),
        every=DAY,
        of=Entry,
        due=lambda now: sa.select(Entry.position).where(chain.words_are_old(now)),
        remove=lambda positions, now: chain.forget_words(positions),
    )
)
