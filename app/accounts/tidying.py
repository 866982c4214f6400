"""What accounts tidy: links, steps, sessions and requests that ran out, and old readings."""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa

from app.accounts import inviting, mail_links, readings, registering, sessions, tickets
from app.accounts.models import Account, MailLink, Reading, SessionRow, SignInLink, Ticket
from app.core.database import db
from app.core.datamap import Retention
from app.core.languages import N_
from app.core.sweeps import DAY, MINUTE, Sweep, delete_rows, register


def _never_opened(
    name: str, ran_out: Callable[[datetime], sa.ColumnElement[bool]], words: str
) -> None:
    """Register a sweep of accounts that nobody ever opened, and their persons."""

    def forget(ids: Sequence[int], now: datetime) -> None:
        registering.forget_requests(
            db.session.scalars(
                # Whoever opened the link in between has an account.
                sa.select(Account).where(Account.id.in_(ids), ran_out(now))
            ).all()
        )

    register(
        Sweep(
            name=name,
            retention=Retention.SECURITY,
            words=words,
            every=MINUTE,
            of=Account,
            due=lambda now: sa.select(Account.id).where(ran_out(now)),
            remove=forget,
        )
    )


_never_opened(
    "account-requests",
    registering.ran_out,
    N_("requests for accounts whose link nobody used in time"),
)
_never_opened(
    "invitations", inviting.ran_out, N_("invitations to the house that nobody accepted in time")
)
delete_rows(
    "mail-links",
    MailLink,
    mail_links.ran_out,
    retention=Retention.SECURITY,
    words=N_("links in mails about accounts, used or not, once they open nothing"),
)
delete_rows(
    "tickets",
    Ticket,
    tickets.ran_out,
    retention=Retention.SECURITY,
    words=N_("steps of signing in that nobody finished in time"),
)
delete_rows(
    "sign-in-links",
    SignInLink,
    lambda now: SignInLink.expires_at <= now,
    retention=Retention.SECURITY,
    words=N_("the owner’s ways in, once they open nothing"),
)
delete_rows(
    "sessions",
    SessionRow,
    sessions.is_over,
    retention=Retention.SESSION,
    words=N_("sign-ins that are over"),
)
delete_rows(
    "readings",
    Reading,
    readings.is_old,
    retention=Retention.READING,
    words=N_("who of the house looked at what, as long ago as it is kept"),
    every=DAY,
)
