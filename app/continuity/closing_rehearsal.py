"""The dry run: whom and what every step of a closing would meet. It only reads (C13).

It asks the same statements as the steps do, so that it can't say something else than they
will do; nothing is written, no job is made, and no mail is sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask import current_app, render_template, url_for

from app.booking.models import Reservation
from app.booking.shop import shop
from app.continuity import closing_money, closing_people
from app.continuity.closing import Days
from app.continuity.closing_money import Beyond
from app.continuity.closing_words import LETTERS
from app.core.database import db
from app.core.languages import LANGUAGES, gettext, use_language
from app.payments.due import outstanding
from app.policy import telling
from app.policy.facts_kept import keep, plainly, worded
from app.privacy.planning import Item
from app.web.pages import Site, settings


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as somebody would get it, in one language; nobody's name is on it."""

    language: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a closing with these days would do, as things stand now. Sums in minor units."""

    days: Days
    currency: str
    told: int  # mailboxes
    unreachable: tuple[str, ...]  # references of bookings without any address
    nowhere: int  # persons without an address
    letters: dict[str, tuple[Letter, ...]]  # by kind
    holds: tuple[str, ...]
    beyond: tuple[Beyond, ...]
    begun: tuple[str, ...]
    links: int
    unpaid_minor: int
    persons: int
    owners: int
    fates: tuple[Item, ...]

    @property
    def refund_minor(self) -> int:
        """What goes back in all."""
        return sum(one.refund_minor for one in self.beyond)

    @property
    def owed_minor(self) -> int:
        """What is asked for no more in all."""
        return sum(one.owed_minor for one in self.beyond)


def rehearse(days: Days, *, now: datetime) -> Rehearsal:
    """Say whom and what each step would meet now. Reads only."""
    venue = shop().venue
    found = telling.plan(closing_people.everybody(), now=now)
    beyond = closing_money.look(days.last_day, venue, now=now)
    holds = closing_money.held_beyond(days.last_day, venue)
    persons, owners = closing_people.how_many()
    nobody = set(found.nowhere)
    return Rehearsal(
        days=days,
        currency=venue.currency,
        told=len(found.told),
        unreachable=tuple(one.reference for one in beyond if one.person_id in nobody),
        nowhere=len(nobody),
        letters={kind: tuple(letters(kind, days)) for kind in LETTERS},
        holds=tuple(_references(holds)),
        beyond=tuple(beyond),
        begun=tuple(closing_money.begun_beyond(days.last_day, venue, now=now)),
        links=len(closing_people.open_links()),
        # What is cancelled before isn’t owed any more by then.
        unpaid_minor=sum(outstanding(one) for one in closing_people.unpaid_balances())
        - sum(one.owed_minor for one in beyond),
        persons=persons,
        owners=owners,
        fates=tuple(closing_people.fates(now=now)),
    )


def _references(ids: list[int]) -> list[str]:
    query = sa.select(Reservation.reference).where(Reservation.id.in_(ids))
    return list(db.session.scalars(query.order_by(Reservation.reference)))


def letters(kind: str, days: Days) -> Iterator[Letter]:
    """Yield a mail of a closing in each language, as the worker writes it but for the name."""
    registered = telling.kind_of(kind)
    facts = keep(
        {"day": days.last_day, "downloads": days.downloads_until, "erasure": days.erase_on}
    )
    base = settings().site_url
    for language in LANGUAGES:
        with use_language(language), current_app.test_request_context(base_url=base):
            site: Site = current_app.extensions["site"]()
            text = render_template(
                registered.template,
                site=site,
                name="",
                language=language,
                url=url_for("closing.show", lang=language, _external=True),
                said=worded(facts),
                facts=plainly(facts),
            )
            yield Letter(language, gettext(registered.subject, **worded(facts)), text.strip())


def as_json(found: Rehearsal) -> dict[str, Any]:
    """Return a rehearsal for a program."""
    return {
        "last_day": found.days.last_day.isoformat(),
        "downloads_until": found.days.downloads_until.isoformat(),
        "erase_on": found.days.erase_on.isoformat(),
        "told": found.told,
        "without_an_address": found.nowhere,
        "mails": {
            kind: {one.language: one.subject for one in each}
            for kind, each in found.letters.items()
        },
        "holds": list(found.holds),
        "cancelled": [
            {
                "reference": one.reference,
                "whole": one.whole,
                "refund_minor": one.refund_minor,
                "disputed": one.blocked,
            }
            for one in found.beyond
        ],
        "refund_minor": found.refund_minor,
        "currency": found.currency,
        "by_hand": list(found.begun),
        "unreachable": list(found.unreachable),
        "links": found.links,
        "unpaid_minor": found.unpaid_minor,
        "persons": found.persons,
        "owners_that_stay": found.owners,
        "erased": [
            {"what": one.table, "rows": one.rows} for one in found.fates if one.fate == "goes"
        ],
        "kept": [
            {
                "what": one.table,
                "rows": one.rows,
                "fate": one.fate,
                "ground": one.ground,
                "until": _day(one.until),
            }
            for one in found.fates
            if one.fate != "goes"
        ],
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
