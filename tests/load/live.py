"""The programs of these tests: the real server, loaded beforehand, and the worker by the round."""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.core.outbox import LEASE
from tests.conftest import SettableClock
from tests.load.books import Books
from tests.servers import ROOT, LiveServer, surroundings

MOST_ROUNDS = 12


class FileClock(SettableClock):
    """A clock that others can read: it stands in a file."""

    def __init__(self, file: Path, now: datetime) -> None:
        """Begin at an aware instant."""
        super().__init__(now)
        self.file = file
        self._show()

    def move(self, by: timedelta) -> datetime:
        """Let so much time pass for everybody."""
        now = super().move(by)
        self._show()
        return now

    def set(self, now: datetime) -> None:
        """Show another aware instant to everybody."""
        super().set(now)
        self._show()

    def _show(self) -> None:
        draft = self.file.with_suffix(".draft")
        draft.write_text(self.now.isoformat())
        draft.replace(self.file)


class PreloadedServer(LiveServer):
    """The real server. With `mortal`, the one whose clock and deaths are in a folder's files."""

    def __init__(
        self, environ: Mapping[str, str], *, files: Path, workers: int, mortal: bool
    ) -> None:
        """Prepare to serve with so many worker processes."""
        own = {name: value for name, value in environ.items() if name != "SITE_URL"}
        target = "tests.load.mortal:app" if mortal else "wsgi:app"
        extra = {"FILES": str(files), "WORKERS_DIE_ON_PURPOSE": "yes"} if mortal else {}
        # One proxy is believed, so that buyers can come from different networks.
        own["PROXY_HOPS"] = "1"
        super().__init__({**own, **extra}, logs=files, workers=workers, target=target)
        self.files = files
        granian = self.command.index("granian")
        self.command = [
            *self.command[:granian],
            "tests.load.preloaded",
            *(["--respawn-failed-workers"] if mortal else []),
            *self.command[granian + 1 :],
        ]

    def doom(self, method: str, pattern: str, at: int) -> None:
        """Let the process die that answers the next such request, at that step."""
        (self.files / "outcome").unlink(missing_ok=True)
        (self.files / "doom").write_text(json.dumps([method, pattern, at]))

    def outcome(self) -> dict[str, Any]:
        """Return what became of that request: {"died": before what} or {"survived": steps}."""
        assert not (self.files / "doom").exists(), "no such request came"
        found: dict[str, Any] = json.loads((self.files / "outcome").read_text())
        return found


class Sweeper:
    """The worker's round, by a process that can be killed at each of its steps."""

    def __init__(self, environ: Mapping[str, str], *, files: Path) -> None:
        """Start it; it waits for `sweep`."""
        self.files = files
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.load.sweeper"],
            cwd=ROOT,
            env=surroundings({**environ, "FILES": str(files)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._hear() == "ready"

    def sweep(self, at: int = 0) -> dict[str, Any]:
        """Do one round, or die at a step of it; return what became of it, as `outcome` does."""
        (self.files / "outcome").unlink(missing_ok=True)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{at}\n")
        self._process.stdin.flush()
        assert self._hear() == "gone"
        found: dict[str, Any] = json.loads((self.files / "outcome").read_text())
        return found

    def sweep_until_done(self, books: Books) -> None:
        """Do rounds until nothing is left, each when the leases of the dead have ended."""
        for _ in range(MOST_ROUNDS):
            self.sweep()
            if not books.jobs_left():
                return
            books.clock.move(LEASE + timedelta(seconds=1))
        raise AssertionError(f"left undone: {books.jobs_left()}")

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() in ("ready", "gone"):
                return line.strip()
        raise AssertionError("the worker has ended by itself")
