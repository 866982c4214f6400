"""Notices, the chain of receipts, and the grants under which something may be noted."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.accounts.models import Account
from app.core.database import Base, kept, plain, whose
from app.core.datamap import Kind, Personal, Purpose, Retention

_ACTIVITY = Personal(
    Kind.ACTIVITY,
    (Purpose.STATISTICS,),
    Retention.ACTIVITY,
    "C09",
    readable="the owner's totals are counted from it, and nobody's name is on it",
)


class NoticeText(Base):
    """The very words of a cookie question, found by their digest. Added, never changed."""

    __tablename__ = "consent_notice"

    digest: Mapped[str] = plain(sa.String(64), primary_key=True)
    language: Mapped[str] = plain(sa.String(5))
    number: Mapped[int] = plain()
    text: Mapped[str] = plain(sa.Text)  # canonical JSON
    first_shown_at: Mapped[datetime] = plain()


class Entry(Base):
    """One receipt in the chain; what it says goes after its term, its digest stays.

    Nobody can be found from it: it has no address, no browser and no name, and
    its number is random, kept in the visitor's own cookie.
    """

    __tablename__ = "consent_entry"
    __person__ = None

    position: Mapped[int] = plain(primary_key=True, autoincrement=False)  # 1, 2, 3, …
    at: Mapped[datetime] = kept(
        Personal(
            Kind.CHOICE,
            (Purpose.PROOF,),
            Retention.RECEIPT,
            "C09",
            readable="the chain is proved by it, and nobody can be found from it",
        ),
        index=True,
    )
    body: Mapped[str | None] = kept(
        Personal(
            Kind.CHOICE,
            (Purpose.PROOF,),
            Retention.RECEIPT,
            "C09",
            readable="what was chosen must be provable, and nobody can be found from it",
        ),
        sa.Text,
    )
    body_digest: Mapped[str] = plain(sa.String(64))
    previous: Mapped[str] = plain(sa.String(64))
    digest: Mapped[str] = plain(sa.String(64), unique=True)


class Head(Base):
    """The end of the chain on a day, as it was published."""

    __tablename__ = "consent_head"

    day: Mapped[date] = plain(sa.Date, primary_key=True)
    position: Mapped[int] = plain()
    digest: Mapped[str] = plain(sa.String(64))


class Grant(Base):
    """A living yes to a category: what is noted under it goes with it, by foreign key.

    The number in the visitor's cookie is kept as its digest only.
    """

    __tablename__ = "consent_grant"
    __person__ = "person_id"
    __table_args__ = (sa.UniqueConstraint("receipt_id", "category"),)

    id: Mapped[int] = plain(primary_key=True)
    receipt_id: Mapped[str] = plain(sa.String(22))
    category: Mapped[str] = plain(sa.String(20))
    token_digest: Mapped[bytes] = plain(unique=True)
    person_id: Mapped[str | None] = whose(
        sa.ForeignKey("person.id", ondelete="CASCADE"), index=True
    )
    granted_at: Mapped[datetime] = plain()
    expires_at: Mapped[datetime] = plain(index=True)


class ActivityLine(Base):
    """One line of the activity log: a page that was opened, or a click."""

    __tablename__ = "activity_line"
    __path_to_person__ = "grant.person_id"
    __table_args__ = (sa.CheckConstraint("kind IN ('page', 'click')", name="known_kind"),)

    id: Mapped[int] = plain(primary_key=True)
    grant_id: Mapped[int] = plain(sa.ForeignKey("consent_grant.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = kept(_ACTIVITY, index=True)  # to the minute
    kind: Mapped[str] = kept(_ACTIVITY, sa.String(5))
    what: Mapped[str] = kept(_ACTIVITY, sa.String(120))  # a route, or the name of a click
    referring_host: Mapped[str] = kept(_ACTIVITY, sa.String(100))
    device: Mapped[str] = kept(_ACTIVITY, sa.String(10))
    browser: Mapped[str] = kept(_ACTIVITY, sa.String(20))
    system: Mapped[str] = kept(_ACTIVITY, sa.String(20))

    grant: Mapped[Grant] = relationship()


class Glance(Base):
    """An offer that a visitor looked at, who said yes to suggestions."""

    __tablename__ = "glance"
    __path_to_person__ = "grant.person_id"

    grant_id: Mapped[int] = plain(
        sa.ForeignKey("consent_grant.id", ondelete="CASCADE"), primary_key=True
    )
    what: Mapped[str] = kept(
        Personal(
            Kind.HISTORY,
            (Purpose.SUGGESTIONS,),
            Retention.ACTIVITY,
            "C18",
            readable="the order of a search is made from it, and nobody's name is on it",
        ),
        sa.String(80),
        primary_key=True,
    )
    last_at: Mapped[datetime] = kept(
        Personal(
            Kind.HISTORY,
            (Purpose.SUGGESTIONS,),
            Retention.ACTIVITY,
            "C18",
            readable="the latest come first",
        )
    )

    grant: Mapped[Grant] = relationship()


class AccountRefusal(Base):
    """A refusal that a browser signalled while somebody was signed in: it counts everywhere.

    California's rules ask for it (11 CCR 7025(c)(1)): a signal covers the account
    too, where it is known. Once an explicit yes has overruled it, `signal` is empty
    and `at` says since when.
    """

    __tablename__ = "account_refusal"
    __path_to_person__ = "account.person_id"

    account_id: Mapped[int] = plain(
        sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    receipt_id: Mapped[str] = plain(sa.String(22))
    signal: Mapped[str] = kept(
        Personal(
            Kind.CHOICE,
            (Purpose.PROOF,),
            Retention.PERSON,
            "C10",
            readable="every request of the account is answered by it",
        ),
        sa.String(10),
    )
    at: Mapped[datetime] = kept(
        Personal(
            Kind.CHOICE,
            (Purpose.PROOF,),
            Retention.PERSON,
            "C10",
            readable="the later of two answers counts",
        )
    )

    account: Mapped[Account] = relationship()


class PersonPermission(Base):
    """A person's express yes to one purpose (and one recipient), with when it ended.

    One row a yes: taking it back ends the row, so that both are proved.
    """

    __tablename__ = "person_permission"
    __person__ = "person_id"
    __table_args__ = (
        sa.Index(
            "uq_person_permission_live",
            "person_id",
            "purpose",
            "recipient",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = kept(
        Personal(
            Kind.PERMISSION,
            (Purpose.RIGHTS,),
            Retention.RIGHTS,
            "C20",
            readable="every use for that purpose asks for it first",
        ),
        sa.String(20),
    )
    recipient: Mapped[str] = plain(sa.String(40), default="", server_default="")  # "": the house
    given_at: Mapped[datetime] = plain()
    how: Mapped[str] = plain(sa.String(20))  # on which page
    ended_at: Mapped[datetime | None] = plain()
    # On which page, or by what else it came to its end; empty where nobody noted it.
    ended_how: Mapped[str] = plain(sa.String(20), default="", server_default="")
