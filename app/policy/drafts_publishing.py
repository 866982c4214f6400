"""Publishing a draft, with notice; taking back what isn't in force yet (C25).

A version counts from midnight, UTC, for everybody: a day is as long in every zone then, and
no clock change shortens the notice. Publishing announces it on every page and tells everybody.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import sqlalchemy as sa

from app.config import LEAST_NOTICE
from app.core.database import db, table
from app.core.errors import DomainError
from app.core.languages import BY_CODE, LANGUAGES, N_, gettext
from app.policy import announcing, facts, telling
from app.policy.documents import COMING, current, latest_number, row_of, standings
from app.policy.drafts import DraftGone, draft, stamp, written_in
from app.policy.drafts_checks import missing
from app.policy.facts import filled
from app.policy.models import PRIVACY, TERMS, DocumentVersion, Draft
from app.policy.sources import FOLDER, rendered

NOTICE = timedelta(days=LEAST_NOTICE)
"""So long before it is in force a new version is published, at least."""
facts.declare("policy_notice", NOTICE)

ANNOUNCED_AFTER = timedelta(days=14)
"""So long after a version came into force every page still says so."""
FARTHEST = timedelta(days=730)

_version = table(DocumentVersion)


class TooSoon(DomainError):
    """The day leaves people less time than they were promised."""

    message = N_("People get at least %(days)d days to read it: the first day can be %(first)s.")


class TooFar(DomainError):
    """The day is so far away that it must be a slip."""

    message = N_("This day is further ahead than two years. Please check the year.")


class BeforeAnother(DomainError):
    """Another version comes later than this one would."""

    message = N_(
        "Version %(number)d is published already and comes into force on %(day)s. Choose a "
        "later day, or take that version back first."
    )


class LanguagesMissing(DomainError):
    """A language isn't there, or can't be published as it is."""

    message = N_("This can’t be published yet. Still to do: %(languages)s.")


class ChangedMeanwhile(DomainError):
    """The draft isn't what was looked at before publishing."""

    message = N_(
        "Somebody has changed this draft since you opened the page. Please look at it again "
        "before you publish."
    )


class NothingChanged(DomainError):
    """The draft says what is in force already."""

    message = N_("This draft says the same as the version in force, in every language.")


class InForceAlready(DomainError):
    """It is too late to take a version back: people live by it."""

    message = N_("This version is in force, or was. It can’t be taken back; publish a new one.")


def midnight(day: date) -> datetime:
    """Return when a day begins, in UTC: the instant from which a version counts."""
    return datetime.combine(day, time(), tzinfo=UTC)


def first_day(*, now: datetime, notice: timedelta = NOTICE) -> date:
    """Return the first day on which a version that is published now can be in force.

    `notice` is what the installation gives; never less than NOTICE.
    """
    earliest = now.astimezone(UTC) + max(notice, NOTICE)
    day = earliest.date()
    return day if midnight(day) >= earliest else day + timedelta(days=1)


def publish(
    draft_id: int,
    day: date,
    *,
    seen: str,
    now: datetime,
    notice: timedelta = NOTICE,
    folder: Path = FOLDER,
) -> tuple[str, int]:
    """Publish a draft, to be in force from a day on; return its document and number.

    Announces it, and has everybody told. `seen` is the draft's `stamp` when it was looked at.
    The caller commits. Raises DraftGone, ChangedMeanwhile, LanguagesMissing, NothingChanged,
    TooSoon, TooFar, BeforeAnother.
    """
    found = draft(draft_id, to_write=True)
    if found is None:
        raise DraftGone
    if stamp(found) != seen:
        raise ChangedMeanwhile
    if lacking := missing(found):
        raise LanguagesMissing(languages=gettext(", ").join(BY_CODE[code].name for code in lacking))
    _check_day(found.document, day, now=now, notice=notice)
    texts = {one.language: filled(one.text, BY_CODE[one.language].locale) for one in found.texts}
    _check_new(found.document, texts, now=now)
    document, number = found.document, latest_number(found.document) + 1
    source = _unchanged(found, folder)
    if source is not None:
        # To the letter, or the program wouldn't know its own text again.
        texts = {
            language: filled(text, BY_CODE[language].locale)
            for language, text in written_in(source, folder).items()
        }
    rows = [
        row_of(
            document,
            number,
            one.language,
            texts[one.language],
            published_at=now,
            effective_at=midnight(day),
            source=source,
            written=one.text,
            summary=one.summary,
        )
        for one in found.texts
        if one.language in LANGUAGES
    ]
    summaries = {one.language: one.summary for one in found.texts}
    db.session.connection().execute(sa.insert(DocumentVersion), rows)
    db.session.delete(found)
    db.session.flush()
    _announce(document, number, day, summaries, now=now)
    return document, number


def withdraw(document: str, number: int, *, now: datetime) -> None:
    """Take a version back that isn't in force yet, and have everybody told. The caller commits.

    Raises InForceAlready, also for one that isn't there or was taken back before.
    """
    mine = (_version.c.document == document, _version.c.number == number)
    done = db.session.execute(
        sa.update(DocumentVersion)
        .where(*mine, _version.c.effective_at > now, _version.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now)
        .returning(_version.c.effective_at),
        execution_options={"synchronize_session": False},
    ).first()
    if done is None:
        raise InForceAlready
    announcing.end(code_of(document, number), now=now)
    telling.tell(
        f"{code_of(document, number)}-back",
        f"{document}-withdrawn",
        url=(PAGES[document], {"number": number}),
        now=now,
        day=done.effective_at.date(),
        document=document,
    )


def code_of(document: str, number: int) -> str:
    """Return the code under which a version is announced and told."""
    return f"version-{document}-{number}"


# -- How ------------------------------------------------------------------------------------


def _check_day(document: str, day: date, *, now: datetime, notice: timedelta) -> None:
    first = first_day(now=now, notice=notice)
    if day < first:
        raise TooSoon(days=max(notice, NOTICE).days, first=first)
    if day > (now + FARTHEST).date():
        raise TooFar
    others = [one for one in standings(document, now=now) if one.state == COMING]
    if others and midnight(day) <= others[0].effective_at:
        last = others[0]
        raise BeforeAnother(number=last.number, day=last.effective_at.date())


def _check_new(document: str, texts: dict[str, str], *, now: datetime) -> None:
    """Refuse what is in force, or comes last, word for word: there is nothing to tell."""
    for language, text in texts.items():
        there = current(document, language, now=now)
        if there is None or there.text != text:
            return
    if not any(one.state == COMING for one in standings(document, now=now)):
        raise NothingChanged


def _unchanged(found: Draft, folder: Path) -> str | None:
    """Return which text of the program a draft is, word for word; None for one's own."""
    if found.source is None:
        return None
    files = written_in(found.source, folder)
    same = all(rendered(files.get(one.language, "")) == rendered(one.text) for one in found.texts)
    taken = sa.select(_version.c.id).where(_version.c.source == found.source).limit(1)
    return found.source if same and db.session.scalar(taken) is None else None


PAGES = {TERMS: "policy.show_terms_version", PRIVACY: "policy.show_privacy_version"}
"""Where each document's versions are read."""

for _document, _line, _subject, _back in (
    (
        PRIVACY,
        N_("Our privacy policy changes on %(day)s."),
        N_("Our privacy policy changes on %(day)s"),
        N_("Our privacy policy stays as it is"),
    ),
    (
        TERMS,
        N_("Our terms change on %(day)s."),
        N_("Our terms change on %(day)s"),
        N_("Our terms stay as they are"),
    ),
):
    announcing.kind(f"{_document}-version", _line, more=N_("What changes"))
    telling.matter(
        f"{_document}-version",
        subject=_subject,
        template="mail/version.txt",
        push=_line,
    )
    telling.matter(
        f"{_document}-withdrawn",
        subject=_back,
        template="mail/version_back.txt",
        push=None,
    )


def _announce(
    document: str, number: int, day: date, summaries: dict[str, str], *, now: datetime
) -> None:
    """Have a line on every page, and everybody told with the sentence that says what changes."""
    url: tuple[str, dict[str, object]] = (
        "policy.show_changes",
        {"document": document, "number": number},
    )
    code = code_of(document, number)
    announcing.announce(
        code,
        f"{document}-version",
        url=url,
        since=now,
        until=midnight(day) + ANNOUNCED_AFTER,
        now=now,
        day=day,
    )
    telling.tell(
        code,
        f"{document}-version",
        url=url,
        now=now,
        day=day,
        document=document,
        summary=summaries,
    )
