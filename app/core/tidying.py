"""What the ground floor tidies: limits of past days, and jobs that were done long ago."""

from datetime import timedelta

from app.core import limits
from app.core.datamap import Retention
from app.core.languages import N_
from app.core.outbox import Job
from app.core.sweeps import DAY, delete_rows

JOB_KEPT = timedelta(days=30)
"""How long the outbox remembers what was done. It holds numbers and no personal value."""

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
    lambda now: Job.done_at <= now - JOB_KEPT,
    retention=Retention.SECURITY,
    words=N_("what the site had noted to do, and did; numbers only"),
    every=DAY,
)
