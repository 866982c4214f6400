"""Whether somebody with a clock can tell who has an account: two samples for each page.

    bin/bench --enumeration

The same form is sent for names and addresses that have an account and for others, in turn,
to one worker. What is printed are the medians and the p of a two-sample test (Mann and
Whitney): the chance of samples as different as these where there is nothing to tell. No
figure is asserted: a busy machine must not turn a check red. Loopback only.
"""

import http.client
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from app import create_app
from app.accounts.models import Account, Person
from app.accounts.names import give_address
from app.accounts.passwords import hash_of
from app.config import Settings
from app.core.database import db
from app.core.vault import vault

# Of one address only so many mails are sent, and of one name so many tries are taken: the
# limits must not be what is measured. Each address is used three times at most.
USES = 3
WRONG = "a wrong password, long enough"


@dataclass(frozen=True)
class Door:
    """A form that must not tell: its address, and what is sent for somebody."""

    title: str
    path: str
    fields: Callable[[str], dict[str, str]]


DOORS = (
    Door(
        "signing in with a wrong password",
        "/account/sign-in",
        lambda email: {"name": email, "password": WRONG},
    ),
    Door("asking for a way in", "/account/way-in", lambda email: {"name": email}),
    Door(
        "asking for an account",
        "/account/register",
        lambda email: {"email": email, "password": WRONG, "agrees": "y"},
    ),
)


@dataclass(frozen=True)
class Compared:
    """Two samples of seconds, of known and of unknown names."""

    known: list[float]
    unknown: list[float]
    statuses: set[int]

    @property
    def medians(self) -> tuple[float, float]:
        """The medians, in milliseconds."""
        return statistics.median(self.known) * 1000, statistics.median(self.unknown) * 1000

    @property
    def p(self) -> float:
        """The chance of so different samples if both are drawn from the same."""
        return mann_whitney(self.known, self.unknown)


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Return p of the two-sided rank-sum test, by the normal approximation with ties."""
    n, m = len(first), len(second)
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum, ties, start = 0.0, 0, 0
    while start < n + m:
        end = start
        while end < n + m and ranked[end][0] == ranked[start][0]:
            end += 1
        shared = (start + 1 + end) / 2  # the mean of the ranks start+1 … end
        rank_sum += shared * sum(1 for _, sample in ranked[start:end] if sample == 0)
        ties += (end - start) ** 3 - (end - start)
        start = end
    mean = n * m / 2
    spread = math.sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))))
    z = (rank_sum - n * (n + 1) / 2 - mean) / spread if spread else 0.0
    return math.erfc(abs(z) / math.sqrt(2))


def make_accounts(instance: Path, count: int) -> list[str]:
    """Open so many accounts in a site's book, and return their addresses."""
    app = create_app(Settings.from_env({**os.environ, "INSTANCE_DIR": str(instance)}))
    now = datetime.now(UTC)
    with app.app_context():
        hashed = hash_of("the right password, long enough")
        for number in range(count):
            person = Person(id=vault().new_person(), created_at=now)
            account = Account(
                person=person, role="guest", created_at=now, verified_at=now, language="en"
            )
            db.session.add(account)
            account.person_id = person.id
            account.password = hashed
            give_address(account, address(number, known=True))
        db.session.commit()
        for engine in db.engines.values():
            engine.dispose()
    return [address(number, known=True) for number in range(count)]


def address(number: int, *, known: bool) -> str:
    """Return an address; those that are known and those that aren't are as long."""
    return f"{'guest' if known else 'nobod'}{number:05}@post.example"


def compare(port: int, door: Door, names: Sequence[tuple[str, str]]) -> Compared:
    """Send a door's form for pairs of names, (known, unknown), in an order that chance decides."""
    chance = Random(1)
    samples: dict[bool, list[float]] = {True: [], False: []}
    statuses = set()
    for number, pair in enumerate(names):
        tries = [(True, pair[0]), (False, pair[1])]
        chance.shuffle(tries)
        for known, name in tries:
            # Each pair comes from a network of its own, as by a proxy that is believed.
            network = f"10.{number // 250}.{number % 250}.{7 if known else 8}"
            status, seconds = send(port, door.path, door.fields(name), network)
            statuses.add(status)
            samples[known].append(seconds)
    return Compared(samples[True], samples[False], statuses)


def send(port: int, path: str, fields: dict[str, str], network: str) -> tuple[int, float]:
    """Send a form over a line of its own; return the status, and the seconds to the last byte."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
        "X-Forwarded-For": network,
    }
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.connect()
        body = urlencode(fields)
        began = time.perf_counter()
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - began
    finally:
        line.close()


def measure(
    prepare: Callable[[Path], object], serve: Callable[..., object], count: int
) -> dict[str, Compared]:
    """Make a site with accounts, and compare `count` pairs at each door."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        known = make_accounts(Path(folder), -(-count // USES))
        unknown = [address(number, known=False) for number in range(len(known))]
        pairs = (list(zip(known, unknown, strict=True)) * USES)[:count]
        environ = {"INSTANCE_DIR": folder, "PROXY_HOPS": "1"}
        with serve("wsgi:app", environ) as server:  # type: ignore[attr-defined]
            for door in DOORS:  # what is made once in a process is made here
                compare(server.port, door, [("warm@up.example", "up@warm.example")] * 2)
            return {door.title: compare(server.port, door, pairs) for door in DOORS}


def show(found: dict[str, Compared]) -> None:
    """Print the medians, their ratio, and p."""
    for title, compared in found.items():
        known, unknown = compared.medians
        print(
            f"  {title:36} known {known:7.2f} ms  unknown {unknown:7.2f} ms"
            f"  ratio {known / unknown:6.3f}  p {compared.p:.3f}"
            f"  (n = {len(compared.known)} each, answered {sorted(compared.statuses)})"
        )
