"""A PostgreSQL server of the tests' own: made when first asked for, gone with the run.

All processes of a run share one. It listens on a socket in a folder that only
its user may enter, and forgoes what only a power cut would need. A small shell
stands beside it and waits for the end of the run, however that comes about:
then it ends the server and removes its files.
"""

import fcntl
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

USER = "tests"
STARTS_WITHIN = 30  # seconds

# Reads until the far end of the pipe is closed: by the end of the run, or its death.
SUPERVISOR = """
"$@" & server=$!
read -r _
kill -QUIT "$server"
wait "$server"
rm -rf "$FOLDER"
"""

_supervisors: list[subprocess.Popen[bytes]] = []  # never waited for: they outlive the process


class PostgresMissing(Exception):
    """There are no PostgreSQL server programs here; the message says where was looked."""


class PostgresFailed(Exception):
    """PostgreSQL is here but did not start, or could not be filled; the message says why."""


@dataclass(frozen=True)
class Cluster:
    """A running server, found by its socket's folder."""

    folder: str

    def url(self, name: str) -> str:
        """Return the address of one of its databases, as DATABASE_URL has it."""
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def create(self, name: str, template: str = "template0") -> None:
        """Make a database, as a copy of another to which nobody is connected."""
        self._do("CREATE DATABASE {} TEMPLATE {}", name, template)

    def drop(self, name: str) -> None:
        """Remove a database, ending whatever is connected to it."""
        self._do("DROP DATABASE {} WITH (FORCE)", name)

    def _do(self, statement: Any, *names: str) -> None:
        named = sql.SQL(statement).format(*map(sql.Identifier, names))
        with closing(psycopg.connect(self.url("postgres"), autocommit=True)) as connection:
            connection.execute(named)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that the processes of a run agree on."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def shared_cluster(run: Path, alive: Path, first: Callable[[Cluster], None]) -> Cluster:
    """Return the run's server; start it if need be, and then do `first` with it once.

    `run` is a folder that the run's processes share, `alive` a named pipe in it
    that the leading process holds open for as long as it lives.

    Raises PostgresMissing or PostgresFailed.
    """
    with locked(run / "postgres.lock"):
        note = run / "postgres.json"
        if note.exists():
            found = json.loads(note.read_text())
            if found["fault"]:
                raise PostgresFailed(found["fault"])
            return Cluster(found["folder"])
        cluster = _start(alive)
        try:
            first(cluster)
        except Exception as error:
            # Said again to each process: the second would stumble over what the first left.
            note.write_text(json.dumps({"folder": cluster.folder, "fault": str(error)}))
            raise
        note.write_text(json.dumps({"folder": cluster.folder, "fault": ""}))
        return cluster


@contextmanager
def own_cluster() -> Iterator[tuple[Cluster, int]]:
    """Run a server for one block; yield it, and the process above all of its own.

    Raises PostgresMissing or PostgresFailed.
    """
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder) / "alive"
        os.mkfifo(pipe, 0o600)
        alive = os.open(pipe, os.O_RDWR)
        cluster = None
        try:
            cluster = _start(pipe)
            yield cluster, _supervisors[-1].pid
        finally:
            os.close(alive)
            if cluster is not None:
                gone = Path(cluster.folder)
                _wait(lambda: not gone.exists(), seconds=10)


def wait_until_gone(run: Path) -> None:
    """Wait for the run's server, if there was one, to have ended and left nothing."""
    note = run / "postgres.json"
    if note.exists():
        folder = Path(json.loads(note.read_text())["folder"])
        _wait(lambda: not folder.exists(), seconds=10)


def _programs() -> Path:
    """Return the folder of initdb and postgres: on the path, or where Debian has them."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresMissing("PostgreSQL is not here: no initdb on the path or in /usr/lib/postgresql")


def _start(alive: Path) -> Cluster:
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="reserved-pg-"))
    user: dict[str, Any] = {"umask": 0o077, "cwd": folder, "stderr": subprocess.STDOUT}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        account = _unprivileged()
        os.chown(folder, account.pw_uid, account.pw_gid)
        user |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    made = subprocess.run(
        [
            programs / "initdb",
            *("--pgdata", folder / "data", "--username", USER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        **user,
    )
    if made.returncode:
        raise PostgresFailed(made.stdout)

    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "max_connections": "300",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "log_destination": "stderr",
    }
    with alive.open("rb") as pipe, (folder / "log").open("wb") as log:
        supervisor = subprocess.Popen(
            [
                *("/bin/sh", "-c", SUPERVISOR, "sh", programs / "postgres", "-D", folder / "data"),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            env={"PATH": os.environ["PATH"], "FOLDER": str(folder)},
            stdin=pipe,
            stdout=log,
            start_new_session=True,  # a Ctrl-C is for the tests; they end it in order
            **user,
        )
    _supervisors.append(supervisor)
    cluster = Cluster(str(folder))
    if not _wait(lambda: _answers(cluster), seconds=STARTS_WITHIN):
        raise PostgresFailed((folder / "log").read_text())
    return cluster


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresMissing("PostgreSQL does not run as root, and there is no other user here")


def _answers(cluster: Cluster) -> bool:
    try:
        psycopg.connect(cluster.url("postgres")).close()
    except psycopg.OperationalError:
        return False
    return True


def _wait(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Return whether the condition came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
