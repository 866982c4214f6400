"""Partners in words: for guests who decide, for the public list, and for the owner."""

from collections.abc import Collection
from dataclasses import dataclass

from app.accounts.disclosures import WHAT
from app.booking import wording
from app.booking.models import Reservation
from app.booking.shop import NothingOnOffer, shop
from app.consent.permissions import history
from app.consent.words import permission_lines
from app.core.datamap import Purpose
from app.core.languages import gettext, ngettext
from app.guestbook import partners
from app.guestbook.partners_models import MAIL, PartnerTerms
from app.guestbook.partners_sending import given_of
from app.policy import recipients
from app.policy.recipients import Listed, country_word


@dataclass(frozen=True, slots=True)
class Switch:
    """What somebody is shown of a partner before they decide: who, what, why, how, how long."""

    terms_id: int
    name: str
    country: str
    contact: str
    why: str
    gets: list[str]
    way: str
    keeps: str
    on: bool
    live: bool  # whether it can be turned on
    lines: list[str]  # what became of it


def kind_word(kind: str) -> str:
    """Return what a partner is given, as the guest reads of it: "your name"."""
    return gettext(WHAT[f"partner_{kind}"][0])


def way_word(terms: PartnerTerms) -> str:
    """Return by which way a partner gets it, and when."""
    if terms.way != MAIL:
        return gettext("on a sheet of paper that we print for them")
    if not terms.days_before:
        return gettext("by a mail in the morning of the day on which you arrive")
    return ngettext(
        "by a mail, %(num)d day before you arrive",
        "by a mail, %(num)d days before you arrive",
        terms.days_before,
    )


def keeps_word(terms: PartnerTerms) -> str:
    """Return how long a partner keeps it, as it told the house."""
    if not terms.keeps_days:
        return gettext("until the end of your stay, as they told us")
    return ngettext(
        "for %(num)d day after your stay, as they told us",
        "for %(num)d days after your stay, as they told us",
        terms.keeps_days,
    )


def switches(
    person_ids: Collection[str], *, live: bool = True, reservation: Reservation | None = None
) -> list[Switch]:
    """Return a switch for each partner, and the history of those that there is none for any more.

    `live`: whether anything can be turned on. With a reservation, what would be sent of it is
    said word for word. Four statements, however many partners there are.
    """
    on = partners.allowed_by(person_ids)
    told: dict[str, list[str]] = {}
    past = history(person_ids, Purpose.PARTNER)
    for code in {one.recipient for one in past}:
        told[code] = permission_lines([one for one in past if one.recipient == code])
    terms = [one for one in partners.live_terms() if live or partners.code_of(one) in told]
    shown = [_switch(one, on, told.pop(partners.code_of(one), []), live, reservation)
             for one in terms]  # fmt: skip
    former = [partners.terms_by_code(code) for code in sorted(told)]
    return shown + [
        _switch(one, on, told[partners.code_of(one)], False, None) for one in former if one
    ]


def _switch(
    terms: PartnerTerms,
    on: set[str],
    lines: list[str],
    live: bool,
    reservation: Reservation | None,
) -> Switch:
    known = {one.kind: one.text for one in given_of(terms, reservation)} if reservation else {}
    gets = [
        gettext("%(what)s: %(value)s", what=kind_word(kind), value=known[kind])
        if kind in known
        else kind_word(kind)
        for kind in terms.kinds
        if kind in known or reservation is None
    ]
    return Switch(
        terms.id,
        terms.name,
        country_word(terms.country),
        terms.contact,
        partners.why_of(terms),
        gets,
        way_word(terms),
        keeps_word(terms),
        partners.code_of(terms) in on,
        live and terms.ended_at is None,
        lines,
    )


def sent_lines(person_ids: Collection[str]) -> list[str]:
    """Return what went to partners of these persons, a sentence each."""
    try:
        zone = shop().venue.zone
    except NothingOnOffer:
        return []
    return [
        gettext(
            "%(day)s, to %(name)s: %(what)s",
            day=wording.long_day(one.sent_at.astimezone(zone).date()),
            name=one.terms.name,
            what=gettext(", ").join(kind_word(kind) for kind in one.kinds),
        )
        for one in partners.sent_to_partners(person_ids)
        if one.sent_at is not None
    ]


# -- On the public list of recipients ---------------------------------------------------------


@recipients.also
def _listed() -> list[Listed]:
    """Return the partners as everybody may read of them: who gets what, only with one's yes."""
    return [
        Listed(
            name=one.name,
            gets=gettext("; ").join(kind_word(kind) for kind in one.kinds),
            why=partners.why_of(one),
            host=one.contact,
            kept=keeps_word(one),
            ground=gettext("your consent (GDPR, Article 6(1)(a))"),
            clause="C21",
            way=way_word(one),
            country=one.country,
            only_with_consent=True,
            code=partners.code_of(one),
        )
        for one in partners.live_terms()
    ]


def _name(code: str) -> str | None:
    terms = partners.terms_by_code(code)
    return terms.name if terms else None


recipients.name_by(partners.CODE, _name)
