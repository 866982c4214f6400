"""Reviews: a guest says what everybody may read of their stay, item by item (C23).

What is written lies sealed. Before it is public its guest is shown the *item*: the very
words, names and days that would stand there, and agrees to that and nothing else. The yes
is a permission whose name is made from the item's digest, so it can't count for another
item. Changed words are another item; taking the yes back takes the item off the site, in
the same transaction.
"""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256

import sqlalchemy as sa

from app.booking import wording
from app.booking.catalogue import Venue, text
from app.booking.models import BOOKING, CONFIRMED, Reservation, ReservationLine
from app.consent import permissions
from app.consent.canonical import canonical
from app.consent.ending import every_yes_ended
from app.consent.models import PersonPermission
from app.consent.permissions import permissions_ended_again
from app.core import withdrawals
from app.core.database import db
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import N_, current_locale, gettext, use_language
from app.guestbook.reviews_models import (
    DRAFT,
    SHOWN,
    WAITING,
    WITHDRAWN,
    PublicReview,
    Review,
)
from app.web.fields import country_names

FIRST, INITIALS, NOBODY = NAMED = ("first", "initials", "guest")
"""How a guest is named: by the first name, by initials, or not at all."""
_CODE = "review:"
FORGOTTEN = "forgotten"


class NoStay(DomainError):
    """Only what somebody really stayed in, once it is over, can be written about."""

    message = N_("A review can be written once your stay is over, by those who came.")


class NotAsShown(DomainError):
    """What was agreed to is not what would be shown."""

    message = N_("This has changed since you looked at it. Please look at it once more.")


class NothingWritten(DomainError):
    """There is no text."""

    message = N_("There is nothing written here yet.")


@dataclass(frozen=True, slots=True)
class Written:
    """What a guest wrote, and how they want to be named; `rating` is None or 1 to 5."""

    text: str
    named: str
    with_month: bool
    country: str  # two letters, or ""
    rating: int | None


@dataclass(frozen=True, slots=True)
class Item:
    """A review as everybody reads it: each of its texts exactly as it stands there."""

    key: str  # its address
    language: str
    offer: str
    by: str
    month: str
    country: str
    rating: int | None
    text: str

    def canonical(self) -> str:
        """Return the one spelling of the item, which is kept, signed by its digest, and shown."""
        return canonical(asdict(self))

    @property
    def recipient(self) -> str:
        """The name of the permission for this very item."""
        return recipient_of(self.canonical())


def recipient_of(kept: str) -> str:
    """Return the name of the permission for an item by its canonical text: 192 bits of SHA-256.

    The item's random key is in it, so nobody can find words by trying them.
    """
    return _CODE + urlsafe_b64encode(sha256(kept.encode()).digest()[:24]).decode()


# -- Who may write ----------------------------------------------------------------------------


def may_review(reservation: Reservation, venue: Venue, *, now: datetime) -> list[ReservationLine]:
    """Return the lines of a reservation that its guest may review: stayed in, and over."""
    if (
        reservation.status != CONFIRMED
        or reservation.kind != BOOKING
        or reservation.archived_at is not None
        or reservation.person_id is None
    ):
        return []
    return [
        line
        for line in reservation.lines
        if line.takes_places
        and line.offer_id is not None
        and line.no_show_at is None
        and _is_over(line, venue, now=now)
    ]


def _still(
    reservation_id: int, line: ReservationLine, venue: Venue, *, now: datetime
) -> list[ReservationLine]:
    """Return what `may_review` says of a reservation as it is now, locked until the commit.

    Whoever writes of one locks it first and the review after it: it may be cancelled, or its
    guest noted as missing, while they type.
    """
    query = sa.select(Reservation).where(Reservation.id == reservation_id).with_for_update()
    found = db.session.scalar(query, execution_options={"populate_existing": True})
    if found is None:
        return []
    db.session.refresh(line)
    return may_review(found, venue, now=now)


def _is_there(review: Review) -> bool:
    """Whether a review is still there, locked and read anew if it is."""
    query = sa.select(Review).where(Review.id == review.id).with_for_update()
    return db.session.scalar(query, execution_options={"populate_existing": True}) is not None


def _is_over(line: ReservationLine, venue: Venue, *, now: datetime) -> bool:
    if line.ends_at is not None:
        return line.ends_at <= now
    if line.depart is None:
        return False
    return datetime.combine(line.depart, venue.check_out, venue.zone) <= now


def of_reservation(reservation_id: int) -> dict[int, Review]:
    """Return what was written of a reservation's lines, by line."""
    query = sa.select(Review).where(Review.reservation_id == reservation_id)
    return {one.line_id: one for one in db.session.scalars(query)}


def of_persons(person_ids: Collection[str]) -> Sequence[Review]:
    """Return what these persons wrote, the latest first."""
    query = sa.select(Review).where(Review.person_id.in_(person_ids)).order_by(Review.id.desc())
    return db.session.scalars(query.limit(100)).all()


# -- Writing ----------------------------------------------------------------------------------


def write(
    line: ReservationLine, written: Written, *, language: str, venue: Venue, now: datetime
) -> Review:
    """Keep what a guest wrote of a line, sealed, in the place of what was before.

    What was agreed to before isn't any more, unless every word stayed the same. The caller
    commits. Raises NoStay, NothingWritten.
    """
    reservation = line.reservation
    if line not in _still(reservation.id, line, venue, now=now):
        raise NoStay
    if not written.text:
        raise NothingWritten
    review = db.session.scalar(sa.select(Review).where(Review.line_id == line.id).with_for_update())
    if review is None:
        review = Review(
            key=secrets.token_urlsafe(18),
            line_id=line.id,
            reservation_id=reservation.id,
            offer_id=line.offer_id,
            person_id=reservation.person_id,
            state=DRAFT,
            written_at=now,
            with_month=False,
        )
        db.session.add(review)
    before = review.recipient
    review.line, review.reservation = line, reservation
    review.language, review.with_month = language, written.with_month
    review.text, review.named, review.country = written.text, written.named, written.country
    review.rating = str(written.rating) if written.rating else None
    if before is not None and item_of(review, venue).recipient != before:
        _take_off(review, permissions.REWRITTEN, now=now)
        review.state = DRAFT
    review.written_at = now
    db.session.flush()
    return review


def item_of(review: Review, venue: Venue) -> Item:
    """Return what everybody would read of a review as it is written now.

    Raises PersonUnknown for somebody who was erased.
    """
    with use_language(review.language):
        line = review.line
        first = line.arrive or (line.starts_at and line.starts_at.astimezone(venue.zone).date())
        return Item(
            key=review.key,
            language=review.language,
            offer=text({code: {"name": name} for code, name in line.label.items()}, "name"),
            by=name_shown(review.reservation.person.name if review.reservation.person else "",
                          review.named or NOBODY),
            month=wording.month_title(first) if review.with_month and first else "",
            country=country_names(current_locale()).get(review.country or "", ""),
            rating=int(review.rating) if review.rating else None,
            text=review.text or "",
        )  # fmt: skip


def name_shown(name: str | None, named: str) -> str:
    """Return how a guest of a name is named: "Greta", "G. S.", or "a guest"."""
    parts = (name or "").split()
    if named == FIRST and parts:
        return parts[0]
    if named == INITIALS and parts:
        return " ".join(f"{part[0].upper()}." for part in (parts[:1] + parts[1:][-1:]))
    return gettext("a guest")


# -- Agreeing, and taking it back -------------------------------------------------------------


def agree(review: Review, seen: str, *, venue: Venue, how: str, now: datetime) -> None:
    """Write down the yes to one item, which waits for the house from now on; caller commits.

    `seen` is the name of the item that was shown. Raises NotAsShown, NoStay, NothingWritten.
    """
    if review.line not in _still(review.reservation_id, review.line, venue, now=now):
        raise NoStay
    if not _is_there(review) or not review.text:
        raise NothingWritten
    item = item_of(review, venue)
    if item.recipient != seen:
        raise NotAsShown
    if review.recipient == seen and permissions.permitted(
        [review.person_id], Purpose.PUBLIC, recipient=seen
    ):
        return  # pressed twice
    _take_off(review, permissions.REWRITTEN, now=now)
    permissions.give(review.person_id, Purpose.PUBLIC, recipient=seen, how=how, now=now)
    review.agreed, review.recipient = item.canonical(), seen
    review.state, review.agreed_at, review.because = WAITING, now, None
    db.session.flush()


def withdraw(review: Review, *, how: str, now: datetime) -> None:
    """Take a review off the site, at once. What was written stays its guest's. Caller commits."""
    if not _is_there(review) or (review.state == DRAFT and review.recipient is None):
        return
    _take_off(review, how, now=now)
    review.state = WITHDRAWN
    db.session.flush()


def withdraw_all(person_ids: Collection[str], *, how: str, now: datetime) -> int:
    """Take off everything that these persons let be shown; return how much. Caller commits."""
    shown = [one for one in of_persons(person_ids) if one.recipient is not None]
    for review in shown:
        withdraw(review, how=how, now=now)
    return len(shown)


def take_off_former_name(person_id: str, *, now: datetime) -> None:
    """Take off what is shown, or waits, under a name that its guest has corrected.

    With the name of now it is another item, which they look at first. The caller commits.
    """
    for review in of_persons([person_id]):
        if review.state not in (WAITING, SHOWN) or not _is_there(review) or not review.agreed:
            continue
        person = review.reservation.person
        with use_language(review.language):
            named = name_shown(person.name if person else "", review.named or NOBODY)
        if json.loads(review.agreed)["by"] != named:
            _take_off(review, permissions.REWRITTEN, now=now)
            review.state = DRAFT
    db.session.flush()


def forget(review: Review, *, how: str, now: datetime) -> None:
    """Delete what a guest wrote, and take it off the site. The caller commits."""
    _take_off(review, how, now=now)
    withdrawals.note(withdrawals.REVIEW, [(review.key, FORGOTTEN)], now=now)
    db.session.delete(review)
    db.session.flush()


def _take_off(review: Review, how: str, *, now: datetime) -> None:
    """End the yes to an item and delete its copy: nothing of it is anybody's to read."""
    if review.recipient is not None:
        take_back = partial(permissions.take_back, [review.person_id], Purpose.PUBLIC)
        take_back(recipient=review.recipient, how=how, now=now)
    _hide(review)


def _hide(review: Review) -> None:
    db.session.execute(sa.delete(PublicReview).where(PublicReview.review_id == review.id))
    review.agreed = review.recipient = None
    review.agreed_at = review.decided_at = None


@permissions_ended_again.connect
def _take_off_again(_sender: object, ended: Collection[PersonPermission]) -> None:
    for yes in ended:
        if yes.purpose == Purpose.PUBLIC.value:
            its_own = (Review.person_id == yes.person_id, Review.recipient == yes.recipient)
            for review in db.session.scalars(sa.select(Review).where(*its_own)).all():
                _hide(review)
                review.state = WITHDRAWN


@every_yes_ended.connect
def _take_all_off(_sender: object) -> None:
    """Delete every copy, and what was agreed to: what is written stays its guests' to show."""
    db.session.execute(sa.delete(PublicReview))
    over = sa.update(Review).values({Review._agreed: None, "recipient": None, "agreed_at": None})
    db.session.execute(over)
    shown = sa.update(Review).where(Review.state.in_((WAITING, SHOWN)))
    db.session.execute(shown.values(state=DRAFT, decided_at=None))
