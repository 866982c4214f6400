"""What consent does every minute: what ran out goes, and today's head is published.

Nobody waits for it: a choice that ran out counts no more from that second on,
and under a grant that ran out nothing is noted.
"""

from datetime import datetime

from app.consent import activity, chain, deciding
from app.core.database import clear_journal, db
from app.core.worker import every_minute


@every_minute
def tidy_consent(now: datetime) -> None:
    """End grants that ran out, delete lines and receipts' words that are old, publish a head."""
    deciding.end_run_out(now=now)
    activity.forget_old(now=now)
    db.session.commit()
    chain.publish_head(now=now)
    chain.forget_words(now=now)
    db.session.commit()
    clear_journal()
