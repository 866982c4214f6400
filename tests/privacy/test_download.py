"""A download is made once, beside the site's work, for its person alone, and goes on time."""

import io
import re
import tracemalloc
import zipfile
from datetime import timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from app.booking.models import Reservation, ReservationLine
from app.core import outbox
from app.core.database import db, only_reading, table
from app.core.outbox import Job
from app.core.sweeps import sweep_every_minute, sweeps
from app.core.tokens import digest_of_token
from app.core.vault import PersonUnknown, SealBroken, vault
from app.privacy import exporting
from app.privacy.export.archive import write_archive
from app.privacy.export.sealing import PIECE, Overtaken, SealedFile, opened_pieces
from app.privacy.models import (
    ASKED,
    FAILED,
    MAKING,
    READY,
    DataKey,
    Export,
    ExportChunk,
    PrivacyRequest,
)
from app.privacy.retention import EXPORT_KEPT
from app.privacy.subjects import of_key
from tests.accounts.ways import let_in, mails, make_guest
from tests.house.canaries import found_in
from tests.house.visitor import Visitor, reference_of
from tests.privacy.taking import Somebody, data_of, exports, fetch, order, take, work

PAGE = "/account/data/download"


@pytest.fixture
def guest(place, clock, client):
    """The account of a guest who has booked, signed in on the client."""
    Visitor(place).book(email="alma@post.example", name="Alma Reiher")
    account_id = make_guest(place, clock, "alma@post.example")
    let_in(place, clock, client, account_id)
    return account_id


def words(client):
    """Return what the page says."""
    answer = client.get(PAGE)
    assert answer.status_code == 200
    main = answer.text.split("<main")[1].split("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def press(client):
    """Press the page's button, and let nobody do any work."""
    token = client.get(PAGE).text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    return client.post(PAGE, data={"csrf_token": token})


def pieces_left(app):
    """Return how many pieces of downloads there are."""
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(ExportChunk))


# -- From the button to the file ------------------------------------------------------------


@pytest.mark.clause("C26")
def test_a_copy_is_made_in_the_background_told_by_mail_and_fetched(place, clock, client, guest):
    assert "Make my copy" in client.get(PAGE).text

    answer = press(client)
    waiting = words(client)
    work(place)
    ready = words(client)
    mail = mails(place)[-1]
    file = fetch(client)

    assert (answer.status_code, answer.location) == (303, PAGE)
    assert "Your copy is being made" in waiting
    assert "Look again" in waiting
    assert "Your copy is ready" in ready
    assert "kB" in ready
    assert "8 May" in ready  # three days after the fifth
    assert PAGE in mail.get_content()
    assert "/is-this-real?lang=en" in mail.get_content()
    assert file.headers["Content-Disposition"] == "attachment; filename=my-data-2031-05-05.zip"
    assert "no-store" in file.headers["Cache-Control"]
    assert file.content_type == "application/zip"
    assert int(file.headers["Content-Length"]) == len(file.data)
    archive = zipfile.ZipFile(io.BytesIO(file.data))
    assert data_of(archive)["person"]


@pytest.mark.clause("C26")
def test_the_mail_names_nobody_and_holds_nothing_but_the_address(place, client, guest):
    order(place, client)

    mail = mails(place)[-1]

    assert str(mail["To"]) == "alma@post.example"
    assert "Alma" not in mail.as_string()
    assert "Reiher" not in mail.as_string()
    assert ".zip" not in mail.get_content()


@pytest.mark.clause("C26")
def test_a_second_click_gives_the_same_one(place, client, guest):
    press(client)
    press(client)

    with place.app_context():
        assert len(exports()) == 1
        jobs = db.session.scalars(sa.select(Job).where(Job.topic == exporting.MAKE)).all()
        assert len(jobs) == 1


@pytest.mark.clause("C26")
def test_a_newer_copy_takes_the_place_of_the_one_before(place, client, guest):
    order(place, client)
    first = fetch(client).request.path
    order(place, client)

    with place.app_context():
        (left,) = exports()
        assert {left.id} == set(db.session.scalars(sa.select(ExportChunk.export_id)))
    assert fetch(client).request.path != first


@pytest.mark.clause("C26")
def test_the_request_is_on_record_and_answered_when_the_file_is_ready(place, clock, client, guest):
    press(client)
    with place.app_context():
        (request,) = db.session.scalars(sa.select(PrivacyRequest)).all()
        assert (request.kind, request.by_itself, request.answered_at) == ("access", True, None)

    work(place)

    with place.app_context():
        (request,) = db.session.scalars(sa.select(PrivacyRequest)).all()
        assert request.answered_at == clock()
        assert request.granted


# -- Whose it is ----------------------------------------------------------------------------


@pytest.mark.clause("C26")
def test_nobody_else_gets_it(place, clock, client, guest):
    order(place, client)
    path = fetch(client).request.path
    bruno = let_in(place, clock, place.test_client(), make_guest(place, clock, "b@post.example"))
    stranger = place.test_client()

    assert bruno.get(path).status_code == 404
    assert stranger.get(path).status_code == 303
    assert "/account/sign-in" in stranger.get(path).location
    assert stranger.get(path.replace("/account/data", "/data/nothing")).status_code == 404


@pytest.mark.clause("C26")
def test_who_it_is_is_asked_again_before_it_is_ordered_and_fetched(place, clock, client, guest):
    order(place, client)
    path = fetch(client).request.path
    clock.move(timedelta(minutes=20))

    answer, ordered = client.get(path), press(client)

    assert answer.status_code == 303
    assert "/account/confirm" in answer.location
    assert "/account/confirm" in ordered.location
    with place.app_context():
        assert len(exports()) == 1


def guest_key(app, clock, reservation, *, key="k" * 32):
    """Give a guest the key that the right code would, and return it."""
    with app.app_context():
        row = db.session.scalar(
            sa.select(Reservation).where(Reservation.reference == reference_of(reservation))
        )
        db.session.add(
            DataKey(
                person_id=row.person_id,
                reservation_id=row.id,
                key_digest=digest_of_token(key),
                made_at=clock(),
                proved_at=clock(),
                expires_at=clock() + timedelta(minutes=30),
            )
        )
        db.session.commit()
    return key


@pytest.mark.clause("C26")
def test_a_guest_without_an_account_takes_theirs_by_their_key(place, clock, client):
    reservation = Visitor(place).book(email="gast@post.example", name="Gast Ohnekonto")
    other = Visitor(place)
    other.dates = {"arrive": "2031-07-01", "depart": "2031-07-03"}
    other = other.book(email="anders@post.example", name="Anders Gast")
    key = guest_key(place, clock, reservation)
    foreign = guest_key(place, clock, other, key="f" * 32)

    ordered = client.post(f"/data/{key}/download")
    work(place)
    page = client.get(f"/data/{key}/download")
    path = re.search(r'href="(/data/\w+/download/\d+\.zip)"', page.text)[1]
    file = client.get(path)
    mail = mails(place)[-1]

    assert ordered.status_code == 303
    archive = zipfile.ZipFile(io.BytesIO(file.data))
    assert data_of(archive)["person"][0]["name"] == "Gast Ohnekonto"
    assert "Anders" not in archive.read("index.html").decode()
    assert reference_of(reservation) in mail.get_content()  # the page that leads to their data
    assert key not in mail.as_string()
    assert client.get(path.replace(key, foreign)).status_code == 404
    clock.move(timedelta(minutes=31))
    assert client.get(path).status_code == 404


@pytest.mark.clause("C26")
def test_a_copy_with_somebody_who_is_no_longer_theirs_is_nobody_s(place, clock, client, guest):
    order(place, client)
    path = fetch(client).request.path
    with place.app_context():
        (export,) = exports()
        export.person_ids = [*export.person_ids, vault().new_person()]
        db.session.commit()

    assert client.get(path).status_code == 404
    assert "Your copy is ready" not in words(client)


# -- It goes on time ------------------------------------------------------------------------


@pytest.mark.clause("C26")
def test_after_72_hours_it_is_gone(place, clock, client, guest):
    order(place, client)
    path = fetch(client).request.path
    clock.move(timedelta(hours=72) - timedelta(seconds=1))
    let_in(place, clock, client, guest)
    with place.app_context():
        sweep_every_minute(clock())
    assert client.get(path).status_code == 200

    clock.move(timedelta(seconds=1))
    before = client.get(path)
    with place.app_context():
        sweep_every_minute(clock())

    assert before.status_code == 410
    assert client.get(path).status_code == 410
    assert pieces_left(place) == 0
    assert "Your last copy is gone" in words(client)
    assert client.get(path.replace("1.zip", "99.zip")).status_code == 404


@pytest.mark.clause("C26")
def test_what_was_deleted_is_in_no_file_of_the_database(place, clock, client, guest, instance):
    order(place, client)
    with place.app_context():
        piece = db.session.scalar(sa.select(ExportChunk.sealed_bytes))
    clock.move(EXPORT_KEPT)
    with place.app_context():
        sweep_every_minute(clock())

    for file in instance.glob("book.db*"):
        assert piece[20:200] not in file.read_bytes(), file.name


def test_the_dry_run_knows_of_downloads():
    names = {sweep.name for sweep in sweeps()}

    assert {"download_pieces", "downloads"} <= names


# -- Failing, and trying again --------------------------------------------------------------


def break_a_value(app):
    """Damage a sealed value, as a bad disk would; return how it was."""
    with app.app_context():
        row = sa.text("SELECT id, name FROM person WHERE name IS NOT NULL")
        person_id, sealed = db.session.execute(row).first()
        db.session.execute(
            sa.text("UPDATE person SET name = :n WHERE id = :i"),
            {"n": sealed[:-1] + bytes([sealed[-1] ^ 1]), "i": person_id},
        )
        db.session.commit()
    return person_id, sealed


def mend(app, person_id, sealed):
    """Put the value back."""
    with app.app_context():
        db.session.execute(
            sa.text("UPDATE person SET name = :n WHERE id = :i"), {"n": sealed, "i": person_id}
        )
        db.session.commit()


@pytest.mark.clause("C26")
def test_a_failure_is_said_and_can_be_tried_again(place, client, guest):
    broken = break_a_value(place)
    order(place, client)

    failed = words(client)
    assert "Making your copy did not work" in failed
    assert "Try again now" in failed
    assert pieces_left(place) == 0
    with place.app_context():
        (export,) = exports()
        assert (export.state, export.error) == (FAILED, "SealBroken")
        (request,) = db.session.scalars(sa.select(PrivacyRequest)).all()
        assert request.answered_at is None

    mend(place, *broken)
    order(place, client)

    assert "Your copy is ready" in words(client)
    assert zipfile.ZipFile(io.BytesIO(fetch(client).data)).testzip() is None
    with place.app_context():
        (request,) = db.session.scalars(sa.select(PrivacyRequest)).all()
        assert request.answered_at is not None


@pytest.mark.clause("C26")
def test_a_failure_is_tried_again_by_itself(place, clock, client, guest):
    broken = break_a_value(place)
    order(place, client)
    mend(place, *broken)

    clock.move(timedelta(minutes=3))
    work(place)

    assert "Your copy is ready" in words(client)


@pytest.mark.clause("C26")
def test_a_try_that_broke_off_is_begun_again_without_its_pieces(place, clock, client, guest):
    press(client)
    with place.app_context():
        (export,) = exports()
        # As a power cut leaves it: taken, some pieces written, nobody at work.
        export.state, export.maker = MAKING, "d" * 16
        for position in (0, 1, 7):
            db.session.add(
                ExportChunk(export_id=export.id, position=position, sealed_bytes=b"\1" * 99)
            )
        db.session.commit()
    assert "Your copy is being made" in words(client)

    work(place)

    archive = zipfile.ZipFile(io.BytesIO(fetch(client).data))
    assert archive.testzip() is None
    with place.app_context():
        positions = list(db.session.scalars(sa.select(ExportChunk.position)))
        assert positions == list(range(len(positions)))


@pytest.mark.clause("C26")
def test_a_try_that_was_overtaken_writes_no_more(place, clock, client, guest):
    press(client)
    with place.app_context():
        (export,) = exports()
        export.state, export.maker = MAKING, "first"
        db.session.commit()
        late = SealedFile(export.id, export.person_id, "first")
        late.write(b"x" * 10)
        export.maker = "second"
        db.session.commit()

        with pytest.raises(Overtaken):
            late.close()
        assert pieces_left(place) == 0


def test_one_that_never_ends_is_given_up_and_can_be_asked_for_again(place, clock, client, guest):
    press(client)
    with place.app_context():
        db.session.execute(sa.delete(Job))
        db.session.commit()
    clock.move(EXPORT_KEPT)
    let_in(place, clock, client, guest)

    assert "Making your copy did not work" in words(client)
    order(place, client)
    assert "Your copy is ready" in words(client)


# -- Sealed ---------------------------------------------------------------------------------


@pytest.mark.clause("C14")
def test_nothing_of_it_lies_anywhere_in_clear(place, clock, client, instance):
    with place.app_context():
        alma = Somebody("kanarienvogel-alma", now=clock())
        db.session.commit()
    before = {file.name for file in instance.rglob("*")}
    archive = take(place, clock, client, alma.world["account"])
    sealed_words = ("kanarienvogel-alma-person-name", "kanarienvogel-alma-privacy-request-words")

    assert all(one in archive.read("data.json").decode() for one in sealed_words)
    for file in instance.rglob("*"):
        if file.is_file():
            assert not found_in(file.read_bytes(), sealed_words), file.name
            assert b"PK\x03\x04" not in file.read_bytes(), file.name
    new = {file.name for file in instance.rglob("*")} - before
    assert all(name == "mail" or name.endswith((".eml", "-wal", "-shm")) for name in new), new


@pytest.mark.clause("C14")
@pytest.mark.both_databases
def test_pieces_are_bound_to_their_place_their_download_and_their_person(context, clock):
    now, content = clock(), bytes(range(256)) * (PIECE // 256 * 3) + b"end"
    alma, bruno = (Somebody(name, now=now, but=FIRM_ONLY) for name in ("alma", "bruno"))
    db.session.commit()
    exports_of = [
        Export(person_id=one.person_id, person_ids=[], language="en", state=MAKING, maker="m",
               asked_at=now)
        for one in (alma, bruno)
    ]  # fmt: skip
    db.session.add_all(exports_of)
    db.session.commit()
    first, second = (export.id for export in exports_of)
    for export in (first, second):
        owner = db.session.get_one(Export, export).person_id
        db.session.rollback()
        with only_reading():
            file = SealedFile(export, owner, "m")
            file.write(content)
            file.close()

    assert b"".join(opened_pieces(first, alma.person_id)) == content
    assert file.size == len(content)
    with pytest.raises(SealBroken):
        list(opened_pieces(first, bruno.person_id))
    swap(first, 0, first, 1)
    with pytest.raises(SealBroken):
        list(opened_pieces(first, alma.person_id))
    vault().destroy([bruno.person_id])
    with pytest.raises(PersonUnknown):
        list(opened_pieces(second, bruno.person_id))


FIRM_ONLY = frozenset(("agreement", "mail_link"))  # they ask for documents, which only a place has


def swap(one, at, other, there):
    """Exchange two pieces."""
    chunks = table(ExportChunk)

    def piece(export_id, position):
        return sa.and_(chunks.c.export_id == export_id, chunks.c.position == position)

    found = [
        db.session.scalar(sa.select(chunks.c.sealed_bytes).where(piece(*which)))
        for which in ((one, at), (other, there))
    ]
    for which, sealed in zip(((one, at), (other, there)), reversed(found), strict=True):
        db.session.execute(sa.update(chunks).where(piece(*which)).values(sealed_bytes=sealed))
    db.session.commit()


# -- Both databases, and ten years ----------------------------------------------------------


@pytest.mark.clause("C26")
@pytest.mark.both_databases
def test_it_is_made_and_read_on_either_database(place, clock):
    with place.app_context():
        alma = Somebody("alma", now=clock())
        db.session.commit()
        export = exporting.ask(alma.subject, now=clock())
        db.session.commit()
        assert export.state == ASKED

        while outbox.run_due(now=clock()):
            pass

        db.session.expire_all()
        export = db.session.scalars(sa.select(Export).where(Export.state == READY)).one()
        content = b"".join(exporting.pieces(export))
        assert len(content) == export.size
        archive = zipfile.ZipFile(io.BytesIO(content))
        assert archive.testzip() is None
        assert data_of(archive)["person"][0]["name"] == "alma-person-name"


FEW = 500
"""Reservations, against ten times as many: while memory is traced, all is four times as slow."""


def ten_years(app, clock, many):
    """Give somebody so many reservations, straight into the tables, and ask for a download."""
    numbers = count()
    with app.app_context():
        alma = Somebody("alma", now=clock())
        db.session.commit()
        export = exporting.ask(alma.subject, now=clock())
        known = db.session.get_one(Reservation, alma.world["reservation"])
        row = {c.name: getattr(known, c.name) for c in table(Reservation).columns if c.name != "id"}
        start = db.session.scalar(sa.select(sa.func.max(Reservation.id))) + 1
        rows = [{**row, "id": start + n, "reference": f"T{next(numbers):07d}"} for n in range(many)]
        db.session.execute(sa.insert(Reservation), rows)
        line = db.session.scalar(sa.select(ReservationLine))
        values = {
            c.name: getattr(line, c.name) for c in table(ReservationLine).columns if c.name != "id"
        }
        db.session.execute(
            sa.insert(ReservationLine),
            [{**values, "reservation_id": start + n} for n in range(many)],
        )
        export.state, export.maker, export.total = MAKING, "m", 0
        db.session.commit()
        return export.id


def peak_of(app, clock, export_id):
    """Write a download, and return its size and the most memory that it took meanwhile."""
    with app.app_context(), only_reading():
        export = db.session.get_one(Export, export_id)
        tracemalloc.start()
        try:
            size = write_archive(export, now=clock())
            return size, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.clause("C26")
@pytest.mark.slow
def test_ten_years_of_bookings_cost_no_more_memory_than_one(place, clock):
    small = ten_years(place, clock, FEW)
    peak_of(place, clock, small)  # what is loaded once is none of it
    with place.app_context():
        db.session.execute(sa.delete(ExportChunk))
        db.session.commit()
    size, once = peak_of(place, clock, small)
    with place.app_context():
        db.session.execute(sa.delete(Export))
        known = db.session.scalar(sa.select(Reservation).where(Reservation.reference == "T0000001"))
        assert known is not None
        add(known, 9 * FEW)
        db.session.commit()
        export = Export(
            person_id=known.person_id, person_ids=[known.person_id], language="en",
            state=MAKING, maker="m", asked_at=clock(), total=0,
        )  # fmt: skip
        db.session.add(export)
        db.session.commit()
        large = export.id

    bigger, ten_times = peak_of(place, clock, large)

    assert bigger > 3 * size
    assert ten_times < 1.5 * once, (once, ten_times)


def add(known, many):
    """Add reservations like one that is known."""
    row = {c.name: getattr(known, c.name) for c in table(Reservation).columns if c.name != "id"}
    line = db.session.scalar(
        sa.select(ReservationLine).where(ReservationLine.reservation_id == known.id)
    )
    values = {
        c.name: getattr(line, c.name) for c in table(ReservationLine).columns if c.name != "id"
    }
    start = db.session.scalar(sa.select(sa.func.max(Reservation.id))) + 1
    db.session.execute(
        sa.insert(Reservation),
        [{**row, "id": start + n, "reference": f"U{n:07d}"} for n in range(many)],
    )
    db.session.execute(
        sa.insert(ReservationLine), [{**values, "reservation_id": start + n} for n in range(many)]
    )


def test_a_guest_s_key_is_theirs_alone(place, clock):
    reservation = Visitor(place).book()
    key = guest_key(place, clock, reservation)

    with place.app_context():
        assert of_key(key, now=clock()).reservation.reference == reference_of(reservation)
        assert of_key(key + "x", now=clock()) is None
