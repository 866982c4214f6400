"""Drafts of the documents: begun, written language by language, thrown away (C25).

A draft counts for nobody. It is written in the tiny format of `sources`, with the names
of facts, "{hold_time}", which are filled in when it is published.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.core.database import changed, db, table
from app.core.errors import DomainError
from app.core.languages import LANGUAGES, N_
from app.policy.models import DocumentVersion as Version
from app.policy.models import Draft, DraftText, ShippedText
from app.policy.sources import FOLDER, names_in

_text = table(DraftText)

IN_FORCE, SHIPPED = "in_force", "shipped"
"""What a draft can begin as."""


class DraftGone(DomainError):
    """The draft was published or thrown away meanwhile."""

    message = N_(
        "This draft isn’t there any more: it was published or thrown away meanwhile. What you "
        "wrote is still below, to copy it."
    )


class DraftChanged(DomainError):
    """Somebody else has saved the same language since the page was opened."""

    message = N_(
        "Somebody else has saved this language since you opened it. Your text is still in the "
        "field, and what they changed is shown below. If you save again, yours replaces theirs."
    )


class NothingToBeginWith(DomainError):
    """There is no text that a draft could begin as."""

    message = N_("There is no text that a draft could begin as.")


@dataclass(frozen=True, slots=True)
class Written:
    """One language of a draft as somebody wants it saved."""

    text: str
    summary: str
    revision: int  # that their page was made from; 0 for a language that wasn't there


def drafts() -> list[Draft]:
    """Return every draft, the newest first."""
    query = sa.select(Draft).options(sa.orm.selectinload(Draft.texts))
    return list(db.session.scalars(query.order_by(Draft.id.desc())))


def draft(draft_id: int, *, to_write: bool = False) -> Draft | None:
    """Return one draft; `to_write` keeps others from publishing or ending it meanwhile."""
    query = sa.select(Draft).where(Draft.id == draft_id)
    return db.session.scalar(query.with_for_update() if to_write else query)


def text_of(found: Draft, language: str) -> DraftText | None:
    """Return a draft in one language; None where nothing was written."""
    return next((one for one in found.texts if one.language == language), None)


def start(document: str, begin: str, *, now: datetime, folder: Path = FOLDER) -> Draft:
    """Begin a draft as the version in force, or as what came with the program last.

    Raises NothingToBeginWith. Flushes; the caller commits.
    """
    if begin == SHIPPED:
        name = newest(document, folder)
        texts = written_in(name, folder)
        made = Draft(document=document, source=name or None, based_on=None, made_at=now)
    else:
        number, texts = _in_force(document, now=now, folder=folder)
        made = Draft(document=document, source=None, based_on=number, made_at=now)
    if not texts:
        raise NothingToBeginWith
    return _add(made, texts, now=now)


def offer(document: str, name: str, *, now: datetime, folder: Path = FOLDER) -> Draft | None:
    """Make a draft of a text that came with the program, once; None where it was offered.

    A text that changed in a newer program before it was published is offered again.
    The caller commits.
    """
    texts = written_in(name, folder)
    digest = sha256("\0".join(f"{k}\0{texts[k]}" for k in sorted(texts)).encode()).hexdigest()
    known = db.session.get(ShippedText, name)
    if known is not None and known.digest == digest:
        return None
    db.session.merge(ShippedText(name=name, digest=digest, came_at=now))
    return _add(Draft(document=document, source=name, based_on=None, made_at=now), texts, now=now)


def save(draft_id: int, language: str, new: Written, *, now: datetime) -> None:
    """Save one language of a draft. The caller commits.

    Raises DraftGone, and DraftChanged where somebody else saved it since.
    """
    if draft(draft_id, to_write=True) is None:
        raise DraftGone
    values = {"text": new.text, "summary": new.summary, "changed_at": now}
    if new.revision:
        same = (_text.c.draft_id == draft_id, _text.c.language == language)
        statement = sa.update(DraftText).where(*same, _text.c.revision == new.revision)
        done = db.session.execute(statement.values(**values, revision=new.revision + 1))
        if not changed(done):
            raise DraftChanged
    elif db.session.get(DraftText, (draft_id, language)) is not None:
        raise DraftChanged
    else:
        db.session.add(DraftText(draft_id=draft_id, language=language, revision=1, **values))
        db.session.flush()


def throw_away(draft_id: int) -> str:
    """Delete a draft, and return whose document it was. The caller commits. Raises DraftGone."""
    found = draft(draft_id, to_write=True)
    if found is None:
        raise DraftGone
    document = found.document
    db.session.delete(found)
    db.session.flush()
    return document


def stamp(found: Draft) -> str:
    """Return what changes whenever anything of a draft does: what somebody has looked at."""
    parts = [f"{one.language}:{one.revision}" for one in found.texts]
    return " ".join([str(found.id), *sorted(parts)])


# -- Where texts come from --------------------------------------------------------------------


def newest(document: str, folder: Path = FOLDER) -> str:
    """Return the name of the newest text of a document that came with the program; "" for none."""
    return max(
        (name for name in names_in(folder) if name.startswith(f"{document}-")),
        key=lambda name: int(name.rpartition("-")[2]),
        default="",
    )


def written_in(name: str, folder: Path = FOLDER) -> dict[str, str]:
    """Return a text that came with the program, by language, with the names of its facts."""
    paths = {language: folder / f"{name}.{language}.txt" for language in LANGUAGES}
    return {
        language: path.read_text(encoding="utf-8")
        for language, path in paths.items()
        if name and path.is_file()
    }


def _in_force(document: str, *, now: datetime, folder: Path) -> tuple[int, dict[str, str]]:
    """Return the number of the version in force, and its texts with the names of their facts."""
    query = (
        sa.select(Version)
        .where(Version.document == document, Version.effective_at <= now)
        .where(Version.withdrawn_at.is_(None))
        .order_by(Version.number.desc())
        .limit(len(LANGUAGES))
    )
    rows = list(db.session.scalars(query))
    rows = [row for row in rows if row.number == rows[0].number]
    files = written_in(rows[0].source or "", folder) if rows else {}
    texts = {row.language: row.written or files.get(row.language) or row.text for row in rows}
    return (rows[0].number if rows else 0), texts


def _add(made: Draft, texts: dict[str, str], *, now: datetime) -> Draft:
    made.texts = [
        DraftText(language=language, text=text, summary="", revision=1, changed_at=now)
        for language, text in texts.items()
    ]
    db.session.add(made)
    db.session.flush()
    return made


def offered() -> sa.Select[Any]:
    """Return the statement for how many drafts came with the program and wait."""
    query = sa.select(sa.func.count()).select_from(Draft)
    return query.where(Draft.source.is_not(None))
