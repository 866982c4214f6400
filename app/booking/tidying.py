"""What booking does every minute: holds that ran out, baskets that nobody wants any more.

Nobody waits for it: an expired hold is discounted by readers and released by the
next writer. It keeps the book small.
"""

from datetime import datetime

from app.booking import baskets
from app.booking.holds import release_run_out
from app.core import limits
from app.core.database import db
from app.core.worker import every_minute


@every_minute
def tidy(now: datetime) -> None:
    """Release expired holds, delete old baskets and yesterday's limits."""
    release_run_out(now=now)
    baskets.forget_old(now=now)
    limits.forget_old(now=now)
    db.session.commit()
