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
from app.privacy.models import PrivacyRequest

# As they are named where they are written: the mails of booking, accounts and requests.
_OF_ACCOUNT = re.compile(r"account-[a-z_]+-(\d{1,15})\.eml", re.ASCII)
_OF_REQUEST = re.compile(r"request-(\d{1,15})-[a-z]+-\d+\.eml", re.ASCII)
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


def note_detail(person_ids: Collection[str], detail: str, *, purpose: str) -> None:
    """Note likewise that one of these persons' details is shown, and what for."""
    if not person_ids:
        return
    with writing():
        reader = current_account()
        assert reader is not None
        readings.note_purpose(
            reader, person_ids, readings.DETAIL, detail=detail, purpose=purpose, now=utcnow()
        )
        db.session.commit()


def persons_of_letters(names: Iterable[str]) -> set[str]:
    """Return the persons whom the demo's letters of these file names were written to.

    Nobody is found for a letter about an account whose link is gone from the books.
    """
    return set(person_of_letters(names).values())


def person_of_letters(names: Iterable[str]) -> dict[str, str]:
    """Return whom each of these letters was written to, by its file name; as above."""
    references: dict[str, list[str]] = {}
    jobs: dict[int, str] = {}
    requests: dict[int, list[str]] = {}
    for name in names:
        if found := _OF_RESERVATION.fullmatch(name):
            references.setdefault(found[1], []).append(name)
        elif found := _OF_ACCOUNT.fullmatch(name):
            jobs[int(found[1])] = name
        elif found := _OF_REQUEST.fullmatch(name):
            requests.setdefault(int(found[1]), []).append(name)
    persons = {
        name: person_id
        for reference, person_id in _of_reservations(references)
        for name in references[reference]
    }
    persons |= {jobs[job]: person_id for job, person_id in _of_jobs(jobs)}
    return persons | {
        name: person_id
        for request_id, person_id in _of_requests(requests)
        for name in requests[request_id]
    }


def _of_reservations(references: Collection[str]) -> Iterable[tuple[str, str]]:
    if not references:
        return []
    query = sa.select(Reservation.reference, Reservation.person_id).where(
        Reservation.reference.in_(references), Reservation.person_id.is_not(None)
    )
    return [(row[0], str(row[1])) for row in db.session.execute(query)]


def _of_requests(requests: Collection[int]) -> Iterable[tuple[int, str]]:
    if not requests:
        return []
    query = sa.select(PrivacyRequest.id, PrivacyRequest.person_id).where(
        PrivacyRequest.id.in_(requests), PrivacyRequest.person_id.is_not(None)
    )
    return [(row[0], str(row[1])) for row in db.session.execute(query)]


def _of_jobs(jobs: Collection[int]) -> Iterable[tuple[int, str]]:
    if not jobs:
        return []
    ordered = db.session.execute(
        sa.select(Job.id, Job.payload).where(Job.id.in_(jobs), Job.topic == "account-mail")
    )
    links = {payload["link_id"]: job for job, payload in ordered}
    query = sa.select(MailLink.id, MailLink.person_id).where(MailLink.id.in_(links))
    return [(links[row[0]], str(row[1])) for row in db.session.execute(query)]
