"""Consistent copies of a database while others write to it, and putting one in its place.

SQLite is copied by its own online backup, within one read, and put back by it too: in one
transaction, which other processes see as a whole or not at all; a power cut in between
leaves the former content. PostgreSQL is copied by `pg_dump`, and put back by `pg_restore`
and `psql` into an emptied schema, in one transaction.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from app.core.errors import DomainError
from app.core.languages import N_

PIECE = 1024 * 1024  # bytes read at once
DEBIAN = Path("/usr/lib/postgresql")

_SCHEMA = re.compile(r" SCHEMA - public | COMMENT - SCHEMA public ")
EMPTIED = """
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP TABLE public.%I CASCADE', one.name);
  END LOOP;
  FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p
      WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('DROP FUNCTION %s CASCADE', one.name);
  END LOOP;
END $$
"""


class ToolMissing(DomainError):
    """A program of PostgreSQL is not on this machine."""

    message = N_(
        "PostgreSQL’s program %(name)s is not here. Install its client programs, version "
        "%(version)s or newer."
    )


class ToolOlder(DomainError):
    """The programs of PostgreSQL are older than the server."""

    message = N_(
        "PostgreSQL’s program %(name)s is of version %(found)s, older than the server’s "
        "%(version)s. Install its client programs, version %(version)s or newer."
    )


class CopyFailed(DomainError):
    """A program of PostgreSQL failed; what it said is in the message."""

    message = N_("PostgreSQL’s program %(name)s failed: %(said)s")


class OtherDatabase(DomainError):
    """A backup is of another kind of database than this installation has."""

    message = N_("That backup is of %(found)s, and this installation’s database is another.")


def copy(url: URL, scratch: Path) -> Iterator[bytes]:
    """Yield a consistent copy of a database, piece by piece.

    `scratch` is a folder for its owner only, where SQLite's copy lies meanwhile.

    Raises ToolMissing, ToolOlder or CopyFailed.
    """
    if url.get_backend_name() == "sqlite":
        yield from _sqlite_copy(file_of(url), scratch / "copy.db")
    else:
        yield from _postgres_copy(url)


def put(url: URL, copied: Path) -> None:
    """Put a copy in the place of what a database has now, in one transaction.

    Raises ToolMissing, ToolOlder or CopyFailed; then everything is as it was.
    """
    if url.get_backend_name() == "sqlite":
        _put_sqlite(file_of(url), copied)
    else:
        _put_postgres(url, copied)


# -- SQLite -------------------------------------------------------------------------------


def file_of(url: URL) -> Path:
    """Return the file of a SQLite database."""
    return Path(url.database or "")


def _sqlite_copy(source: Path, draft: Path) -> Iterator[bytes]:
    try:
        # All pages in one step: a reader beside whom others write, and no start anew.
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True)) as present,
            closing(_private(draft)) as copied,
        ):
            present.execute("PRAGMA query_only=ON")
            present.backup(copied, pages=-1)
            # A copy in one file, without a journal beside it.
            copied.execute("PRAGMA journal_mode=DELETE")
        with draft.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    finally:
        draft.unlink(missing_ok=True)


def _private(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    return sqlite3.connect(path)


def _put_sqlite(place: Path, copied: Path) -> None:
    try:
        _overwrite(place, copied)
    except sqlite3.DatabaseError:
        # What is there is damaged, or is no database: it goes, and its journal with it.
        for suffix in ("", "-wal", "-shm"):
            place.with_name(place.name + suffix).unlink(missing_ok=True)
        _overwrite(place, copied)


def _overwrite(place: Path, copied: Path) -> None:
    with closing(sqlite3.connect(copied)) as source, closing(_private(place)) as present:
        present.execute("PRAGMA busy_timeout=15000")
        present.execute("PRAGMA synchronous=FULL")
        present.execute("PRAGMA secure_delete=ON")
        # The copy is not in WAL mode, so that it is one file; its place is.
        present.execute("PRAGMA journal_mode=WAL")
        source.backup(present, pages=-1)
        present.execute("PRAGMA journal_mode=WAL")
        present.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# -- PostgreSQL ---------------------------------------------------------------------------


def _program(name: str, url: URL) -> tuple[str, str]:
    """Return a program's path, of the server's version or the next newer, and libpq's address."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            server = int(connection.scalar(sa.text("SHOW server_version_num")) or 0) // 10_000
    finally:
        engine.dispose()
    found: dict[int, str] = {}
    for folder in (*sorted(DEBIAN.glob("*/bin")), None):
        path = shutil.which(name) if folder is None else shutil.which(name, path=str(folder))
        if path and (version := _version(path)):
            found.setdefault(version, path)
    if not found:
        raise ToolMissing(name=name, version=server)
    fitting = [version for version in found if version >= server]
    if not fitting:
        raise ToolOlder(name=name, found=max(found), version=server)
    # A password would be seen by everybody on the machine if it stood in the command.
    bare = url.set(drivername="postgresql", password=None)
    return found[min(fitting)], bare.render_as_string()


def _version(path: str) -> int | None:
    done = subprocess.run(  # noqa: S603 (no word from outside)
        [path, "--version"], capture_output=True, text=True, check=False
    )
    number = re.search(r"\) (\d+)", done.stdout)
    return int(number[1]) if number else None


def _around(url: URL) -> dict[str, str]:
    around = {**os.environ, "PGCONNECT_TIMEOUT": "15"}
    if url.password:
        around["PGPASSWORD"] = str(url.password)
    return around


def _postgres_copy(url: URL) -> Iterator[bytes]:
    path, address = _program("pg_dump", url)
    options = ("--format=custom", "--no-owner", "--no-privileges")
    with subprocess.Popen(  # noqa: S603 (no word from outside)
        [path, *options, "--no-password", "--dbname", address],
        env=_around(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as dump:
        assert dump.stdout is not None
        assert dump.stderr is not None
        try:
            while piece := dump.stdout.read(PIECE):
                yield piece
        except BaseException:  # who reads may leave at any time: the program must not wait
            dump.kill()
            raise
        said = dump.stderr.read().decode(errors="replace")
    if dump.returncode:
        raise CopyFailed(name="pg_dump", said=_short(said))


def _put_postgres(url: URL, copied: Path) -> None:
    restore, _ = _program("pg_restore", url)
    psql, address = _program("psql", url)
    script, contents = (copied.with_name(copied.name + end) for end in (".sql", ".list"))
    try:
        # The schema itself is there and stays; only what is in it is made anew.
        listed = _run([restore, "--list", str(copied)], url)
        lines = [line for line in listed.splitlines() if not _SCHEMA.search(line)]
        contents.write_text("\n".join(lines) + "\n")
        options = ["--no-owner", "--no-privileges", f"--use-list={contents}", f"--file={script}"]
        _run([restore, *options, str(copied)], url)
        command = [psql, "--no-psqlrc", "--quiet", "--single-transaction", "--no-password"]
        command += ["--set=ON_ERROR_STOP=1", "--output=/dev/null", "--dbname", address]
        command += ["--command=SET lock_timeout = '60s'", f"--command={EMPTIED}"]
        _run([*command, f"--file={script}"], url)
    finally:
        script.unlink(missing_ok=True)
        contents.unlink(missing_ok=True)


def _run(command: list[str], url: URL) -> str:
    done = subprocess.run(  # noqa: S603 (no word from outside)
        command,
        env=_around(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise CopyFailed(name=Path(command[0]).name, said=_short(done.stderr))
    return done.stdout


def _short(said: str) -> str:
    """Return the first complaint: the lines after it may quote a row."""
    lines = [line for line in said.splitlines() if "error" in line.lower()]
    return (lines or said.splitlines() or ["?"])[0][:300]
