"""The one door through which anything leaves this machine (D9, C02).

A recipient is declared with what it gets and why; an address that no recipient
was given can't be reached. The policy's list of recipients is rendered from
the same register.
"""

import http.client
import smtplib
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import SplitResult, unquote, urlsplit

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


PUSH_SERVICE = Recipient(
    code="push service",
    gets=N_("The address that your browser has there, and a text that only your browser can open"),
    why=N_("To show you on a device what you must know, where you asked for it"),
    clause="C13",
)
PUSH_HOSTS = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
"""Where browsers have what is pushed to them delivered: each brings its maker's address."""
_LONGEST_ANSWER = 4096  # bytes of an answer that are read, and dropped


class Egress:
    """The allow-list of one installation: recipients and the addresses they were given."""

    relay_seconds: ClassVar[float] = 20
    """How long the mail relay may take for each answer."""
    relay_rests: ClassVar[float] = 60
    """For how many seconds it is left alone after it let us wait for nothing."""
    relay_goodbye: ClassVar[float] = 2
    """How long it may take to say goodbye, which nothing hangs on."""

    def __init__(
        self, addresses: dict[str, str], hosts: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        """`hosts`: of recipients whose addresses others bring, where those may lie.

        Each is a host, reached by https, or "*." and its end; or, for tests, a whole origin.
        """
        self._addresses = {code: url for code, url in addresses.items() if url}
        self._hosts = dict(hosts or {})
        self._relay_at = 0.0  # the monotonic clock before which it isn't asked again

    def recipients(self) -> list[str]:
        """Return the codes of the recipients that this installation really has."""
        return sorted(self._addresses)

    def reached(self) -> list[str]:
        """Return the codes of all that anything can leave to, at an address others bring too."""
        hosts = {code for code, allowed in self._hosts.items() if allowed}
        return sorted(self._addresses.keys() | hosts)

    def url(self, recipient: Recipient) -> str:
        """Return the address of a recipient; raises RecipientUnknown where it has none."""
        try:
            return self._addresses[recipient.code]
        except KeyError as error:
            raise RecipientUnknown from error

    def hosts(self, recipient: Recipient) -> tuple[str, ...]:
        """Return where the addresses of a recipient may lie; nothing for one it doesn't have."""
        return self._hosts.get(recipient.code, ())

    def allows(self, recipient: Recipient, url: str) -> bool:
        """Whether an address that somebody brought is one of this recipient's."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        host, allowed = (parts.hostname or "").lower(), self.hosts(recipient)
        if not host or parts.username is not None or parts.password is not None:
            return False
        if f"{parts.scheme}://{parts.netloc}" in allowed:
            return True
        if parts.scheme != "https" or port not in (None, 443):
            return False
        return host in allowed or any(
            one.startswith("*.") and host.endswith(one[1:]) for one in allowed
        )

    def post(self, recipient: Recipient, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post to an address that somebody brought, and return the answer's status.

        No redirect is followed: it could lead anywhere. Raises RecipientUnknown for an
        address that isn't the recipient's, OSError when it can't be reached.
        """
        if not self.allows(recipient, url):
            raise RecipientUnknown
        parts = urlsplit(url)
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            tls = ssl.create_default_context()
            connection = http.client.HTTPSConnection(parts.netloc, timeout=20, context=tls)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        try:
            path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            answer.read(_LONGEST_ANSWER)
            return answer.status
        except http.client.HTTPException as error:
            raise OSError from error
        finally:
            connection.close()

    def mail_relay(self) -> AbstractContextManager[smtplib.SMTP]:
        """Talk to the mail relay, encrypted and signed in, for as long as a block.

        MAIL_URL is smtps://user:password@host:465 or smtp://…:587 (STARTTLS).
        A relay on this very machine may be plain. Raises RecipientUnknown
        without one, smtplib.SMTPException or OSError when it can't be reached.

        One that lets us wait for nothing, at whatever word, is left alone for a while.
        """
        return self._conversation(urlsplit(self.url(MAIL_RELAY)))

    @contextmanager
    def _conversation(self, parts: SplitResult) -> Iterator[smtplib.SMTP]:
        began = time.monotonic()
        if began < self._relay_at:
            # A hundred mails that wait one after another would keep all other work waiting.
            raise TimeoutError
        try:
            relay = self._connected(parts)
            try:
                yield relay
            finally:
                self._say_goodbye(relay)
        except (OSError, smtplib.SMTPException):
            if time.monotonic() - began >= self.relay_seconds:
                self._relay_at = time.monotonic() + self.relay_rests
            raise

    def _say_goodbye(self, relay: smtplib.SMTP) -> None:
        """End a conversation; what was taken stays taken, whatever is answered to that."""
        if relay.sock is not None:
            relay.sock.settimeout(self.relay_goodbye)
        with closing(relay), suppress(OSError, smtplib.SMTPException):
            relay.quit()

    def _connected(self, parts: SplitResult) -> smtplib.SMTP:
        host, wait = parts.hostname or "", self.relay_seconds
        tls = ssl.create_default_context()
        relay: smtplib.SMTP
        if parts.scheme == "smtps":
            relay = smtplib.SMTP_SSL(host, parts.port or 465, timeout=wait, context=tls)
        else:
            relay = smtplib.SMTP(host, parts.port or 587, timeout=wait)
        try:
            if parts.scheme != "smtps" and host not in ("localhost", "127.0.0.1", "::1"):
                relay.starttls(context=tls)
            if parts.username:
                relay.login(unquote(parts.username), unquote(parts.password or ""))
        except BaseException:  # however it ends, the line is closed
            relay.close()
            raise
        return relay
