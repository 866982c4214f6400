"""On a full disk nothing is done by half, people are told so, and with room all of it goes on.

The room is taken by the kernel's own limit on the size of files: from then on, no running
process of the server can write a byte into any file, its log included.
"""

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.continuity import backups
from app.continuity.models import BOOK, KEYS_BACKUP, BackupRun
from app.core.database import clear_journal, db
from app.owner.system import pressing
from tests.conftest import lacking
from tests.load.books import Books
from tests.load.guests import DETAILS, Guest
from tests.load.live import PreloadedServer, Sweeper
from tests.servers import ROOT, surroundings

pytestmark = [pytest.mark.clause("C16"), pytest.mark.clause("C19")]


def _family(pid: int) -> list[int]:
    """Return a process and all that come of it."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for file in files for child in file.read_text().split()]
    return [pid, *(one for child in children for one in _family(child))]


@contextmanager
def no_room(pid: int) -> Iterator[None]:
    """Let a process, and all that come of it, write nothing into files."""
    if not hasattr(resource, "prlimit") or not Path(f"/proc/{pid}/task").exists():
        lacking("this system sets no limits on a running process")
    family = _family(pid)
    for one in family:
        resource.prlimit(one, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    yield
    for one in family:
        resource.prlimit(one, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def test_a_booking_goes_on_where_it_stood_once_there_is_room(
    serve: Callable[..., PreloadedServer], books: Books
) -> None:
    server = serve(workers=1)
    assert server.process is not None
    guest = Guest(server)
    basket = guest.choose_nights("boathouse", *books.nights(40, 2))

    with no_room(server.process.pid):
        assert guest.get("/").status == guest.get("/offers/boathouse").status == 200
        refused = guest.hold(basket)
        assert (refused.status, books.statuses()) == (503, {})
    checkout = guest.follow(guest.hold(refused))
    with no_room(server.process.pid):
        refused = guest.give_details(checkout)
        assert (refused.status, refused.words.count("Traceback")) == (503, 0)
        assert DETAILS["email"] in refused.text
    sent = refused.form(urlsplit(checkout.path).path)
    bank = guest.follow(guest.go_to_bank(guest.follow(guest.post(sent.path, sent.fields))))
    paid = guest.at_bank(bank)
    with no_room(server.process.pid):
        back = guest.get(paid.location)
        assert (back.status, books.statuses()) == (503, {"held": 1})
    done = guest.follow(guest.get(paid.location))

    assert "You are expected" in done.words
    assert books.statuses() == {"confirmed": 1}
    books.assert_in_order()
    assert "Traceback" not in server.output


def test_the_workers_round_is_done_whole_once_there_is_room(
    serve: Callable[..., PreloadedServer], sweeper: Sweeper, books: Books
) -> None:
    guest = Guest(serve(workers=1))
    page = guest.pay(guest.hold(guest.choose_nights("boathouse", *books.nights(40, 2))))
    reference = urlsplit(page.path).path.rpartition("/")[2]
    left = books.jobs_left()
    assert left

    with no_room(sweeper._process.pid), pytest.raises(FileNotFoundError):
        sweeper.sweep()  # it can't even write what became of it
    assert books.jobs_left() == left
    assert not books.letters(reference)
    sweeper.sweep_until_done(books)

    assert len(books.letters(reference)) == 1
    books.assert_in_order()


def test_a_backup_without_room_leaves_nothing_that_looks_like_one_and_the_owner_is_told(
    books: Books, environ: dict[str, str]
) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    with books.open():
        clear_journal()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "backup", "create"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=surroundings(environ),
        preexec_fn=little_room,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "There is no room on the disk for a backup" in done.stderr
    assert "Traceback" not in done.stderr
    with books.open() as session:
        settings = books.app.extensions["settings"]
        assert backups.files(BOOK, settings) == backups.files(KEYS_BACKUP, settings) == []
        left = {path.name for path in settings.backup_dir.rglob("*") if path.is_file()}
        assert left <= {".lock", "erasures.jsonl"}
        assert session.scalars(sa.select(BackupRun.done_at)).all() == [None]
        assert "backup_failed" in pressing(settings, now=books.clock())
        db.session.rollback()
        made = backups.create(now=books.clock())
        assert {run.kind for run in made} == {BOOK, KEYS_BACKUP}
