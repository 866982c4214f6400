"""What pages and holds cost, beside a bare Flask page on the same server in the same run.

    bin/bench [--quick] [--json]
    bin/bench --enumeration          whether times tell who has an account

The figures are CPU time of the server's processes for each request, read from
/proc, so that they hold on a busy machine; they are quoted as ratios to the
bare page. Loopback only; it stops by itself after a few minutes.
"""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from tests.bench import enumeration
from tests.bench.filling import fill
from tests.servers import free_port

ROOT = Path(__file__).parent.parent.parent
TICK = os.sysconf("SC_CLK_TCK")
ROUNDS = 5


@dataclass
class Server:
    """A granian process with one worker, and what it has used."""

    port: int
    process: subprocess.Popen[bytes]
    started: float = 0.0
    cookies: dict[str, str] = field(default_factory=dict)

    def tree(self) -> list[int]:
        """The server's process and all below it."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                parent = int(stat[stat.rindex(")") + 2 :].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children.get(pid, [])
        return found

    def cpu(self) -> float:
        """CPU seconds used so far, to the nanosecond where the kernel counts so."""
        total = 0.0
        for pid in self.tree():
            for task in Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
        return total

    def memory(self) -> float:
        """Resident memory of the largest worker, in MB."""
        sizes = []
        for pid in self.tree()[1:]:
            text = Path(f"/proc/{pid}/status").read_text()
            match = re.search(r"VmRSS:\s+(\d+)", text)
            sizes.append(int(match[1]) / 1024 if match else 0)
        return max(sizes)

    def connect(self) -> http.client.HTTPConnection:
        """A new connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)


@contextmanager
def serving(target: str, environ: dict[str, str]) -> Iterator[Server]:
    """Serve a WSGI application with one worker until the block ends."""
    port = free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--blocking-threads", "1", "--no-access-log", "--log-level", "warning", target),
        ],
        cwd=ROOT,
        env={**os.environ, **environ, "PORT": str(port), "SITE_URL": f"http://127.0.0.1:{port}"},
        stdout=subprocess.DEVNULL,
    )
    server = Server(port, process)
    try:
        while True:
            try:
                connection = server.connect()
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                if process.poll() is not None or time.perf_counter() - began > 60:
                    raise SystemExit("the server did not start") from None
                time.sleep(0.02)
        server.started = time.perf_counter() - began
        yield server
    finally:
        process.terminate()
        process.wait(20)


Request = Callable[[http.client.HTTPConnection, int], int]


def get(path: Callable[[int], str], **headers: str) -> Request:
    """Return a request for the n-th address."""

    def send(connection: http.client.HTTPConnection, n: int) -> int:
        connection.request("GET", path(n), headers={"Accept-Encoding": "br, gzip", **headers})
        response = connection.getresponse()
        response.read()
        return response.status

    return send


def cost(server: Server, request: Request, count: int, expected: int) -> float:
    """Return CPU milliseconds a request: the median of some rounds."""
    connection = server.connect()
    n = 0
    figures = []
    for round_number in range(ROUNDS + 1):
        before = server.cpu()
        for _ in range(count):
            status = request(connection, n)
            n += 1
            if status != expected:
                raise SystemExit(f"answered {status}, not {expected}")
        if round_number:  # the first one only warms up
            figures.append((server.cpu() - before) / count * 1000)
    return statistics.median(figures)


# -- What is measured -------------------------------------------------------------------


def post(
    connection: http.client.HTTPConnection, path: str, **values: object
) -> tuple[int, str, str]:
    """Send a form as a browser without cookies would."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
    }
    connection.request("POST", path, urlencode(values), headers)
    response = connection.getresponse()
    return response.status, response.getheader("Location") or "", response.read().decode()


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


def pages(first: str) -> dict[str, Callable[[int], str]]:
    """The public pages, as addresses: asked for again and again, and each time another."""
    arrive = datetime.fromisoformat(first).date()

    def search(n: int) -> str:
        start = arrive + timedelta(days=n % 300)
        last = start + timedelta(days=2 + n // 300 % 5)
        return f"/search?arrive={start}&depart={last}&adults=2&children=0"

    def month(n: int) -> str:
        start = arrive + timedelta(days=n % 300)
        return f"/offers/reed-room?arrive={start}&adults={1 + n // 300 % 2}"

    return {
        "search, as asked before": lambda _n: search(0),
        "month calendar, as asked before": lambda _n: "/offers/reed-room?month=" + first[:7],
        "first page, as asked before": lambda _n: "/",
        "search, never asked before": search,
        "month calendar, never asked before": month,
    }


def answered(server: Server, choice: str) -> dict[str, str]:
    """Answer the cookie question; return what that browser sends from then on."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
    }
    connection = server.connect()
    connection.request("POST", "/cookies", urlencode({"choice": choice}), headers)
    given = connection.getresponse().headers.get_all("Set-Cookie") or []
    assert given
    return {"Cookie": "; ".join(cookie.partition(";")[0] for cookie in given)}


def prepare(instance: Path, reservations: int) -> None:
    """Make a site with the demo place, and fill its book."""
    environ = {**os.environ, "INSTANCE_DIR": str(instance)}
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "prepare"],
        cwd=ROOT,
        env=environ,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    fill(instance / "book.db", reservations, datetime.now(UTC).date())


def measure(sizes: list[int], count: int) -> dict[str, object]:
    """Measure the bare page, then our pages beside books of several sizes."""
    report: dict[str, object] = {}
    first = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    with serving("tests.bench.bare:app", {}) as bare:
        floor = cost(bare, get(lambda _n: "/"), count, 200)
        report["bare page, ms"] = floor
        report["bare page, MB"] = bare.memory()
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            say(f"filling a book with {size:,} reservations …")
            prepare(Path(folder), size)
            with serving("wsgi:app", {"INSTANCE_DIR": folder}) as site:
                found: dict[str, float] = {"start, s": site.started}
                for name, path in pages(first).items():
                    say(f"  {name}")
                    found[name] = cost(site, get(path), count, 200)
                for who, choice in (("refused", "refuse"), ("agreed to all", "accept")):
                    name = f"first page, to who {who}"
                    say(f"  {name}")
                    browser = answered(site, choice)
                    found[name] = cost(site, get(lambda _n: "/", **browser), count, 200)
                say("  taking a hold")
                found["taking a hold"] = hold_cost(site, 12)
                found["worker, MB"] = site.memory()
            report[f"{size:,} reservations"] = found
    with serving("tests.bench.bare:app", {}) as bare:
        again = cost(bare, get(lambda _n: "/"), count, 200)
    report["bare page, ms"] = (floor + again) / 2
    return report


def say(text: str) -> None:
    """Tell how far it is, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def show(report: dict[str, object]) -> None:
    """Print the report as a table of ratios."""
    floor = report["bare page, ms"]
    assert isinstance(floor, float)
    print(f"A bare Flask page of 60 rows: {floor:.2f} ms of CPU, {report['bare page, MB']:.0f} MB")
    for title, found in report.items():
        if not isinstance(found, dict):
            continue
        print(f"\n{title}")
        for name, value in found.items():
            if name.endswith((", s", "MB")):
                print(f"  {name:40} {value:8.1f}")
            else:
                print(f"  {name:40} {value:8.2f} ms  {value / floor:6.2f} × the bare page")


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer requests, up to 10,000 rows")
    parser.add_argument("--json", action="store_true", help="print the figures for a program")
    parser.add_argument(
        "--enumeration", action="store_true", help="compare times for known and unknown names"
    )
    options = parser.parse_args()
    if options.enumeration:
        prepared = partial(prepare, reservations=0)
        enumeration.show(enumeration.measure(prepared, serving, 50 if options.quick else 200))
        return
    if not Path("/proc/self/schedstat").exists():
        raise SystemExit("CPU time of processes is read from /proc/*/schedstat, as on Linux.")
    sizes, count = ([1_000, 10_000], 60) if options.quick else ([1_000, 1_000_000], 200)
    report = measure(sizes, count)
    print(json.dumps(report, indent=2)) if options.json else show(report)


if __name__ == "__main__":
    main()
