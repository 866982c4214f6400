"""Who came, who left and who never came: noted by the house, and taken back the same way.

Each verb takes a line that `changing.locked` returned; the caller commits. Noting that
somebody never came gives nothing back by itself: the nights are theirs until the house
says that it sells them again.
"""

from datetime import date, datetime

from app.booking.catalogue import Catalogue
from app.booking.change_price import KEPT, Change
from app.booking.changing import change
from app.booking.inventory import ONE_NIGHT
from app.booking.models import ReservationLine
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_


class NotToday(DomainError):
    """Nobody comes before their day, or long after they should have left."""

    message = N_("That can’t be on this day. Please look at the dates of the stay.")


class NotLikeThat(DomainError):
    """What is noted already says otherwise: who never came can't leave."""

    message = N_("Something else is noted already. Please take that back first.")


def check_in(line: ReservationLine, *, today: date, now: datetime) -> None:
    """Note that they came: from the day of arrival to that of departure.

    `today` is the date at the place. Raises NotToday and NotLikeThat.
    """
    arrive, depart = _stay(line)
    if not arrive <= today <= depart:
        raise NotToday
    if line.arrived_at or line.no_show_at:
        raise NotLikeThat
    line.arrived_at = now
    db.session.flush()


def check_out(line: ReservationLine, *, today: date, now: datetime) -> None:
    """Note that they left, from the day of arrival to the day after departure.

    Whoever leaves has come: where nobody noted that, it is noted along. Nights that were
    booked and not slept are theirs still: shortening the stay gives them back. Raises
    NotToday and NotLikeThat.
    """
    arrive, depart = _stay(line)
    if not arrive <= today <= depart + ONE_NIGHT:
        raise NotToday
    if line.no_show_at or line.left_at:
        raise NotLikeThat
    line.arrived_at = line.arrived_at or now
    line.left_at = now
    db.session.flush()


def no_show(
    catalogue: Catalogue,
    line: ReservationLine,
    *,
    give_back: bool,
    today: date,
    now: datetime,
) -> None:
    """Note that nobody came: from the day of arrival to the day after departure.

    `give_back`: the nights from the next one on are sold again; the price stays as agreed.
    Raises NotToday and NotLikeThat.
    """
    arrive, depart = _stay(line)
    if not arrive <= today <= depart + ONE_NIGHT:
        raise NotToday
    if line.arrived_at or line.no_show_at:
        raise NotLikeThat
    line.no_show_at = now
    db.session.flush()
    until = max(arrive + ONE_NIGHT, today)
    if give_back and until < depart:
        change(catalogue, line.id, Change(depart=until), price=KEPT, expected=0, now=now)


def take_back(line: ReservationLine) -> str:
    """Take back what was noted last, and return what it was; "" where nothing was.

    Nights that were given back stay so: the stay is made longer again if they are free.
    """
    for name in ("left_at", "arrived_at", "no_show_at"):
        if getattr(line, name) is not None:
            setattr(line, name, None)
            db.session.flush()
            return name
    return ""


def _stay(line: ReservationLine) -> tuple[date, date]:
    if line.kind != "stay" or line.arrive is None or line.depart is None:
        raise NotToday
    return line.arrive, line.depart
