"""What may be put into a basket: dates, nights and people that are on offer.

Nothing here asks what is free, which is the database's to say, and nothing costs
anything, which is for `booking.prices`.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

from app.booking.catalogue import SessionOffer, StayOffer, Venue, closed_within
from app.core.errors import DomainError
from app.core.languages import N_


class DatesBackwards(DomainError):
    """Departure isn't after arrival."""

    message = N_("Please choose a departure after the day you arrive.")


class DateInPast(DomainError):
    """Arrival before today, at the place."""

    message = N_("That day has passed. Please choose a later one.")


class DateTooFar(DomainError):
    """Beyond what can be booked yet; `until` is the last date that can."""

    message = N_("That is further ahead than we can promise. You can book until %(until)s.")


class ServiceEnds(DateTooFar):
    """After the last day of service, `until`: the place closes down."""

    message = N_(
        "This place closes for good. The last day on which you can be with us is %(until)s; "
        "stays end by then."
    )


class NightsTooFew(DomainError):
    """Shorter than the shortest stay, `least` nights."""

    message = N_("That is a little short. Nights in one stay, at least: %(least)d.")


class NightsTooMany(DomainError):
    """Longer than the longest stay, `most` nights."""

    message = N_("That is a little long. Nights in one stay, at most: %(most)d.")


class NoAdult(DomainError):
    """Children alone, or nobody."""

    message = N_("At least one adult has to come along.")


class PartyUnclear(DomainError):
    """Fewer than no children."""

    message = N_("Please say how many adults and how many children are coming.")


class PartyTooLarge(DomainError):
    """More people than there are beds or seats, `most`."""

    message = N_("There isn’t room for all of you. Guests, at most: %(most)d.")


class AdultsTooMany(PartyTooLarge):
    """More adults than there are beds for adults, `most`."""

    message = N_("There isn’t room for all of you. Adults, at most: %(most)d.")


class ChildrenTooMany(PartyTooLarge):
    """More children than there are beds for children, `most`."""

    message = N_("There isn’t room for all of you. Children, at most: %(most)d.")


class TooManyExtras(DomainError):
    """More of one extra than there are, `most`, or fewer than none."""

    message = N_("There aren’t that many. You can add, at most: %(most)d.")


class ExtraNotForThis(DomainError):
    """An extra for nights with a session, or one that isn't offered with this."""

    message = N_("That can’t be added here. Please take it off again.")


class NoSuchSession(DomainError):
    """Nothing starts at that time."""

    message = N_("Nothing starts at that time. Please choose one of the times shown.")


class ClosedThen(DomainError):
    """The house is closed; `day` is the first of the days asked for on which it is."""

    message = N_("We are closed on %(day)s. Please choose other days.")


class SessionClosed(DomainError):
    """It has begun, or begins too soon to get ready for one more."""

    message = N_("It is too late to book this one. Please choose a later time.")


def check_stay(
    offer: StayOffer,
    venue: Venue,
    arrive: date,
    depart: date,
    adults: int,
    children: int,
    *,
    today: date,
) -> None:
    """Refuse a stay that is not on offer. `today` is the date at the place.

    Raises DatesBackwards, DateInPast, DateTooFar, NightsTooFew, NightsTooMany,
    ClosedThen, NoAdult, PartyUnclear, or PartyTooLarge and its kinds.
    """
    nights = (depart - arrive).days
    if nights < 1:
        raise DatesBackwards
    if arrive < today:
        raise DateInPast
    refuse_after_the_end(venue, depart)
    if depart > (until := bookable_until(venue, today)):
        raise DateTooFar(until=until)
    if nights < offer.nights_least:
        raise NightsTooFew(least=offer.nights_least)
    if nights > offer.nights_most:
        raise NightsTooMany(most=offer.nights_most)
    if day := closed_within(offer.closed, arrive, depart):
        raise ClosedThen(day=day)
    _check_people(adults, children, offer.guests_most)
    if adults > offer.adults_most:
        raise AdultsTooMany(most=offer.adults_most)
    if children > offer.children_most:
        raise ChildrenTooMany(most=offer.children_most)


def check_session(
    offer: SessionOffer,
    venue: Venue,
    starts_at: datetime,
    adults: int,
    children: int,
    *,
    now: datetime,
) -> None:
    """Refuse a session that is not on offer. `starts_at` and `now` are timezone-aware.

    Raises NoSuchSession, SessionClosed from `cutoff_minutes` before the start on,
    DateTooFar, ClosedThen, NoAdult, PartyUnclear or PartyTooLarge.
    """
    occurrence = offer.schedule.at(starts_at)
    if occurrence is None:
        raise NoSuchSession
    refuse_after_the_end(venue, occurrence.local.date())
    if occurrence.starts_at - now.astimezone(UTC) <= timedelta(minutes=offer.cutoff_minutes):
        raise SessionClosed
    if occurrence.local.date() > (
        until := bookable_until(venue, now.astimezone(venue.zone).date())
    ):
        raise DateTooFar(until=until)
    if offer.closed_on(occurrence.local.date()):
        raise ClosedThen(day=occurrence.local.date())
    _check_people(adults, children, offer.seats)


def bookable_until(venue: Venue, today: date) -> date:
    """Return the last date on which a stay may end or a session start.

    So many months ahead, on the same day of the month or else the last one it has; never
    after the last day of service of a place that closes down.
    """
    ahead = _months_ahead(venue, today)
    return ahead if venue.closes_on is None else min(ahead, venue.closes_on)


def refuse_after_the_end(venue: Venue, last: date) -> None:
    """Refuse what ends on a day after the last day of service. Raises ServiceEnds.

    The last day of service is the last on which somebody departs, or a session starts: no
    night that begins on it, or later, is sold.
    """
    if venue.closes_on is not None and last > venue.closes_on:
        raise ServiceEnds(until=venue.closes_on)


def _months_ahead(venue: Venue, today: date) -> date:
    index = today.year * 12 + today.month - 1 + venue.months_ahead
    year, month = index // 12, index % 12 + 1
    if year > date.max.year:
        return date.max
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def _check_people(adults: int, children: int, most: int) -> None:
    if children < 0:
        raise PartyUnclear
    if adults < 1:
        raise NoAdult
    if adults + children > most:
        raise PartyTooLarge(most=most)
