"""Who outside is sent anything, as this installation is set up (C02).

The list comes from the door that everything leaves by (`core.egress`), so it
can't leave anybody out. A feature that has a recipient of its own names it here.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from app.core.egress import MAIL_RELAY, Egress, Recipient
from app.core.languages import N_, gettext


class RecipientUnnamed(LookupError):
    """The installation can reach somebody whom no page would tell of."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A recipient as the page shows it."""

    name: str  # a text for people, marked by N_
    gets: str  # likewise
    why: str  # likewise
    host: str  # where it is reached


_named: dict[str, tuple[str, Recipient]] = {MAIL_RELAY.code: (N_("Mail relay"), MAIL_RELAY)}


def name_recipient(recipient: Recipient, name: str) -> None:
    """Let a feature name a recipient of its own; `name` is marked by N_, or is a proper name."""
    _named[recipient.code] = (name, recipient)


def listed(egress: Egress) -> list[Listed]:
    """Return everybody whom this installation can send anything to.

    Raises RecipientUnnamed for one that nothing describes: the list must be whole.
    """
    found = []
    for code in egress.recipients():
        if code not in _named:
            raise RecipientUnnamed(code)
        name, recipient = _named[code]
        # Only the host: a relay's address has a password in it.
        host = urlsplit(egress.url(recipient)).hostname or ""
        found.append(Listed(name, recipient.gets, recipient.why, host))
    return found


def name_of(code: str) -> str:
    """Return what a recipient is called, by its code in the register; the code, for none."""
    return gettext(_named[code][0]) if code in _named else code
