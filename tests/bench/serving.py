"""A server to be measured: one worker of granian's, asked over the loopback, its CPU counted."""

import http.client
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.servers import free_port

ROOT = Path(__file__).parent.parent.parent
ROUNDS = 5
SAME_SITE = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Sec-Fetch-Site": "same-origin",
}


@dataclass
class Server:
    """A granian process with one worker, and what it has used."""

    port: int
    process: subprocess.Popen[bytes]
    started: float = 0.0
    beside: tuple[int, ...] = ()  # a database server's processes, whose work is counted too

    def tree(self, *, beside: bool = False) -> list[int]:
        """The server's process and all below it; with `beside`, the database's as well."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                parent = int(stat[stat.rindex(")") + 2 :].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
        found, todo = [], [self.process.pid, *(self.beside if beside else ())]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children.get(pid, [])
        return found

    def cpu(self) -> float:
        """CPU seconds used so far, to the nanosecond where the kernel counts so."""
        total = 0.0
        for pid in self.tree(beside=True):
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
def serving(target: str, environ: dict[str, str], beside: tuple[int, ...] = ()) -> Iterator[Server]:
    """Serve a WSGI application with one worker until the block ends.

    `beside` are processes of a database server, whose work counts as the site's.
    """
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
    server = Server(port, process, beside=beside)
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


def post(
    connection: http.client.HTTPConnection, path: str, **values: object
) -> tuple[int, str, str]:
    """Send a form as a browser without cookies would."""
    connection.request("POST", path, urlencode(values), SAME_SITE)
    response = connection.getresponse()
    return response.status, response.getheader("Location") or "", response.read().decode()
