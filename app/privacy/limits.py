"""What a person may say no to, purpose by purpose, and what each no does at once.

*Restricted* (GDPR, Article 18) is what goes on being kept and is used for nothing until
the person says so; *objected to* (Article 21) is a use that ends. Every use for a purpose
here asks `accounts.restrictions` first, so a no counts from its commit on.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.accounts import restrictions
from app.accounts.models import Restriction
from app.accounts.restrictions import OBJECT, RESTRICT
from app.consent.deciding import object_to
from app.core.database import db
from app.core.datamap import Purpose
from app.core.languages import N_, gettext
from app.privacy import models, requests
from app.privacy.subjects import Subject
from app.web.cookies import Category


@dataclass(frozen=True, slots=True)
class Use:
    """A use that can be limited, in words marked by N_."""

    purpose: Purpose
    kind: str  # restrictions.RESTRICT or OBJECT
    title: str
    means: str
    yes: str  # the state in which it is used
    no: str
    only_accounts: bool = True
    category: Category | None = None  # whose consents end with it


USES = (
    Use(
        Purpose.RESERVATION,
        RESTRICT,
        N_("Your details in the hands of this house"),
        N_(
            "Nobody of the house, its owner included, sees your name, how to reach you or your "
            "addresses: only reference, dates and what was booked. Your reservations stay as they "
            "are. If a stay is still to come, please have your reference at hand when you "
            "arrive, for nobody can find you by your name; and nobody can ring you up should "
            "something come up. What you wished for your stay isn’t shown to anybody, and "
            "messages between you and the house wait. Mails that a reservation needs are still "
            "sent by the site itself. A reservation that you make later isn’t covered until you "
            "say so again."
        ),
        N_("The house sees and uses them for your reservations"),
        N_("Kept, and shown to nobody of the house"),
        only_accounts=False,
    ),
    Use(
        Purpose.ACCOUNT,
        RESTRICT,
        N_("What your account knows when you book"),
        N_(
            "Your name and addresses aren’t filled in for you any more when you book; you type "
            "them each time."
        ),
        N_("Filled in when you book"),
        N_("Kept, and not filled in"),
    ),
    Use(
        Purpose.STATISTICS,
        OBJECT,
        N_("Counting which pages you open"),
        N_(
            "What was counted is deleted at once, in all browsers in which you were signed in, "
            "and nothing more is counted. If you say yes in a cookie question later, that counts."
        ),
        N_("Counted where you say yes to it"),
        N_("Not counted"),
        category=Category.STATISTICS,
    ),
    Use(
        Purpose.SUGGESTIONS,
        OBJECT,
        N_("Suggestions from what you looked at"),
        N_(
            "What was noted is deleted at once, in all browsers in which you were signed in, and "
            "searches show everybody’s order. If you say yes in a cookie question later, that "
            "counts."
        ),
        N_("Made where you say yes to them"),
        N_("Not made"),
        category=Category.SUGGESTIONS,
    ),
)

NEVER = (
    (
        Purpose.SECURITY,
        N_(
            "Where you are signed in and who looked at your details is noted to protect you; the "
            "law asks for it (GDPR, Article 32), and without it neither of us could tell if "
            "somebody else got in. It goes after a short while by itself."
        ),
    ),
    (
        Purpose.INVOICE,
        N_("Invoices are kept because the law on trade and taxes asks for them, until its term."),
    ),
    (
        Purpose.PROOF,
        N_("What you agreed to, or said no to, is kept so that either of us can prove it."),
    ),
)
"""Uses that no objection ends, and why."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the history: what was said no to, since when, and until when."""

    title: str
    since: datetime
    ended_at: datetime | None


def uses_of(subject: Subject) -> list[Use]:
    """Return the uses that a subject can limit: some are of accounts alone."""
    return [use for use in USES if subject.account is not None or not use.only_accounts]


def persons_of(subject: Subject, use: Use) -> tuple[str, ...]:
    """Return the persons whom a no concerns: what accounts do is done with their own."""
    return (subject.person_id,) if use.only_accounts else subject.person_ids


def is_limited(subject: Subject, use: Use) -> bool:
    """Whether a subject has said no to a use."""
    return bool(restrictions.restricted(persons_of(subject, use), use.purpose))


def limit(subject: Subject, use: Use, *, now: datetime) -> None:
    """Say no to a use, at once, and write down that it was asked for. The caller commits."""
    persons = persons_of(subject, use)
    fresh = not is_limited(subject, use)
    restrictions.restrict(persons, use.purpose, use.kind, now=now)
    if use.category is not None:
        object_to(use.category, persons, now=now)
    if fresh:
        kind = models.OBJECT if use.kind == OBJECT else models.RESTRICT
        requests.record(subject.person_id, kind, now=now, by_itself=True)


def allow(subject: Subject, use: Use, *, now: datetime) -> None:
    """Take a no back. A consent that it ended has to be given anew. The caller commits."""
    restrictions.lift(persons_of(subject, use), use.purpose, use.kind, now=now)


def history(subject: Subject) -> list[Said]:
    """Return every no of a subject, the newest first; said of several persons it is one."""
    titles = {(use.purpose.value, use.kind): use.title for use in USES}
    columns: tuple[Any, ...] = (
        Restriction.purpose,
        Restriction.kind,
        Restriction.since,
        Restriction.ended_at,
    )
    query = (
        sa.select(*columns)
        .where(Restriction.person_id.in_(subject.person_ids))
        .distinct()
        .order_by(Restriction.since.desc())
    )
    return [
        Said(gettext(titles[row[0], row[1]]), row[2], row[3])
        for row in db.session.execute(query)
        if (row[0], row[1]) in titles
    ]
