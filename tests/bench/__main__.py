"""What pages and holds cost, beside a bare Flask page on the same server in the same run.

    bin/bench [--quick] [--database sqlite|postgresql] [--json]
    bin/bench --enumeration          whether times tell who has an account

The figures are CPU time of the server's processes for each request, PostgreSQL's
included, read from /proc, so that they hold on a busy machine; they are quoted as
ratios to the bare page. Loopback only; it stops by itself after some minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import create_app
from app.config import Settings
from app.core.database import db
from app.payments.compared import daily
from tests.bench import enumeration
from tests.bench.filling import fill_postgres, fill_sqlite
from tests.bench.places import OWNERS, PLAIN, answered, entered, hold_cost, pages
from tests.bench.serving import ROOT, Server, cost, get, serving
from tests.postgres import Cluster, own_cluster

Report = dict[str, dict[str, float]]


def prepare(instance: Path, environ: dict[str, str] | None = None) -> dict[str, str]:
    """Make a site with the demo place; return the environment that it runs in."""
    environ = {**os.environ, **(environ or {}), "INSTANCE_DIR": str(instance)}
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "prepare"],
        cwd=ROOT,
        env=environ,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return environ


@contextmanager
def site(kind: str, reservations: int) -> Iterator[tuple[Server, dict[str, str]]]:
    """Serve the demo place on a database of a kind, beside so many reservations."""
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            environ = prepare(Path(folder))
            fill_sqlite(Path(folder) / "book.db", reservations, today)
            _settle(environ)
            with serving("wsgi:app", environ) as server:
                yield server, environ
            return
        with own_cluster() as (cluster, pid):
            environ = prepare(Path(folder), _addresses(cluster))
            fill_postgres(cluster.url("book"), reservations, today)
            _settle(environ)
            with serving("wsgi:app", environ, (pid,)) as server:
                yield server, environ


def _settle(environ: dict[str, str]) -> None:
    """Do what the worker does once a day: compare all money with all reservations."""
    app = create_app(Settings.from_env(environ))
    with app.app_context():
        daily(datetime.now(UTC))
        for engine in db.engines.values():
            engine.dispose()


def _addresses(cluster: Cluster) -> dict[str, str]:
    cluster.create("book")
    cluster.create("keys")
    return {"DATABASE_URL": cluster.url("book"), "KEYS_DATABASE_URL": cluster.url("keys")}


def measure_site(kind: str, reservations: int, count: int) -> dict[str, float]:
    """Return milliseconds of CPU by page, and seconds and megabytes where they say so."""
    first = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    found: dict[str, float] = {}
    few = max(count // 4, 10)
    say(f"{kind}: filling a book with {reservations:,} reservations …")
    with site(kind, reservations) as (server, environ):
        found["start, s"] = server.started
        say("  what visitors look at most")
        for name, path in pages(first).items():
            found[name] = cost(server, get(path), count, 200)
        for who, choice in (("refused", "refuse"), ("agreed to all", "accept")):
            browser = answered(server, choice)
            found[f"first page, to who {who}"] = cost(
                server, get(lambda _n: "/", **browser), count, 200
            )
        say("  taking a hold")
        found["taking a hold"] = hold_cost(server, 12)
        found["worker, MB"] = server.memory()
        say("  the other public pages")
        for path in PLAIN:
            found[path] = cost(server, get(lambda _n, path=path: path), few, 200)
        say("  the owner's pages")
        owner = entered(server, environ)
        for path in OWNERS:
            # Some take a second beside a million reservations.
            found[path] = cost(server, get(lambda _n, path=path: path, **owner), 5, 200)
    return found


def measure(kinds: list[str], sizes: list[int], count: int) -> tuple[float, float, Report]:
    """Return milliseconds and megabytes of the bare page, and what was found of each book."""
    floors, memory, report = [], 0.0, {}
    for kind in kinds:
        for size in sizes:
            with serving("tests.bench.bare:app", {}) as bare:
                floors.append(cost(bare, get(lambda _n: "/"), count, 200))
                memory = bare.memory()
            report[f"{kind}, {size:,} reservations"] = measure_site(kind, size, count)
    with serving("tests.bench.bare:app", {}) as bare:
        floors.append(cost(bare, get(lambda _n: "/"), count, 200))
    return sum(floors) / len(floors), memory, report


def say(text: str) -> None:
    """Tell how far it is, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def show(floor: float, memory: float, report: Report) -> None:
    """Print the report as tables of ratios."""
    print(f"A bare Flask page of 60 rows: {floor:.2f} ms of CPU, {memory:.0f} MB")
    for title, found in report.items():
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
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only on this one")
    parser.add_argument(
        "--enumeration", action="store_true", help="compare times for known and unknown names"
    )
    options = parser.parse_args()
    if options.enumeration:
        enumeration.show(enumeration.measure(prepare, serving, 50 if options.quick else 200))
        return
    if not Path("/proc/self/schedstat").exists():
        raise SystemExit("CPU time of processes is read from /proc/*/schedstat, as on Linux.")
    sizes, count = ([1_000, 10_000], 40) if options.quick else ([1_000, 1_000_000], 200)
    kinds = [options.database] if options.database else ["sqlite", "postgresql"]
    floor, memory, report = measure(kinds, sizes, count)
    if options.json:
        print(json.dumps({"bare page, ms": floor, "bare page, MB": memory, **report}, indent=2))
    else:
        show(floor, memory, report)


if __name__ == "__main__":
    main()
