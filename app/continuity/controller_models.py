"""A change of controller, what people said to it, and what was sealed for the new one (C24)."""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.core.database import Base, inner, kept, plain, whose
from app.core.datamap import Kind, Personal, Purpose, Retention

SITE, DATA = "site", "data"
"""What goes to the new controller: the whole site as it stands, or only the data."""

PLANNED, ANNOUNCED, RUNNING, DONE, STOPPED = "planned", "announced", "running", "done", "stopped"

WINDOW_DAYS = 30
"""So many days there are at least between the notice and the day of the change. No law that
we know fixes a number (PIPL 22, GB/T 35273 9.3 and GDPR 13, 14 and 21 ask for notice and a
real chance to say no): it is our own promise, and the database holds us to it."""

_LIVE = f"('{PLANNED}', '{ANNOUNCED}', '{RUNNING}')"


class ControllerChange(Base):
    """One change of who is responsible: planned, announced, carried out, or stopped.

    Days are kept as ordinal numbers, so that both databases can count the days between them:
    nothing begins without notice, nor before the window is over.
    """

    __tablename__ = "controller_change"
    __table_args__ = (
        sa.CheckConstraint("way IN ('site', 'data')", name="known_way"),
        sa.CheckConstraint(
            "state IN ('planned', 'announced', 'running', 'done', 'stopped')", name="known_state"
        ),
        sa.CheckConstraint("way = 'site' OR public_key != ''", name="sealed_for_somebody"),
        sa.CheckConstraint(
            "state IN ('planned', 'stopped') OR (announced_day IS NOT NULL"
            f" AND announced_at IS NOT NULL AND changes_day - announced_day >= {WINDOW_DAYS})",
            name="notice_and_window",
        ),
        sa.CheckConstraint(
            "state NOT IN ('running', 'done') OR begun_day IS NOT NULL", name="has_begun"
        ),
        sa.CheckConstraint(
            "begun_day IS NULL OR begun_day >= changes_day", name="not_before_its_day"
        ),
        sa.CheckConstraint(
            f"(state IN {_LIVE} AND live IS NOT NULL AND live = 1)"
            f" OR (state NOT IN {_LIVE} AND live IS NULL)",
            name="live",
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    state: Mapped[str] = plain(sa.String(10), default=PLANNED)
    live: Mapped[int | None] = inner(unique=True, default=1)  # so that there is one at a time
    way: Mapped[str] = plain(sa.String(4))
    # The new controller, as everybody reads it.
    name: Mapped[str] = plain(sa.String(200))
    address: Mapped[list[Any]] = plain()  # printed lines
    email: Mapped[str] = plain(sa.String(254))
    country: Mapped[str] = plain(sa.String(2))  # ISO 3166-1
    abroad: Mapped[bool] = plain()  # in another country than this house
    texts: Mapped[dict[str, Any]] = plain()  # {language: a sentence of the owner's}
    public_key: Mapped[str] = plain(sa.Text, default="")  # PEM
    former: Mapped[str] = plain(sa.String(200), default="")  # who was responsible until then
    changes_day: Mapped[int] = plain()
    announced_day: Mapped[int | None] = plain()
    begun_day: Mapped[int | None] = plain()
    made_at: Mapped[datetime] = plain()
    announced_at: Mapped[datetime | None] = plain()
    stopped_at: Mapped[datetime | None] = plain()
    begun_at: Mapped[datetime | None] = plain()
    done_at: Mapped[datetime | None] = plain()
    stage: Mapped[str] = plain(sa.String(20), default="")  # the last one that was finished
    cursor: Mapped[str] = inner(sa.String(32), default="")  # how far the present one has come
    counts: Mapped[dict[str, Any]] = plain(default=dict)
    fetched_at: Mapped[datetime | None] = plain()  # when the package was taken last

    @property
    def changes_on(self) -> date:
        """The day of the change, in the place's calendar."""
        return date.fromordinal(self.changes_day)

    @property
    def code(self) -> str:
        """The name under which it is announced and told."""
        return f"controller-{self.id}"

    @property
    def is_live(self) -> bool:
        """Whether it is planned, announced or being carried out."""
        return self.state in (PLANNED, ANNOUNCED, RUNNING)


class ControllerObjection(Base):
    """A person's no to being handed over, with when it was said, and taken back."""

    __tablename__ = "controller_objection"
    __person__ = "person_id"
    __table_args__ = (
        sa.Index(
            "uq_controller_objection_live",
            "change_id",
            "person_id",
            unique=True,
            sqlite_where=sa.text("withdrawn_at IS NULL"),
            postgresql_where=sa.text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[int] = plain(primary_key=True)
    change_id: Mapped[int] = plain(sa.ForeignKey("controller_change.id", ondelete="CASCADE"))
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    objected_at: Mapped[datetime] = kept(
        Personal(
            Kind.OBJECTION,
            (Purpose.RIGHTS,),
            Retention.RIGHTS,
            "C24",
            readable="whoever said no is left out by it",
        )
    )
    withdrawn_at: Mapped[datetime | None] = plain()

    change: Mapped[ControllerChange] = relationship()


class ControllerRecord(Base):
    """What the package has of one subject, sealed for the new controller; we can't open it.

    It hangs on the person: whoever is erased is gone from the package too.
    """

    __tablename__ = "controller_record"
    __person__ = "person_id"
    __table_args__ = (sa.UniqueConstraint("change_id", "person_id"),)

    id: Mapped[int] = plain(primary_key=True)
    change_id: Mapped[int] = plain(sa.ForeignKey("controller_change.id", ondelete="CASCADE"))
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    sealed_bytes: Mapped[bytes] = inner(sa.LargeBinary)
    digest: Mapped[str] = inner(sa.String(64))  # SHA-256 of the sealed bytes
    made_at: Mapped[datetime] = plain(index=True)

    change: Mapped[ControllerChange] = relationship()
