"""What the owner's pages show of persons, noted for those persons to see."""

import re
from collections.abc import Collection, Iterable

import sqlalchemy as sa

from app.accounts import readings
from app.accounts.models import MailLink
from app.accounts.sessions import current_account
from app.booking.models import Reservation
from app.core.clock import utcnow
from app.core.database import db, writing
from app.core.outbox import Job

# As they are named where they are written: booking's mails and the accounts'.
_OF_ACCOUNT = re.compile(r"account-[a-z_]+-(\d{1,15})\.eml", re.ASCII)
_OF_RESERVATION = re.compile(r"([0-9A-Z]{8})-[a-z_]+-\d+\.eml", re.ASCII)


def noted(page: str, person_ids: Collection[str], what: str) -> str:
    """Note that whoever is signed in is shown a page about these persons, and return the page.

    `what` is one of `readings.WHAT`. To be called with the page as it was rendered:
    noting lets go of all that was read for it. What can't be noted isn't shown.
    """
    note(person_ids, what)
    return page


def note(person_ids: Collection[str], what: str) -> None:
    """Note, in a unit of work of its own, that whoever is signed in is shown these persons."""
    if not person_ids:
        return
    with writing():
        reader = current_account()
        assert reader is not None
        readings.note(reader, person_ids, what, now=utcnow())
        db.session.commit()


def persons_of_letters(names: Iterable[str]) -> set[str]:
    """Return the persons whom the demo's letters of these file names were written to.

    Nobody is found for a letter about an account whose link is gone from the books.
    """
    names = list(names)
    references = [found[1] for name in names if (found := _OF_RESERVATION.fullmatch(name))]
    jobs = [int(found[1]) for name in names if (found := _OF_ACCOUNT.fullmatch(name))]
    persons = set(_of_reservations(references)) if references else set()
    return persons | set(_of_jobs(jobs)) if jobs else persons


def _of_reservations(references: Collection[str]) -> Iterable[str]:
    query = sa.select(Reservation.person_id).where(
        Reservation.reference.in_(references), Reservation.person_id.is_not(None)
    )
    return filter(None, db.session.scalars(query))


def _of_jobs(jobs: Collection[int]) -> Iterable[str]:
    ordered = db.session.scalars(
        sa.select(Job.payload).where(Job.id.in_(jobs), Job.topic == "account-mail")
    )
    links = [payload["link_id"] for payload in ordered]
    return db.session.scalars(sa.select(MailLink.person_id).where(MailLink.id.in_(links)))
