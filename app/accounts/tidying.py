"""What accounts do every minute: links, tickets and requests that ran out."""

from datetime import datetime

from app.accounts import mail_links, readings, tickets
from app.accounts.registering import forget_run_out
from app.core.database import db
from app.core.worker import every_minute


@every_minute
def tidy(now: datetime) -> None:
    """Delete what ran out."""
    forget_run_out(now=now)
    mail_links.forget_old(now=now)
    tickets.forget_old(now=now)
    readings.forget_old(now=now)
    db.session.commit()
