"""Partners: who they are and what each may get from those who allow it. Nothing, of others (C21).

What a partner is, gets, and why it gets it stands in its *terms*, which never change. A
permission is for one such row. A change makes a new one, so whatever was allowed before
counts for nothing any more, and is asked again; who says nothing has not allowed it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from app.consent import permissions
from app.consent.models import PersonPermission
from app.consent.permissions import permissions_ended_again
from app.core import withdrawals
from app.core.database import db
from app.core.datamap import Purpose
from app.core.errors import DomainError
from app.core.languages import DEFAULT, N_, current_language
from app.guestbook.partners_models import Partner, PartnerTerms, PartnerTransfer

KINDS: Final = ("name", "email", "phone", "dates", "guests")
"""What a partner can be given: nothing else of anybody, whatever the owner would like."""
MOST_PARTNERS = 50

CODE = "partner:"
"""How the names begin under which partners are allowed, noted and listed."""


class PartnerGone(DomainError):
    """It was archived."""

    message = N_("You don’t work with this partner any more, so nothing of it can be changed.")


class TooManyPartners(DomainError):
    """More than anybody would read through."""

    message = N_("You work with so many already. Please archive one first.")


class NothingToGet(DomainError):
    """A partner that gets nothing, or something that no partner gets."""

    message = N_("Please choose what this partner gets.")


@dataclass(frozen=True, slots=True)
class PartnerFacts:
    """Who a partner is, and what it may get, as the owner says it. Spans in days."""

    name: str
    contact: str
    email: str
    country: str
    language: str
    texts: Mapping[str, Mapping[str, str]]
    kinds: Sequence[str]
    way: str
    days_before: int
    keeps_days: int


# -- The owner's side -------------------------------------------------------------------------


def enter(facts: PartnerFacts, *, now: datetime) -> Partner:
    """Enter a partner; nobody allows it anything yet. The caller commits.

    Raises TooManyPartners, NothingToGet.
    """
    if len(live_terms()) >= MOST_PARTNERS:
        raise TooManyPartners
    partner = Partner(made_at=now)
    db.session.add(partner)
    db.session.flush()
    _add_terms(partner, facts, now=now)
    return partner


def change(partner_id: int, facts: PartnerFacts, *, now: datetime) -> int:
    """Put other terms in the place of a partner's; return how many permissions ended by it.

    What is the same is left as it is, and nothing ends. The caller commits.
    Raises PartnerGone, NothingToGet.
    """
    terms = _lock(partner_id)
    if facts_of(terms) == _plain(facts):
        return 0
    ended = _end(terms, permissions.CHANGED, now=now)
    _add_terms(db.session.get_one(Partner, partner_id), facts, now=now)
    return ended


def archive(partner_id: int, *, now: datetime) -> int:
    """End the work with a partner: nothing goes to it from now on; return how many yeses ended.

    The caller commits. Raises PartnerGone.
    """
    ended = _end(_lock(partner_id), permissions.ARCHIVED, now=now)
    db.session.get_one(Partner, partner_id).archived_at = now
    db.session.flush()
    return ended


def _lock(partner_id: int) -> PartnerTerms:
    partner = db.session.get(Partner, partner_id, with_for_update=True, populate_existing=True)
    terms = terms_of(partner_id)
    if partner is None or partner.archived_at is not None or terms is None:
        raise PartnerGone
    return terms


def _end(terms: PartnerTerms, how: str, *, now: datetime) -> int:
    terms.ended_at = now
    _forget_waiting(PartnerTransfer.terms_id == terms.id)
    db.session.flush()
    withdrawals.note(withdrawals.PARTNER, [(terms.name, terms.since)], now=now)
    return permissions.end_all(Purpose.PARTNER, code_of(terms), how, now=now)


def _add_terms(partner: Partner, facts: PartnerFacts, *, now: datetime) -> None:
    if not facts.kinds or not set(facts.kinds) <= set(KINDS):
        raise NothingToGet
    db.session.add(PartnerTerms(partner_id=partner.id, since=now, **asdict(_plain(facts))))
    db.session.flush()


def _plain(facts: PartnerFacts) -> PartnerFacts:
    """Return facts as they are kept, so that the same are seen to be the same."""
    texts = {code: dict(said) for code, said in facts.texts.items() if any(said.values())}
    kinds = [kind for kind in KINDS if kind in facts.kinds]
    return PartnerFacts(**{**asdict(facts), "texts": texts, "kinds": kinds})


def facts_of(terms: PartnerTerms) -> PartnerFacts:
    """Return what the terms of a partner say."""
    return PartnerFacts(**{name: getattr(terms, name) for name in PartnerFacts.__slots__})


# -- Who there is -----------------------------------------------------------------------------


def code_of(terms: PartnerTerms) -> str:
    """Return the name under which these very terms are allowed, noted and shown."""
    return f"{CODE}{terms.id}"


def terms_of(partner_id: int) -> PartnerTerms | None:
    """Return the terms of a partner that count now; None for one that is gone."""
    query = sa.select(PartnerTerms).where(
        PartnerTerms.partner_id == partner_id, PartnerTerms.ended_at.is_(None)
    )
    return db.session.scalars(query).one_or_none()


def live_terms() -> Sequence[PartnerTerms]:
    """Return what every partner may get now from those who allow it, by their names."""
    query = (
        sa.select(PartnerTerms)
        .where(PartnerTerms.ended_at.is_(None))
        .order_by(PartnerTerms.name, PartnerTerms.id)
        .limit(MOST_PARTNERS)
    )
    return db.session.scalars(query).all()


def terms_by_code(code: str) -> PartnerTerms | None:
    """Return the terms of that name, whether they count or not."""
    number = code.removeprefix(CODE)
    if not code.startswith(CODE) or not (number.isascii() and number.isdigit()):
        return None
    return db.session.get(PartnerTerms, int(number))


def why_of(terms: PartnerTerms) -> str:
    """Return why a partner gets something, in the language of the page, as near as there is."""
    said = [terms.texts.get(code, {}).get("why") for code in (current_language(), DEFAULT)]
    others = [text.get("why") for text in terms.texts.values()]
    return str(next((one for one in (*said, *others) if one), ""))


# -- The guest's side -------------------------------------------------------------------------


def allow(person_id: str, terms: PartnerTerms, *, how: str, now: datetime) -> bool:
    """Write down a person's yes to these terms; tell whether they still count.

    What was changed since the page was opened isn't allowed by it. The caller commits.
    """
    still = db.session.scalar(
        sa.select(PartnerTerms.id)
        .where(PartnerTerms.id == terms.id, PartnerTerms.ended_at.is_(None))
        .with_for_update(read=True)
    )
    if still is None:
        return False
    permissions.give(person_id, Purpose.PARTNER, recipient=code_of(terms), how=how, now=now)
    return True


def disallow(person_ids: Collection[str], terms: PartnerTerms, *, how: str, now: datetime) -> None:
    """End a yes, wherever it was given: nothing goes from this moment on. The caller commits."""
    permissions.take_back(person_ids, Purpose.PARTNER, recipient=code_of(terms), how=how, now=now)
    _forget_waiting(PartnerTransfer.person_id.in_(person_ids), PartnerTransfer.terms_id == terms.id)


def _forget_waiting(*which: sa.ColumnElement[bool]) -> None:
    """Let nothing go that these conditions are true of, and that hasn't gone."""
    waiting = PartnerTransfer.sent_at.is_(None)
    db.session.execute(sa.delete(PartnerTransfer).where(*which, waiting))


@permissions_ended_again.connect
def _disallow_again(_sender: object, ended: Collection[PersonPermission]) -> None:
    for yes in ended:
        if yes.purpose == Purpose.PARTNER.value:
            _forget_waiting(
                PartnerTransfer.person_id.in_(permissions.same_person(yes.person_id)),
                PartnerTransfer.recipient == yes.recipient,
            )


@withdrawals.carries_out(withdrawals.PARTNER)
def _end_again(wanted: withdrawals.Wanted) -> None:
    """Archive in an older book whose terms ended: what took their place isn't in that one."""
    for terms in db.session.scalars(
        sa.select(PartnerTerms).where(PartnerTerms.ended_at.is_(None))
    ).all():
        ended_at = wanted.since(terms.name, terms.since)
        if ended_at is not None:
            terms.ended_at = ended_at
            db.session.get_one(Partner, terms.partner_id).archived_at = ended_at
            _forget_waiting(PartnerTransfer.terms_id == terms.id)


def allowed_by(person_ids: Collection[str]) -> set[str]:
    """Return the names of all terms that these persons, who are the same one, allow now."""
    query = sa.select(PersonPermission.recipient).where(
        PersonPermission.person_id.in_(person_ids),
        PersonPermission.purpose == Purpose.PARTNER.value,
        PersonPermission.ended_at.is_(None),
    )
    return set(db.session.scalars(query))


def sent_to_partners(person_ids: Collection[str]) -> Sequence[PartnerTransfer]:
    """Return what went to partners of these persons, the latest first."""
    query = (
        sa.select(PartnerTransfer)
        .where(PartnerTransfer.person_id.in_(person_ids), PartnerTransfer.sent_at.is_not(None))
        .order_by(PartnerTransfer.sent_at.desc(), PartnerTransfer.id.desc())
        .limit(50)
    )
    return db.session.scalars(query).all()
