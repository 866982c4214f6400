"""What booking tidies: holds that ran out are let go, baskets that nobody wants any more go.

Nobody waits for it: an expired hold is discounted by readers and released by the
next writer. It keeps the book small.
"""

from datetime import datetime

from app.booking import baskets
from app.booking.holds import release_run_out
from app.booking.models import Basket
from app.core.datamap import Retention
from app.core.languages import N_
from app.core.sweeps import delete_rows
from app.core.worker import every_minute


@every_minute
def tidy(now: datetime) -> None:
    """Release expired holds."""
    release_run_out(now=now)


delete_rows(
    "baskets",
    Basket,
    baskets.is_old,
    retention=Retention.BASKET,
    words=N_("baskets that nobody touched any more"),
)
