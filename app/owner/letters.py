"""The demo's letters: mails written into a folder instead of being sent.

A letter is named by its file; only names that the demo could have written are
looked for, so no name leads anywhere else.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import Parser
from pathlib import Path

NEWEST = 50

# No slash, no leading dot: neither another folder nor a hidden file.
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._@+-]{0,150}\.eml", re.ASCII)


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, read for a page. Headers are decoded; `attachments` are file names."""

    name: str
    written: datetime
    sender: str
    to: str
    subject: str
    text: str = ""
    attachments: tuple[str, ...] = ()


def newest(folder: Path) -> list[Letter]:
    """Return the newest letters without their text; none where there is no folder."""
    if not folder.is_dir():
        return []
    files = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and _is_file(path)]
    files.sort(key=lambda path: (path.stat().st_mtime, path.name), reverse=True)
    return [_letter(path, headers_only=True) for path in files[:NEWEST]]


def letter_file(folder: Path, name: str) -> Path | None:
    """Return the file of a letter, or None for a name that isn't one's."""
    path = folder / name if _NAME.fullmatch(name) else None
    return path if path is not None and _is_file(path) else None


def read(path: Path) -> Letter:
    """Return a letter with its text and the names of what is attached."""
    return _letter(path, headers_only=False)


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _letter(path: Path, *, headers_only: bool) -> Letter:
    # As text: read from bytes, headers in UTF-8 (RFC 6532) come out as what no page can show.
    message = Parser(EmailMessage, policy=policy.default).parsestr(
        path.read_text(encoding="utf-8", errors="replace"), headersonly=headers_only
    )
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    text, attachments = ("", ()) if headers_only else _content(message)
    return Letter(
        name=path.name,
        written=written,
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        text=text,
        attachments=attachments,
    )


def _content(message: EmailMessage) -> tuple[str, tuple[str, ...]]:
    body = message.get_body(("plain",))
    names = tuple(
        part.get_filename() or part.get_content_type() for part in message.iter_attachments()
    )
    return (str(body.get_content()) if body is not None else "", names)
