"""What goes of wishes and surveys when its time has come (C12)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.core.database import db
from app.core.datamap import Retention
from app.core.languages import N_
from app.core.sweeps import DAY, Sweep, delete_rows, register
from app.guestbook import wishes
from app.guestbook.models import StayWish, Survey
from app.guestbook.surveys import ANSWERED_FOR

# Every minute: what was asked for a stay that is cancelled goes with it.
delete_rows(
    "wishes",
    StayWish,
    wishes.are_over,
    retention=Retention.WISH,
    words=N_("what guests asked for stays that are over, or won’t be"),
)


def _links_that_ran_out(now: datetime) -> sa.Select[Any]:
    return sa.select(Survey.id).where(
        Survey.key_digest.is_not(None), Survey.sent_at <= now - ANSWERED_FOR
    )


def _forget_links(ids: Sequence[int], now: datetime) -> None:
    # That somebody was asked stays, for nobody is asked twice, and for the sum.
    forgotten = sa.update(Survey).where(Survey.id.in_(ids)).values(key_digest=None)
    db.session.execute(forgotten, execution_options={"synchronize_session": False})


register(
    Sweep(
        name="survey-links",
        retention=Retention.SECURITY,
        words=N_("links to surveys that can’t be answered any more"),
        every=DAY,
        of=Survey,
        due=_links_that_ran_out,
        remove=_forget_links,
    )
)
