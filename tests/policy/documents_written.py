"""Drafts that are ready to be published, for tests."""

from datetime import UTC, datetime, timedelta

from app.core.database import db
from app.core.languages import LANGUAGES
from app.policy import drafts, drafts_publishing
from app.policy.drafts import IN_FORCE, Written
from app.policy.models import PRIVACY

SUMMARY = {
    "en": "We keep less.",
    "de": "Wir behalten weniger.",
    "fr": "Nous gardons moins.",
    "zh": "我们保留得更少。",
}


def ready(now, *, document=PRIVACY, more="We keep less from now on."):
    """Begin a draft as the one in force and make it ready in every language; commits."""
    made = drafts.start(document, IN_FORCE, now=now)
    for language in LANGUAGES:
        there = drafts.text_of(made, language)
        new = Written(f"{there.text}\n\n{more}\n", SUMMARY[language], there.revision)
        drafts.save(made.id, language, new, now=now)
    db.session.commit()
    db.session.expire_all()
    return drafts.draft(made.id)


def published(now, *, document=PRIVACY, days=31, more="We keep less from now on."):
    """Publish such a draft to be in force some days later; commits. Returns number and day."""
    found = ready(now, document=document, more=more)
    day = (now + timedelta(days=days)).date()
    _, number = drafts_publishing.publish(found.id, day, seen=drafts.stamp(found), now=now)
    db.session.commit()
    return number, datetime(day.year, day.month, day.day, tzinfo=UTC)
