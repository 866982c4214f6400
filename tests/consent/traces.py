"""Visitors whose browsers say what nobody else's says, and the search for it in all that is left.

Each kind of what a browser tells has a word of its own, so that a finding says what
was kept. Words are looked for as they are and in every coding that a program might
have used, and the whole values as their digests too.
"""

import base64
import hashlib
import http.client
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql

from tests.house.canaries import forms_of
from tests.house.routes import SAFE
from tests.house.visitor import Page, Visitor
from tests.servers import LiveServer

_BEGINNING = 16  # bytes of a digest in any coding: chance doesn't meet them


@dataclass(frozen=True)
class Canaries:
    """What one browser tells a site: `word` is in all of it, and nowhere else in the world."""

    word: str  # lower-case letters only
    number: int  # 1 … 250, of the addresses

    @property
    def referring_host(self) -> str:
        """The site that the visitor comes from."""
        return f"{self.word}host.example"

    @property
    def address(self) -> str:
        """The address that they come from: a real one, of the loopback network."""
        return f"127.77.{self.number}.{250 - self.number}"

    @property
    def query(self) -> str:
        """What an advertisement adds to an address, with a letter that must be encoded."""
        return urlencode({"utm_source": f"{self.word}queryä", "gclid": f"{self.word}click"})

    @property
    def path(self) -> str:
        """A path that is no page of the site."""
        return quote(f"/{self.word}pathä/{self.word.upper()}PATH")

    @cached_property
    def headers(self) -> dict[str, str]:
        """What goes along with every request."""
        return {
            # Families that are told apart, so that under consent there is something to tell.
            "User-Agent": (
                f"Mozilla/5.0 (X11; Linux x86_64; {self.word}agent) Gecko/20100101 Firefox/149.0"
            ),
            "Referer": f"https://{self.referring_host}/{self.word}refpath?q={self.word}refquery",
            "Accept-Language": f"en-GB,x-{self.word}language;q=0.7",
            "X-Forwarded-For": f"203.0.113.{self.number}, {self.word}forwarded",
            "X-Real-IP": f"203.0.113.{self.number}",
            "Forwarded": f'for="203.0.113.{self.number}";host={self.word}forwarded.example',
            "Via": f"1.1 {self.word}via",
            "From": f"{self.word}from@nest.example",
            "X-Request-Id": f"{self.word}requestid",
            "Authorization": f"Bearer {self.word}bearer",
            "If-None-Match": f'"{self.word}etag"',
        }

    @cached_property
    def cookies(self) -> dict[str, str]:
        """Cookies that this site never set, some of them by its own names."""
        names = ("choice", "basket", "session", "preferences", "statistics", "suggestions")
        return {
            "_ga": f"GA1.1.{self.word}ga",
            f"{self.word}cookie": "1",
            **{name: f"{self.word}{name}" for name in names},
        }

    @cached_property
    def needles(self) -> dict[bytes, str]:
        """What to look for, and what each is."""
        found = dict.fromkeys(forms_of(self.word), self.word)
        network, _, _ = self.address.rpartition(".")
        packed = bytes(map(int, self.address.split(".")))
        written = (
            *(self.address, f"{network}.", packed.hex(), str(int.from_bytes(packed, "big"))),
            *(f"203.0.113.{self.number}", base64.b64encode(self.address.encode()).decode()),
        )
        return found | {one.encode(): f"{self.word}: its address" for one in written}

    @cached_property
    def digests(self) -> dict[bytes, str]:
        """The beginnings of digests to look for, and of what each is one."""
        network, _, _ = self.address.rpartition(".")
        values = (
            *(self.referring_host, self.address, f"{network}.0/24", f"{network}.0", network),
            *(f"203.0.113.{self.number}", self.query, self.path, f"{self.word}queryä"),
            *(self.headers.values()),
            *(self.cookies.values()),
        )
        return {
            form[:_BEGINNING]: f"{self.word}: a digest of {value}"
            for value in values
            for form in _digests_of(value)
        }


def _digests_of(value: str) -> Iterator[bytes]:
    for algorithm in ("md5", "sha1", "sha256"):
        for text in {value, value.lower()}:
            digest = hashlib.new(algorithm, text.encode(), usedforsecurity=False)
            coded = base64.b64encode(digest.digest())
            yield from (digest.digest(), digest.hexdigest().encode(), coded)
            yield coded.replace(b"+", b"-").replace(b"/", b"_")


def search(content: bytes, visitors: Collection[Canaries]) -> list[str]:
    """Return what of these visitors' lies in some bytes."""
    content = re.sub(rb"\0{32,}", bytes(32), content)  # a database's pages are mostly empty
    lowered = content.lower()
    found, digests = set(), {}
    for one in visitors:
        digests |= one.digests
        for needle, what in one.needles.items():
            for text in (lowered, content):
                if needle in text:
                    found |= set(_words_with(needle, text)) or {what}
                    break
    for text in (content, lowered) if lowered != content else (content,):
        parts = (text[start : start + _BEGINNING] for start in range(len(text)))
        found |= {digests[part] for part in parts if part in digests}
    return sorted(found)


def _words_with(needle: bytes, text: bytes) -> Iterator[str]:
    """Yield the words that a needle is part of, where it is a word itself."""
    if needle.isalnum():
        for found in re.findall(re.escape(needle) + rb"[a-z]*", text):
            yield found.decode()


# -- The visitor --------------------------------------------------------------------------------


class Wanderer(Visitor):
    """A visitor to a real server with a browser full of canaries, and a cookie jar or none."""

    def __init__(
        self,
        at: LiveServer,
        canaries: Canaries,
        *,
        keeps_cookies: bool = True,
        plants: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Arrive. `plants`: also send cookies by names of the site's own that it never set."""
        super().__init__(at, headers={**canaries.headers, **(headers or {})})
        self.canaries = canaries
        self.plants = plants
        self.jar: dict[str, str] | None = {} if keeps_cookies else None

    def _live(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        assert self.live is not None
        own = f"http://{self.live.host}"
        sent = {"Host": self.live.host, "Cookie": self._cookies(), **headers}
        if method not in SAFE and "Origin" not in sent:  # as from a page of ours
            sent |= {"Origin": own, "Referer": f"{own}/?{self.canaries.query}"}
        line = http.client.HTTPConnection(
            "127.0.0.1",
            self.live.port,
            timeout=20,
            source_address=(self.canaries.address, 0),
        )
        page = Page(path, 0, [], b"")
        # Who sends too much is answered before they are done, and may find the line closed.
        with closing(line), suppress(ConnectionError):
            with suppress(ConnectionError):
                line.request(method, path, body=body, headers=sent)
            answer = line.getresponse()
            page = Page(path, answer.status, answer.getheaders(), answer.read())
        self._keep(page)
        return page

    def _cookies(self) -> str:
        strange = {
            name: value
            for name, value in self.canaries.cookies.items()
            if self.plants or self.canaries.word in name or name == "_ga"
        }
        return "; ".join(f"{name}={v}" for name, v in {**strange, **(self.jar or {})}.items())

    def _keep(self, page: Page) -> None:
        if self.jar is None:
            return
        for header in page.all("Set-Cookie"):
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0":
                    self.jar.pop(name, None)
                else:
                    self.jar[name] = morsel.value

    # -- What a visit is made of ----------------------------------------------------------------

    def look_around(self) -> None:
        """Open pages, and addresses that are none, with canaries wherever one fits."""
        word, query = self.canaries.word, self.canaries.query
        nights = urlencode(self.dates)
        for path in (
            *("/", "/search", f"/search?{nights}&adults=2", "/offers/reed-room"),
            *("/offers/kayak-tour", "/contact", "/terms", "/privacy", "/privacy/recipients"),
            *("/cookies", "/cookies/log", "/cookies/receipt", "/preferences", "/basket"),
            *("/account/sign-in", "/account/activity", "/healthz", "/.well-known/gpc.json"),
            *("/privacy/clauses", "/privacy/collection", "/privacy/storage", "/privacy/controller"),
            *("/privacy/incidents", "/closing", "/reviews", "/security", "/push.js"),
            *("/account/notices", f"/feeds/{word}.ics", f"/survey/{word}", f"/reviews/{word}"),
            *(f"/search?arrive={word}&depart={word}&adults={word}", f"/offers/{word}"),
            *(f"/cookies/heads?digest={word}", f"/cookies/notices/{word}", f"/basket/{word}"),
            *(f"/account/enter/{word}", f"/reservations/{word}?key={word}", f"/static/{word}.js"),
            *(f"/?lang={word}", f"/?basket={word}", f"/?theme={word}", f"/.well-known/{word}"),
            *(self.canaries.path, f"/%zz{word}", f"/%ff%fe{word}%00", f"//{word}.example/"),
            *(f"/fails/{word}", f"/fails-to-read/{word}"),
        ):
            self.open(f"{path}{'&' if '?' in path else '?'}{query}")

    def ask_oddly(self) -> None:
        """Send what no form of the site sends."""
        word, query = self.canaries.word, self.canaries.query
        for method in (word.upper(), "TRACE", "PROPFIND", "PUT", "DELETE", "OPTIONS", "HEAD"):
            self.ask(method, f"/{word}?{query}")
            self.ask(method, f"/cookies?{query}")
        strange = f"https://{word}origin.example"
        for path in (
            *("/cookies", "/cookies/clicks", "/preferences", "/webhooks/demo", "/fails"),
            *("/account/notices/on", "/policy/noted", f"/survey/{word}"),
        ):
            said = {"click": word, "manner": word, "next": word, "subscription": word, "key": word}
            self.ask("POST", f"{path}?{query}", data=said)
            self.ask("POST", path, data={"choice": "accept"}, headers={"Origin": strange})
            for kind, body in self._broken_bodies():
                self.ask("POST", path, data=body, headers={"Content-Type": kind})
        self.ask("GET", f"/?{query}", headers={"Host": f"{word}hosted.example"})

    def _broken_bodies(self) -> Iterator[tuple[str, bytes]]:
        word = self.canaries.word.encode()
        part = b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n' % (
            (word,) * 3
        )
        yield f"multipart/form-data; boundary={word.decode()}", part + word
        # Large enough to be put into a file while it is read, and then too large.
        yield f"multipart/form-data; boundary={word.decode()}", part + word * 50_000
        yield f"multipart/form-data; boundary={word.decode()}", part + word * 90_000
        yield "application/json", b'{"choice": "%s"' % word
        yield f"text/{word.decode()}; charset={word.decode()}", b"\xff\xfe" + word
        yield "application/x-www-form-urlencoded", b"%zz=" + word + b"&choice=%ff&=" + word

    def book_and_cancel(self) -> tuple[Page, Page]:
        """Book nights, mistyping once, look at the reservation, and cancel it."""
        details = self.hold(self.choose_stay(query=self.canaries.query))
        self.send(details.form(), name="Somebody", email=f"{self.canaries.word} without a sign")
        reservation = self.pay(self.tell(details))
        self.open(f"{reservation.url}&{self.canaries.query}")
        self.open(f"{reservation.url.replace('?', '/calendar.ics?')}&{self.canaries.query}")
        return reservation, self.send(reservation.form("/cancel"))

    def answer(self, page: Page, choice: str, where: str = ".asking") -> Page:
        """Press a button of the banner, or of the foot, and go where it leads."""
        tag = page.soup.select_one(f"{where} form[method=post], form{where}[method=post]")
        assert tag is not None, f"nothing to press in {where} on {page.url}"
        values = {str(field["name"]): str(field["value"]) for field in tag.select("input[name]")}
        sent = self.ask("POST", str(tag["action"]), data={**values, "choice": choice})
        assert sent.status == 303, sent.words
        return self.follow(sent)


# -- What is left -------------------------------------------------------------------------------


def left_in_files(folder: Path, visitors: Collection[Canaries]) -> list[str]:
    """Return "file: what" for all that lies in the files under a folder, whatever they are."""
    found = []
    for file in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):  # a database's own, that came and went
            if file.is_file():
                content = file.read_bytes() + str(file.relative_to(folder)).encode()
                found += [f"{file.name}: {what}" for what in search(content, visitors)]
    return found


def dump(url: str) -> bytes:
    """Return every row of every table of a PostgreSQL database as text."""
    lines: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, name in tables:
            query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, name))
            lines += [f"{name} {row}" for (row,) in connection.execute(query)]
    assert lines
    return "\n".join(lines).encode()


def rows(connection: Any, table: str) -> int:
    """Return how many rows a table has."""
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
