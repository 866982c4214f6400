"""Who outside is sent anything, as this installation is set up (C02).

The list comes from the door that everything leaves by (`core.egress`), so it can't leave
anybody out: a site whose door leads to somebody whom nothing here describes doesn't start. A
feature that has a recipient of its own names it here; one whose recipients are rows says
which there are (`also`), with what each gets, why, where and for how long.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from flask import current_app, has_app_context

from app.config import Settings
from app.core.egress import MAIL_RELAY, Egress, Recipient
from app.core.languages import N_, current_locale, gettext


class RecipientUnnamed(LookupError):
    """The installation can reach somebody whom no page would tell of."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A recipient as the page shows it. Texts are for people, marked by N_."""

    name: str
    gets: str
    why: str
    host: str  # where it is reached
    kept: str = ""  # how long it keeps what it gets
    ground: str = ""  # what makes it right
    clause: str = ""
    way: str = ""  # by which way it gets it, where that isn't the net
    country: str = ""  # ISO 3166-1 alpha-2; "" where nobody has told us
    only_with_consent: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    recipient: Recipient
    kept: str
    ground: str


_named: dict[str, _Named] = {}
_also: list[Callable[[], Iterable[Listed]]] = []
_names: list[Callable[[str], str | None]] = []


def name_recipient(recipient: Recipient, name: str, *, kept: str, ground: str) -> None:
    """Let a feature name a recipient of its own.

    `name` is marked by N_, or is a proper name; `kept` says how long it keeps what it gets,
    `ground` by what law, both marked by N_. Raises ValueError where one of them is empty.
    """
    if not (name and kept and ground and recipient.gets and recipient.why):
        raise ValueError(f"Something is left out about who gets data: {recipient.code}")
    _named[recipient.code] = _Named(name, recipient, kept, ground)


def also(look: Callable[[], Iterable[Listed]]) -> Callable[[], Iterable[Listed]]:
    """Have the list hold recipients that are known only as it is made."""
    _also.append(look)
    return look


def name_recipients(look: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """Let a feature say what its recipients are called by their codes; None for another's."""
    _names.append(look)
    return look


def name_by(beginning: str, look: Callable[[str], str | None]) -> None:
    """Let a feature say what recipients are called whose codes begin so."""
    name_recipients(lambda code: look(code) if code.startswith(beginning) else None)


name_recipient(
    MAIL_RELAY,
    N_("Mail relay"),
    kept=N_("Until the mail is delivered to your own mailbox"),
    ground=N_("our contract with you (GDPR, Article 6(1)(b))"),
)


def refuse_unnamed(egress: Egress) -> None:
    """Raise RecipientUnnamed where the door leads to somebody whom nothing describes."""
    for code in egress.reached():
        if code not in _named:
            raise RecipientUnnamed(code)


def listed(egress: Egress) -> list[Listed]:
    """Return everybody whom this installation can send anything to.

    Raises RecipientUnnamed for one that nothing describes: the list must be whole.
    """
    refuse_unnamed(egress)
    # Only the host: a relay's address has a password in it.
    found = [
        _listed(_named[code], urlsplit(egress.url(_named[code].recipient)).hostname or "")
        for code in egress.recipients()
    ]
    if has_app_context():
        found += [one for look in _also for one in look()]
    known = _countries()
    return [one if one.country else replace(one, country=known.get(one.code, "")) for one in found]


def _listed(said: _Named, host: str) -> Listed:
    one = said.recipient
    return Listed(
        name=said.name,
        gets=one.gets,
        why=one.why,
        host=host,
        kept=said.kept,
        ground=said.ground,
        clause=one.clause,
        code=one.code,
    )


def name_of(code: str) -> str:
    """Return what a recipient is called, by its code in the register; the code, for none."""
    if code in _named:
        return gettext(_named[code].name)
    return next((name for look in _names if (name := look(code))), code)


def country_word(code: str) -> str:
    """Return a country's name in the current language; "" for none."""
    return str(current_locale().territories.get(code, code)) if code else ""


def _countries() -> dict[str, str]:
    if not has_app_context():
        return {}  # asked for outside of a site, as a test may
    chosen: Settings = current_app.extensions["settings"]
    return dict(chosen.recipient_countries)
