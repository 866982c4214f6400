"""Real servers and workers, as bin/run starts them, on ports of their own.

with LiveServer(environ, logs=tmp_path, workers=8) as server:
    answer = server.get("/healthz")
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
STARTS_WITHIN = 30  # seconds
STOPS_WITHIN = 15
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class ProgramFailed(Exception):
    """A program that a test needs did not start or did not succeed; it says why itself."""


def free_port() -> int:
    """Return a port on the loopback address that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def surroundings(environ: Mapping[str, str], pythonpath: Sequence[Path] = ()) -> dict[str, str]:
    """Return the whole environment of a program: little from here, the rest as given."""
    return {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        "PYTHONPATH": os.pathsep.join(map(str, (*pythonpath, ROOT))),
        "PYTHONUNBUFFERED": "1",
        **environ,
    }


def run_flask(environ: Mapping[str, str], *command: str, seconds: float = 120) -> str:
    """Run one of the operators' commands to its end and return what it printed.

    Raises ProgramFailed if it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *command],
        cwd=ROOT,
        env=surroundings(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise ProgramFailed(f"flask {' '.join(command)}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Program:
    """A program that runs beside the tests, with all that it starts, and writes to files."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], *, logs: Path, name: str
    ) -> None:
        """Prepare to run `command`; what it prints goes to `name`.out and .err in `logs`."""
        self.command = command
        self.environ = environ
        self.stdout_file = logs / f"{name}.out"
        self.stderr_file = logs / f"{name}.err"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """All that it printed so far, on both channels."""
        files = (self.stdout_file, self.stderr_file)
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def start(self) -> Self:
        """Start it, in a process group of its own."""
        with self.stdout_file.open("ab") as out, self.stderr_file.open("ab") as err:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        return self

    def stop(self) -> int:
        """Ask it to end, as an operator would, and return its exit status.

        Raises ProgramFailed if it does not; then it is killed.
        """
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            raise ProgramFailed(f"Did not stop when asked to:\n{self.output}") from None
        finally:
            self.kill()

    def kill(self) -> None:
        """End it and all that it started, at once: a power cut."""
        process = self._running()
        with suppress(ProcessLookupError):  # the whole group may have ended already
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise ProgramFailed("It was not started.")
        return self.process

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._running().poll() is None:
            self.stop()
        else:
            self.kill()  # its children, should it have left any


class LiveServer(Program):
    """The site behind its real server, on a free port of the loopback address.

    `environ` holds the settings; PORT is chosen here, and so is SITE_URL unless
    it is given. `target` names another WSGI app to serve, found in `pythonpath`,
    for tests that look at the app from around it.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        logs: Path,
        workers: int = 1,
        target: str = "wsgi:app",
        pythonpath: Sequence[Path] = (),
    ) -> None:
        """Prepare to serve with so many worker processes."""
        self.port = free_port()
        address = f"http://localhost:{self.port}"
        settings = {"SITE_URL": address, **environ, "PORT": str(self.port)}
        self.url = address
        self.host = urlsplit(settings["SITE_URL"]).netloc
        super().__init__(
            [
                *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1"),
                *("--no-ws", "--host", "127.0.0.1", "--port", str(self.port)),
                *("--workers", str(workers), "--blocking-threads", "4"),
                *("--backlog", "1024", "--backpressure", "512"),
                *("--http1-header-read-timeout", "10000"),
                # A process that is told to stop while it starts does not hear it.
                *("--workers-kill-timeout", "3"),
                *("--no-access-log", "--log-level", "warning", target),
            ],
            surroundings(settings, pythonpath),
            logs=logs,
            name=f"server-{self.port}",
        )

    def start(self) -> Self:
        """Start it and wait until it answers.

        Raises ProgramFailed, with what it printed, if it does not.
        """
        super().start()
        end = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            if self._running().poll() is not None or time.monotonic() > end:
                self.kill()
                raise ProgramFailed(f"The server does not answer:\n{self.output}")
            time.sleep(0.05)
        return self

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Fetch a page as plainly as can be; return its status and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": self.host, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def _answers(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False


class LiveWorker(Program):
    """The worker, `flask work`: what is done outside the request, done beside the tests."""

    def __init__(self, environ: Mapping[str, str], *, logs: Path, name: str = "worker") -> None:
        """Prepare to run it with these settings."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "work"]
        super().__init__(command, surroundings(environ), logs=logs, name=name)
