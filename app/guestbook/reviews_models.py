"""Reviews: what a guest wrote, sealed, and the copy that everybody may read while they agree."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from app.booking.models import Reservation, ReservationLine
from app.core.database import Base, inner, kept, plain, sealed, whose
from app.core.datamap import Kind, Personal, Purpose, Retention
from app.core.vault import opened

DRAFT, WAITING, SHOWN, DECLINED, WITHDRAWN = STATES = (
    "draft",
    "waiting",
    "shown",
    "declined",
    "withdrawn",
)

_WRITTEN = Personal(Kind.REVIEW, (Purpose.PUBLIC,), Retention.BOOKING, "C23")
_PUBLISHED = Personal(
    Kind.REVIEW,
    (Purpose.PUBLIC,),
    Retention.BOOKING,
    "C23",
    readable="everybody may read it: its person agreed to these very words, and can end that",
)


class Review(Base):
    """What a guest wrote of something they stayed in. Sealed until they and the house let it out.

    `agreed` is the item that they were shown and agreed to, as canonical JSON, and `recipient`
    the name of the permission for it, made from its digest.
    """

    __tablename__ = "review"
    __person__ = "person_id"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('draft', 'waiting', 'shown', 'declined', 'withdrawn')", name="known_state"
        ),
        sa.CheckConstraint("state != 'declined' OR because IS NOT NULL", name="declined_why"),
    )

    id: Mapped[int] = plain(primary_key=True)
    key: Mapped[str] = inner(sa.String(24), unique=True)  # its public address, once it has one
    line_id: Mapped[int] = plain(
        sa.ForeignKey("reservation_line.id", ondelete="CASCADE"), unique=True
    )
    reservation_id: Mapped[int] = plain(
        sa.ForeignKey("reservation.id", ondelete="CASCADE"), index=True
    )
    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id"))
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    language: Mapped[str] = plain(sa.String(5))  # in which it was written, and is shown
    state: Mapped[str] = plain(sa.String(9), index=True)
    because: Mapped[str | None] = plain(sa.String(10))  # why the house declined it
    written_at: Mapped[datetime] = plain()
    agreed_at: Mapped[datetime | None] = plain()
    decided_at: Mapped[datetime | None] = plain()  # by the house
    with_month: Mapped[bool] = plain()
    recipient: Mapped[str | None] = inner(sa.String(40))
    _rating: Mapped[bytes | None] = sealed("rating", _WRITTEN)
    _text: Mapped[bytes | None] = sealed("text", _WRITTEN)
    _named: Mapped[bytes | None] = sealed("named", _WRITTEN)
    _country: Mapped[bytes | None] = sealed("country", _WRITTEN)
    _agreed: Mapped[bytes | None] = sealed("agreed", _WRITTEN)

    rating = opened("_rating")  # "1" to "5"
    text = opened("_text")
    named = opened("_named")  # one of reviews.NAMED
    country = opened("_country")
    agreed = opened("_agreed")

    reservation: Mapped[Reservation] = relationship()
    line: Mapped[ReservationLine] = relationship()


class PublicReview(Base):
    """The copy that everybody may read: exactly the item that its person agreed to.

    It is shown only beside a permission of that name that counts now, and it is deleted as
    that ends.
    """

    __tablename__ = "public_review"
    __person__ = "person_id"

    review_id: Mapped[int] = plain(
        sa.ForeignKey("review.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    person_id: Mapped[str] = whose(sa.ForeignKey("person.id", ondelete="CASCADE"), index=True)
    offer_id: Mapped[int] = plain(sa.ForeignKey("offer.id"), index=True)
    recipient: Mapped[str] = inner(sa.String(40))
    published_at: Mapped[datetime] = plain(index=True)
    item: Mapped[str] = kept(_PUBLISHED, sa.Text)
    answer: Mapped[str | None] = kept(_PUBLISHED, sa.Text)  # the house's, below it
    answered_at: Mapped[datetime | None] = plain()

    review: Mapped[Review] = relationship()
