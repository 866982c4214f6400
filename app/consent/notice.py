"""What a visitor is shown before they choose, word for word, and its digest.

Banner and page are rendered from a `Notice` and from nothing else, and each
choice is tied to the digest of the one that it answered, so the very question
can be shown again years later. Rendering the words is gettext's; the digest is
over all of them, in one language.
"""

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import sqlalchemy as sa

from app.consent.canonical import canonical, digest_of
from app.consent.models import NoticeText
from app.consent.register import ABOUT, CHOICE_MONTHS, cookies_of, inventory
from app.core.database import db, table
from app.core.languages import (
    LANGUAGES,
    N_,
    current_language,
    gettext,
    ngettext,
    use_language,
)
from app.web.cookies import OPTIONAL, Category, Cookie

NUMBER = 1
"""Counts the versions of the question's words. A correction moves it, and asks nobody again:
only a changed inventory does."""

DATA = {
    "language": N_("your language"),
    "region": N_("your region"),
    "currency_display": N_("how prices are written"),
    "theme": N_("light or dark"),
    "page": N_("which page was opened"),
    "click": N_("which of a few marked buttons and links was pressed"),
    "referring_host": N_("the name of the site you came from"),
    "device_class": N_("phone, tablet or computer"),
    "browser_family": N_("the name of the browser"),
    "system_family": N_("the name of its system"),
    "offers_looked_at": N_("which offers you looked at"),
}
"""What the register names as data of a category, in words for people."""

_notices = table(NoticeText)
_LISTS = frozenset({"purposes", "data", "items", "parts"})
Said = TypeVar("Said", "Notice", "Part", "StoredItem")


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One cookie, as the notice tells of it."""

    name: str
    purpose: str
    life: str
    reader: str
    needed_for: str


@dataclass(frozen=True, slots=True)
class Part:
    """One category, as the notice tells of it."""

    code: str
    title: str
    short: str
    purposes: tuple[str, ...]
    kept: str
    inventory: str
    data: tuple[str, ...]
    items: tuple[StoredItem, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A whole cookie question in one language."""

    number: int
    language: str
    title: str
    lead: str
    accept: str
    refuse: str
    detail: str
    again: str
    changed: str
    recipients: str
    policy: str
    parts: tuple[Part, ...]

    def part(self, category: Category) -> Part:
        """Return what is said of a category."""
        return next(part for part in self.parts if part.code == category)

    @property
    def text(self) -> str:
        """All of it as canonical JSON."""
        return canonical(asdict(self))

    @property
    def digest(self) -> str:
        """The SHA-256 of the text, hexadecimal."""
        return digest_of(self.text)


def present() -> Notice:
    """Return the question as it stands today, in the current language."""
    return _present(current_language())[0]


def present_digest() -> str:
    """Return the digest of the present question in the current language."""
    return _present(current_language())[1]


@lru_cache(maxsize=8)
def _present(language: str) -> tuple[Notice, str]:
    notice = Notice(
        number=NUMBER,
        language=language,
        title=gettext("May we remember a few things?"),
        lead=gettext(
            "The site works the same without. Nothing optional is stored or noted unless you "
            "say yes. All of it stays with us; nobody else reads it."
        ),
        accept=gettext("Accept all"),
        refuse=gettext("Refuse all"),
        detail=gettext("Choose in detail"),
        again=ngettext(
            "Your answer counts for %(num)d month, yes and no alike. You can change it at the "
            "foot of every page.",
            "Your answer counts for %(num)d months, yes and no alike. You can change it at the "
            "foot of every page.",
            CHOICE_MONTHS,
        ),
        changed=gettext(
            "Something about this has changed since your last answer, so we ask once more, "
            "and only about this."
        ),
        recipients=gettext("Who gets your data"),
        policy=gettext("Privacy policy"),
        parts=tuple(_part(category) for category in (Category.NECESSARY, *OPTIONAL)),
    )
    return notice, notice.digest


def _part(category: Category) -> Part:
    about = ABOUT[category]
    return Part(
        code=category.value,
        title=gettext(about.title),
        short=gettext(about.short),
        purposes=tuple(gettext(purpose) for purpose in about.purposes),
        kept=gettext(about.kept, months=about.server_months),
        inventory=inventory(category) if category in OPTIONAL else "",
        data=tuple(gettext(DATA[code]) for code in about.data),
        items=tuple(_item(cookie) for cookie in cookies_of(category)),
    )


def _item(cookie: Cookie) -> StoredItem:
    return StoredItem(
        name=cookie.name,
        purpose=gettext(cookie.purpose),
        life=_life(cookie),
        reader=gettext("This site alone"),
        needed_for=gettext(cookie.needed_for) if cookie.needed_for else "",
    )


def _life(cookie: Cookie) -> str:
    if cookie.seconds is None:
        return gettext("Until you sign out or close the browser")
    days = cookie.seconds // 86_400
    if days > 31:
        return ngettext("%(num)d month", "%(num)d months", CHOICE_MONTHS)
    return ngettext("%(num)d day", "%(num)d days", days)


def record(notice: Notice, *, now: datetime) -> str:
    """Keep a notice's text, if it isn't kept yet, and return its digest. The caller commits."""
    digest = notice.digest
    known = sa.select(_notices.c.digest).where(_notices.c.digest == digest)
    if db.session.connection().execute(known).first() is None:
        insert = sa.text(
            "INSERT INTO consent_notice (digest, language, number, text, first_shown_at) "
            "VALUES (:digest, :language, :number, :text, :now) ON CONFLICT DO NOTHING"
        ).bindparams(sa.bindparam("now", type_=_notices.c.first_shown_at.type))
        db.session.connection().execute(
            insert,
            {
                "digest": digest,
                "language": notice.language,
                "number": notice.number,
                "text": notice.text,
                "now": now,
            },
        )
    return digest


def find(digest: str) -> NoticeText | None:
    """Return the kept text of a question."""
    return db.session.get(NoticeText, digest)


def named(digest: str) -> Notice | None:
    """Return the question with a digest: as it stands in any language, or as it was once answered.

    None for one that was never asked here, or whose form this release can't spell:
    nobody can be held to have answered it.
    """
    for language in LANGUAGES:
        with use_language(language):
            if present_digest() == digest:
                return present()
    kept = find(digest)
    made = from_text(json.loads(kept.text)) if kept else None
    return made if made and made.digest == digest else None


def from_text(parsed: dict[str, Any]) -> Notice:
    """Return the notice that a kept text was made from, to show it as it was.

    What an earlier release didn't say stays empty, what a later one said too is left out.
    """
    parts = tuple(
        _filled(Part, {**part, "items": tuple(_filled(StoredItem, i) for i in part["items"])})
        for part in parsed["parts"]
    )
    return _filled(Notice, {**parsed, "parts": parts})


def _filled(kind: type[Said], known: dict[str, Any]) -> Said:
    def value(name: str) -> Any:
        found = known.get(name, () if name in _LISTS else "")
        return tuple(found) if name in _LISTS else found

    return kind(**{field.name: value(field.name) for field in fields(kind)})
