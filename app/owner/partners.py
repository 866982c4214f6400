"""What the owner sees of partners: how many allow each, and how much went, in safe numbers.

Fewer than five people are never told apart from none: a count of them says "fewer than five".
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.accounts import readings
from app.accounts.models import Account
from app.booking.shop import shop
from app.consent.models import PersonPermission
from app.core import audit
from app.core.database import db
from app.core.datamap import Purpose
from app.guestbook.partners import code_of, live_terms
from app.guestbook.partners_models import Partner, PartnerTerms, PartnerTransfer
from app.guestbook.partners_sending import Given, arriving, hand_over
from app.owner.visits import LEAST

MOST_DAYS = 14
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A partner with the terms that count now; counts rounded down, None for fewer than five."""

    terms: PartnerTerms
    allow: int | None
    sent: list[tuple[date, int | None]]  # by month, the latest first


def rows(*, now: datetime) -> list[Row]:
    """Return every partner there is now. Three statements."""
    terms = live_terms()
    codes = {code_of(one): one.id for one in terms}
    allowed = {
        codes[row.recipient]: int(row.people)
        for row in db.session.execute(
            sa.select(
                PersonPermission.recipient,
                sa.func.count(sa.distinct(PersonPermission.person_id)).label("people"),
            )
            .where(
                PersonPermission.purpose == Purpose.PARTNER.value,
                PersonPermission.recipient.in_(codes),
                PersonPermission.ended_at.is_(None),
            )
            .group_by(PersonPermission.recipient)
        )
    }
    sent = _sent([one.partner_id for one in terms], now=now)
    return [Row(one, _safe(allowed.get(one.id, 0)), sent.get(one.partner_id, [])) for one in terms]


def _sent(partner_ids: list[int], *, now: datetime) -> dict[int, list[tuple[date, int | None]]]:
    """Return how much went to each partner in each month of the last year, under any terms."""
    zone = shop().venue.zone
    query = (
        sa.select(PartnerTerms.partner_id, PartnerTransfer.sent_at)
        .join(PartnerTerms, PartnerTerms.id == PartnerTransfer.terms_id)
        .where(
            PartnerTerms.partner_id.in_(partner_ids),
            PartnerTransfer.sent_at > now - timedelta(days=31 * MONTHS),
        )
    )
    counts: dict[int, dict[date, int]] = {}
    for partner_id, sent_at in db.session.execute(query):
        assert sent_at is not None
        month = sent_at.astimezone(zone).date().replace(day=1)
        months = counts.setdefault(partner_id, {})
        months[month] = months.get(month, 0) + 1
    return {
        partner_id: [(month, _safe(months[month])) for month in sorted(months, reverse=True)]
        for partner_id, months in counts.items()
    }


def _safe(count: int) -> int | None:
    return None if count < LEAST else count - count % LEAST


def former() -> list[Partner]:
    """Return the partners that were archived, the latest first."""
    query = sa.select(Partner).where(Partner.archived_at.is_not(None))
    return list(db.session.scalars(query.order_by(Partner.archived_at.desc()).limit(50)))


def last_terms(partner_ids: list[int]) -> dict[int, PartnerTerms]:
    """Return the latest terms of each of these partners."""
    query = sa.select(PartnerTerms).where(PartnerTerms.partner_id.in_(partner_ids))
    return {one.partner_id: one for one in db.session.scalars(query.order_by(PartnerTerms.id))}


# -- The sheet --------------------------------------------------------------------------------


def sheet(
    terms: PartnerTerms,
    first: date,
    last: date,
    zone: ZoneInfo,
    *,
    reader: Account,
    now: datetime,
) -> list[list[Given]]:
    """Return what is printed for a partner of those who arrive on these days and allow it.

    Each is noted for its person, as given to the partner and as opened by the house. The
    caller commits before anything is shown. Raises NotPermitted, where somebody took it back
    meanwhile, after a rollback.
    """
    begin = datetime.combine(first, time.min, zone)
    end = datetime.combine(last + timedelta(days=1), time.min, zone)
    found = arriving(terms, begin, end)
    printed = [hand_over(terms, one, now=now) for one in found]
    persons = [one.person_id for one in found if one.person_id]
    readings.note(reader, persons, readings.PARTNER, now=now)
    audit.enter(
        reader.id, reader.role, "partner.printed", "partner", terms.partner_id, now=now,
        first=first.isoformat(), last=last.isoformat(),
    )  # fmt: skip
    return printed
