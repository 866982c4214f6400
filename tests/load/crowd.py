"""Many buyers at the same moment, each a thread of one of several real processes."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.servers import LiveServer

PROCESSES = 10
BUYERS = Path(__file__).parent / "buyers.py"


@dataclass(frozen=True)
class Said:
    """What one buyer was answered; `seconds` is how long that took."""

    status: int
    location: str
    text: str
    seconds: float


def press_at_once(
    server: LiveServer,
    presses: Sequence[tuple[str, Mapping[str, str]]],
    *,
    address: str = "10.0.{number}.1",
) -> list[Said]:
    """Send all of these forms, (path, fields), at one moment; return the answers in order.

    Each comes from a network of its own: those of one network wait for each other at the
    limit on holds, and would never meet behind it. An `address` without a number is that
    of one network for all.
    """
    orders = [
        (server.port, server.host, address.format(number=number), path, urlencode(fields))
        for number, (path, fields) in enumerate(presses)
    ]
    shares = [orders[first::PROCESSES] for first in range(min(PROCESSES, len(orders)))]
    processes = [
        subprocess.Popen(
            [sys.executable, "-S", "-E", BUYERS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in shares
    ]
    try:
        for process, share in zip(processes, shares, strict=True):
            _tell(process, json.dumps(share))
        for process in processes:
            assert _hear(process) == "ready\n"
        for process in processes:
            _tell(process, "go")
        heard = [[Said(*answer) for answer in json.loads(_hear(process))] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return [heard[n % PROCESSES][n // PROCESSES] for n in range(len(orders))]


def _tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()
