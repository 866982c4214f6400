"""What the ground floor tidies: limits of past days, and jobs of long ago, done or given up."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.core import limits
from app.core.datamap import Retention
from app.core.languages import N_
from app.core.outbox import MOST_ATTEMPTS, Job, wait_after
from app.core.sweeps import DAY, delete_rows

JOB_KEPT = timedelta(days=30)
"""How long the outbox remembers what was done, or tried for the last time; numbers only.

What must come to its end isn't lost with a job that gave up: refunds, erasures and kept cards
have work of their own that goes on with them.
"""


def _over(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a job that it was done so long ago, or given up: it stays due for one wait more."""
    last_wait = wait_after(MOST_ATTEMPTS)
    given_up = sa.and_(
        Job.done_at.is_(None),
        Job.attempts >= MOST_ATTEMPTS,
        Job.not_before <= now - JOB_KEPT + last_wait,
    )
    return sa.or_(Job.done_at <= now - JOB_KEPT, given_up)


delete_rows(
    "limits",
    limits.Bucket,
    limits.is_old,
    retention=Retention.SECURITY,
    words=N_("how often a network asked for something on a past day"),
)
delete_rows(
    "jobs",
    Job,
    _over,
    retention=Retention.SECURITY,
    words=N_("what the site had noted to do, and did or gave up; numbers only"),
    every=DAY,
)
