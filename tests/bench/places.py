"""What is asked of the site while it is measured: its public pages, a hold, the owner's pages."""

import http.client
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

from tests.bench.serving import ROOT, ROUNDS, SAME_SITE, Server, cost, post

Addresses = Callable[[int], str]

# Without values, and for everybody. What is asked for more often stands in `pages`.
PLAIN = (
    "/contact",
    "/reviews",
    "/basket",
    "/cookies",
    "/cookies/log",
    "/preferences",
    "/terms",
    "/security",
    "/closing",
    "/privacy",
    "/privacy/clauses",
    "/privacy/collection",
    "/privacy/controller",
    "/privacy/incidents",
    "/privacy/recipients",
    "/privacy/retention",
    "/privacy/storage",
    "/account/sign-in",
    "/account/register",
)
OWNERS = (
    "/owner/",
    "/owner/board",
    "/owner/reservations",
    "/owner/guests",
    "/owner/payments",
    "/owner/figures",
    "/owner/offers",
    "/owner/system",
)


def pages(first: str) -> dict[str, Addresses]:
    """Return the pages that visitors look at most, again and again, or each time another."""
    arrive = datetime.fromisoformat(first).date()

    def search(n: int) -> str:
        start = arrive + timedelta(days=n % 300)
        last = start + timedelta(days=2 + n // 300 % 5)
        return f"/search?arrive={start}&depart={last}&adults=2&children=0"

    def month(n: int) -> str:
        start = arrive + timedelta(days=n % 300)
        return f"/offers/reed-room?arrive={start}&adults={1 + n // 300 % 2}"

    def times(n: int) -> str:
        start = arrive + timedelta(days=n % 300)
        return f"/offers/kayak-tour?month={start:%Y-%m}&adults={1 + n % 5}&children={n // 5 % 5}"

    return {
        "search, as asked before": lambda _n: search(0),
        "month calendar, as asked before": lambda _n: "/offers/reed-room?month=" + first[:7],
        "first page, as asked before": lambda _n: "/",
        "search, never asked before": search,
        "month calendar, never asked before": month,
        "times of a tour, mostly asked before": times,
    }


def make_baskets(server: Server, count: int) -> list[tuple[str, str]]:
    """Return (address, digest of the quote) of so many baskets that can all be held."""
    connection = server.connect()
    first = datetime.now(UTC).date() + timedelta(days=150)
    baskets = []
    for n in range(count):
        arrive = first + timedelta(days=2 * (n // 3))
        status, path, _ = post(
            connection,
            "/offers/reed-room/stay",
            arrive=arrive,
            depart=arrive + timedelta(days=2),
            adults=2,
            children=0,
        )
        assert status == 303, status
        connection.request("GET", path)
        html = connection.getresponse().read().decode()
        found = re.search(r'name="quoted" value="(\w+)"', html)
        assert found is not None
        baskets.append((path, found[1]))
    return baskets


def hold_cost(server: Server, count: int) -> float:
    """Return CPU milliseconds of taking a hold."""
    baskets = iter(make_baskets(server, count * (ROUNDS + 1)))

    def send(connection: http.client.HTTPConnection, _n: int) -> int:
        path, digest = next(baskets)
        return post(connection, f"{path}/hold", quoted=digest)[0]

    return cost(server, send, count, 303)


def answered(server: Server, choice: str) -> dict[str, str]:
    """Answer the cookie question; return what that browser sends from then on."""
    connection = server.connect()
    connection.request("POST", "/cookies", urlencode({"choice": choice}), SAME_SITE)
    return _cookies(connection.getresponse())


def entered(server: Server, environ: dict[str, str]) -> dict[str, str]:
    """Come in as the owner, by the command's link; return what that browser sends."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "owner", "link"]
    said = subprocess.run(
        command, cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    link = re.search(r"https?://\S+/account/enter/\S+", said)
    assert link is not None, "no way in"
    connection = server.connect()
    connection.request("POST", urlsplit(link[0]).path, "", SAME_SITE)
    return _cookies(connection.getresponse())


def _cookies(answer: http.client.HTTPResponse) -> dict[str, str]:
    given = answer.headers.get_all("Set-Cookie") or []
    answer.read()
    assert given, answer.status
    return {"Cookie": "; ".join(cookie.partition(";")[0] for cookie in given)}
