"""The one door through which anything leaves this machine (D9, C02).

A recipient is declared with what it gets and why; an address that no recipient
was given can't be reached. The policy's list of recipients is rendered from
the same register.
"""

import smtplib
import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from app.core.errors import DomainError
from app.core.languages import N_


class RecipientUnknown(DomainError):
    """Something tried to reach an address that is nobody's on the list."""

    message = N_("That address is not on this site’s list of recipients.")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody outside who is sent something: who, what, and why."""

    code: str
    gets: str  # a text for people, marked by N_
    why: str  # a text for people, marked by N_
    clause: str


MAIL_RELAY = Recipient(
    code="mail relay",
    gets=N_("Your e-mail address and the messages we write to you"),
    why=N_("To deliver confirmations and answers"),
    clause="C16",
)


class Egress:
    """The allow-list of one installation: recipients and the addresses they were given."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self._addresses = {code: url for code, url in addresses.items() if url}

    def recipients(self) -> list[str]:
        """Return the codes of the recipients that this installation really has."""
        return sorted(self._addresses)

    def url(self, recipient: Recipient) -> str:
        """Return the address of a recipient; raises RecipientUnknown where it has none."""
        try:
            return self._addresses[recipient.code]
        except KeyError as error:
            raise RecipientUnknown from error

    def mail_relay(self) -> smtplib.SMTP:
        """Return a connection to the mail relay, encrypted and signed in.

        MAIL_URL is smtps://user:password@host:465 or smtp://…:587 (STARTTLS).
        A relay on this very machine may be plain. Raises RecipientUnknown
        without one, smtplib.SMTPException or OSError when it can't be reached.
        """
        parts = urlsplit(self.url(MAIL_RELAY))
        host = parts.hostname or ""
        tls = ssl.create_default_context()
        relay: smtplib.SMTP
        if parts.scheme == "smtps":
            relay = smtplib.SMTP_SSL(host, parts.port or 465, timeout=20, context=tls)
        else:
            relay = smtplib.SMTP(host, parts.port or 587, timeout=20)
        try:
            if parts.scheme != "smtps" and host not in ("localhost", "127.0.0.1", "::1"):
                relay.starttls(context=tls)
            if parts.username:
                relay.login(unquote(parts.username), unquote(parts.password or ""))
        except BaseException:
            relay.close()
            raise
        return relay
