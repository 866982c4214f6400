"""The door through which partners' calendars are fetched, and nothing else (D9, C02, C22).

The owner enters the address, so it is believed nothing: a name is resolved here, every
address that it has must be a public one, and the line is opened to the very address that
was looked at; a name that answers otherwise the next time (DNS rebinding) changes nothing.
The same again for each of a few redirects. Sizes and times are bounded, certificates are
checked. What goes out is a request without a cookie, a name or anything of anybody's.

Sources: OWASP Server-Side Request Forgery Prevention Cheat Sheet; IANA's registries of
special-purpose addresses (RFC 6890).
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from app.config import Settings
from app.core.egress import Recipient
from app.core.errors import DomainError
from app.core.languages import N_

PARTNER_CALENDAR = Recipient(
    code="partner calendar",
    gets=N_("Which nights or times are taken, and nothing of you: no name, no number, no price"),
    why=N_("So that nobody books the same room twice on two sites"),
    clause="C22",
)

MOST_BYTES = 2_000_000
MOST_SECONDS = 15.0
MOST_REDIRECTS = 3
LONGEST_ADDRESS = 1000
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {
    "Accept": "text/calendar, text/plain;q=0.5, */*;q=0.1",
    "Accept-Encoding": "identity",  # a small file can't unpack into a big one
    "User-Agent": "Reserved (calendar import)",
    "Connection": "close",
}
# Networks that speak for another address inside them, and what Python's own list lets through.
_NOT_OUTSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
        "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
        "fec0::/10", "ff00::/8",
    )
)  # fmt: skip

Resolve = Callable[[str, int], list[str]]
Connect = Callable[[tuple[str, int], float], socket.socket]


class NotFetched(DomainError):
    """A calendar couldn't be had; `code` says why, in a word of ours that tells no address."""

    message = N_("The calendar couldn’t be fetched.")

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code


def is_outside(address: str) -> bool:
    """Whether an IP address is one of the public internet, and of no network of anybody's own."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if any(found in network for network in _NOT_OUTSIDE if network.version == found.version):
        return False
    return found.is_global and not found.is_multicast


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _connect(address: tuple[str, int], seconds: float) -> socket.socket:
    return socket.create_connection(address, seconds)


@dataclass(frozen=True, slots=True)
class _Where:
    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class CalendarDoor:
    """Fetches calendars. `loopback` opens this machine itself, by http too: for demonstrations.

    `resolve`, `connect` and `tls` stand for the net, so that tests can play it.
    """

    loopback: bool = False
    resolve: Resolve = _resolve
    connect: Connect = _connect
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    seconds: float = MOST_SECONDS

    def check(self, address: str) -> str:
        """Return the host of an address that may be fetched. Raises NotFetched for another.

        Looks at its words alone; whether its host is outside is asked at each fetch.
        """
        return self._where(address).host

    def fetch(self, address: str) -> bytes:
        """Return what lies at an address, of at most MOST_BYTES.

        Raises NotFetched: "address", "inside", "unreachable", "certificate", "slow",
        "redirects", "big", "packed", "cut", or "status NNN".
        """
        ends = time.monotonic() + self.seconds
        for _ in range(MOST_REDIRECTS + 1):
            status, location, body = self._once(self._where(address), ends)
            if status == 200:
                return body
            if status not in _REDIRECTS or not location:
                raise NotFetched(f"status {status}")
            address = urljoin(address, location)
        raise NotFetched("redirects")

    def _where(self, address: str) -> _Where:
        if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable():
            raise NotFetched("address")
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError as error:
            raise NotFetched("address") from error
        host = parts.hostname or ""
        near = self.loopback and host in ("localhost", "127.0.0.1", "::1")
        # A name and a password in it would be shown wherever the address is.
        sound = host and " " not in address and parts.username is None and parts.password is None
        if not sound or not (parts.scheme == "https" or (parts.scheme == "http" and near)):
            raise NotFetched("address")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _Where(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)

    def _may_open(self, address: str) -> bool:
        if self.loopback:
            with suppress(ValueError):
                if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
                    return True
        return is_outside(address)

    def _line(self, where: _Where, ends: float) -> socket.socket:
        """Open a line to an address that was looked at; the name is asked for once."""
        try:
            found = self.resolve(where.host, where.port)
        except (OSError, UnicodeError) as error:
            raise NotFetched("unreachable") from error
        # One that leads inside spoils them all: whoever answers so is up to something.
        if not found or not all(map(self._may_open, found)):
            raise NotFetched("inside" if found else "unreachable")
        line = self.connect((found[0], where.port), max(0.1, ends - time.monotonic()))
        if where.scheme != "https":
            return line
        sealed = self.tls().wrap_socket(
            line, server_hostname=where.host, do_handshake_on_connect=False
        )
        try:
            with _until(sealed, ends) as over:
                sealed.do_handshake()
        except BaseException as error:  # however it ends, the line is closed
            sealed.close()
            if over.is_set():
                raise NotFetched("slow") from error
            raise
        return sealed

    def _once(self, where: _Where, ends: float) -> tuple[int, str, bytes]:
        """Ask once; return the status, where it leads on, and what was answered."""
        try:
            line = self._line(where, ends)
        except ssl.SSLCertVerificationError as error:
            raise NotFetched("certificate") from error
        except TimeoutError as error:
            raise NotFetched("slow") from error
        except (OSError, ssl.SSLError) as error:
            raise NotFetched("unreachable") from error
        asked = http.client.HTTPConnection(where.host, where.port)
        asked.sock = line
        with _until(line, ends) as over:
            try:
                asked.request("GET", where.path, headers=_HEADERS)
                answer = asked.getresponse()
                location = answer.headers.get("Location", "")
                body = _body(answer) if answer.status == 200 else b""
            except (http.client.IncompleteRead, ConnectionError) as error:
                raise NotFetched("slow" if over.is_set() else "cut") from error
            except TimeoutError as error:
                raise NotFetched("slow") from error
            except (http.client.HTTPException, OSError, ValueError) as error:
                raise NotFetched("slow" if over.is_set() else "unreachable") from error
            finally:
                asked.close()
        if over.is_set():  # a line that was cut off looks like one that ended
            raise NotFetched("slow")
        return answer.status, location, body


def _body(answer: http.client.HTTPResponse) -> bytes:
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NotFetched("packed")
    body = answer.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise NotFetched("big")
    # A read with a limit says nothing of an answer that ended too soon.
    if answer.length:
        raise NotFetched("cut")
    return body


@contextmanager
def _until(line: socket.socket, ends: float) -> Iterator[threading.Event]:
    """Cut a line off at an instant, however slowly its other end goes on writing."""
    over = threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, ends - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()


def open_door(settings: Settings) -> CalendarDoor:
    """Return the door of an installation, by its settings."""
    return CalendarDoor(loopback=settings.calendar_loopback)
