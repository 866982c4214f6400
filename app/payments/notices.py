"""The one door for providers' notices.

A notice is a hint to go and look; what it says beyond that is never believed, stored or
logged. It counts as heard only once we have looked: a notice that fails half-way leaves
nothing behind, so that the provider sends it again.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.core.database import db
from app.payments.apply import look
from app.payments.models import SeenNotice
from app.payments.provider import BadSignature, Headers, Notice, PaymentProvider, Rejected

MOST_BYTES = 64 * 1024


def receive_notice(
    provider: PaymentProvider, headers: Headers, raw_body: bytes, *, now: datetime
) -> None:
    """Check a notice, look at what it speaks of, and remember that it was heard. Commits.

    The signature is over the bytes as they came. Raises BadSignature, NotSent, Unknown,
    EnvironmentMismatch: then nothing of it is kept, and it may come again.
    """
    if len(raw_body) > MOST_BYTES:
        raise BadSignature("too large")
    hear(provider, provider.notice(headers, raw_body, now=now), now=now)


def hear(provider: PaymentProvider, notice: Notice, *, now: datetime) -> bool:
    """Look at what a notice speaks of, once; return whether it was new. Commits.

    One that speaks of nothing we know is kept, and looked at again by `retry_unresolved`.
    """
    seen = sa.select(SeenNotice.id).where(
        SeenNotice.provider == provider.name, SeenNotice.event_id == notice.event_id
    )
    known = db.session.scalar(seen) is not None
    db.session.rollback()
    if known:
        return False
    known_refs = [_resolve(provider, ref, now=now) for ref in notice.refs]
    db.session.add(
        SeenNotice(
            provider=provider.name,
            event_id=notice.event_id,
            refs=list(notice.refs),
            resolved=all(known_refs),
            at=now,
        )
    )
    try:
        db.session.commit()
    except IntegrityError:  # the same notice came twice at the same moment
        db.session.rollback()
    return True


def retry_unresolved(provider: PaymentProvider, *, now: datetime) -> None:
    """Look once more at what notices of the last day spoke of in vain. Commits."""
    query = sa.select(SeenNotice).where(
        SeenNotice.provider == provider.name,
        ~SeenNotice.resolved,
        SeenNotice.at >= now - timedelta(days=1),
    )
    waiting = [(notice.id, list(notice.refs)) for notice in db.session.scalars(query)]
    db.session.rollback()  # another provider may be asked next, and no transaction be open
    for notice_id, refs in waiting:
        known_refs = [_resolve(provider, ref, now=now) for ref in refs]
        if all(known_refs):
            done = sa.update(SeenNotice).where(SeenNotice.id == notice_id)
            db.session.execute(done.values(resolved=True))
        db.session.commit()


def _resolve(provider: PaymentProvider, ref: str, *, now: datetime) -> bool:
    try:
        return look(provider, ref, now=now) is not None
    except Rejected:
        return False
