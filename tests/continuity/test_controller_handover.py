"""Only who stayed is handed over, only what is owed, and only the new one can open it."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import sqlalchemy as sa

from app.accounts.disclosures import of_persons
from app.accounts.models import Account, Person
from app.continuity import controller_package, controller_stages
from app.continuity.controller_models import ControllerObjection, ControllerRecord
from app.core.audit import AuditEntry
from app.core.database import db
from app.privacy.models import POSTPONED, Erasure
from app.privacy.retention import HANDOVER_KEPT
from tests.accounts.ways import mails
from tests.consent.answers import answer, faults, records
from tests.continuity import changing
from tests.continuity.changing import DAY, LATER, NEW, SOON, UNTIL_DAY, enter, guest, work
from tests.house.ground import furnished, place  # noqa: F401 (fixtures)
from tests.house.visitor import Visitor
from tests.owner.house import words

pytestmark = pytest.mark.clause("C24")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def people(place, clock):  # noqa: F811
    """Everybody whom a change may meet, by what they will do."""
    made = {
        "ada": guest(place, clock, "Ada Sturmvogel", days=LATER, account=True),
        "ben": guest(place, clock, "Ben Goldregenpfeifer", days=LATER),
        "cora": guest(place, clock, "Cora Trauerseeschwalbe", days=LATER, account=True),
        "dan": guest(place, clock, "Dan Waldwasserlaeufer", days=LATER),
        "eve": guest(place, clock, "Eve Kampflaeuferin", account=True),
        "fay": guest(place, clock, "Fay Doppelschnepfe", days=LATER),
        "gus": guest(place, clock, "Gus Alpenstrandlaeufer", days=SOON),
        "ivo": guest(place, clock, "Ivo Odinshuehnchen", account=True),
    }
    changing.restrict(place, clock, made["fay"])
    return made


def told(place):  # noqa: F811
    return [mail for mail in mails(place) if NEW in mail["Subject"]]


def opened(place, package, private, tmp_path):  # noqa: F811
    """Open a package at the new one's, in a process that has nothing but the private key."""
    file, key, into = tmp_path / "it.handover", tmp_path / "key.pem", tmp_path / "opened"
    file.write_bytes(package)
    key.write_text(private)
    fresh = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "SITE_MODE": "demo",
        "SITE_URL": "http://new.example",
        "INSTANCE_DIR": str(tmp_path / "elsewhere"),
        "SECRET_KEY": "another one: " + "t" * 32,
        "MASTER_KEY": "another one: " + "u" * 32,
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "handover", "open", str(file)]
    with place.app_context():
        by = controller_package.site_fingerprint()
    done = subprocess.run(
        [*command, "--key", str(key), "--into", str(into), "--signed-by", by, "--json"],
        cwd=ROOT,
        env=fresh,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout), into


def plan_and_announce(place, clock, owner, people, public):  # noqa: F811
    """Plan it: nobody hears of it; announce it: every page says so, and every mailbox."""
    assert changing.plan(owner, way="data", public=public).status_code == 303
    dry = words(owner.get("/owner/controller"))
    assert "Planned; nobody was told yet." in dry
    assert "Danke für all die Jahre." in dry
    assert not told(place)
    assert "nothing is planned" in words(place.test_client().get("/privacy/controller"))

    assert changing.announce(owner).status_code == 303
    work(place, clock)
    assert {mail["To"].addresses[0].addr_spec for mail in told(place)} >= {
        one.email for one in people.values()
    }
    assert NEW in place.test_client().get("/").text
    shown = words(place.test_client().get("/privacy/controller"))
    assert "Morgenrotweg 1" in shown
    assert "privacy@morgenrot.example" in shown
    assert NEW in shown


def each_does_something(place, clock, people):  # noqa: F811
    """Object, take it back, have oneself erased."""
    cora = enter(place, clock, people["cora"].account_id)
    assert cora.post("/account/controller/no").status_code == 303
    assert "You said no on" in words(cora.get("/account/controller"))
    dan, link = Visitor(place), changing.link_of(place, people["dan"])
    said = dan.send(dan.open(link).form("/no"))
    taken_back = dan.send(said.form("/take-back"))
    assert "You said no on" in said.words
    assert "taken back on" in taken_back.words
    eve = enter(place, clock, people["eve"].account_id)
    assert eve.post("/account/data/erase", sure="y").status_code == 303
    ivo = enter(place, clock, people["ivo"].account_id)
    assert ivo.post("/account/controller/no").status_code == 303
    work(place, clock)


def look_into(place, people, sealed, private, tmp_path):  # noqa: F811
    """Open the package, and look who is in it, and who isn't."""
    manifest, into = opened(place, sealed.data, private, tmp_path)
    raw = b"".join(file.read_bytes() for file in sorted(into.iterdir()))
    assert manifest["records"] == 3
    assert manifest["to"] == NEW
    for who in ("ada", "ben", "dan"):
        assert people[who].name.encode() in raw
        assert people[who].reference.encode() in raw
    for who in ("cora", "eve", "fay", "gus", "ivo"):
        assert people[who].name.encode() not in raw
        assert people[who].email.encode() not in raw
        assert not people[who].reference or people[who].reference.encode() not in raw
    assert b"argon2" not in raw
    assert b"password" not in raw
    assert not any(one.name.encode() in sealed.data for one in people.values())
    schema = json.loads((into / "data.schema.json").read_text())
    for file in sorted(into.glob("0*.json")):
        jsonschema.validate(json.loads(file.read_text()), schema)


def look_who_was_disclosed(place, clock, people):  # noqa: F811
    """Who is in it sees that; of the others nothing is noted."""
    with place.app_context():
        for who in ("ada", "ben", "dan", "fay", "gus"):
            notes = of_persons([changing.person_of(people[who])])
            assert ("handed_over" in {one.what for one in notes}) is (who in ("ada", "ben", "dan"))
        verbs = set(db.session.scalars(sa.select(AuditEntry.verb)))
    assert {"controller.announced", "controller.begun", "controller.fetched"} <= verbs
    ada = enter(place, clock, people["ada"].account_id)
    assert NEW in words(ada.get("/account/data"))


@pytest.mark.both_databases
def test_from_the_plan_to_the_package_and_what_becomes_of_each(place, clock, people, tmp_path):  # noqa: F811
    public, private = changing.pair()
    owner = enter(place, clock, owner_id := changing.owner_of(place, clock))
    cookies = place.test_client()
    answer(cookies, "accept")
    before = records(place)

    plan_and_announce(place, clock, owner, people, public)
    each_does_something(place, clock, people)
    # Not a day too early, whoever asks.
    early = changing.hand_over(owner)
    assert early.status_code == 409
    assert "Nothing is handed over before" in words(early)
    assert not re.search(r"\d{4}-\d\d-\d\d", words(early))  # a day as people write it
    clock.move(UNTIL_DAY)
    owner = enter(place, clock, owner_id)
    assert changing.hand_over(owner).status_code == 303
    work(place, clock)
    change = changing.change_in(place)
    assert change.state == "done"
    assert change.counts["objected"] == 2
    assert change.counts["restricted"] == 1
    page = owner.get("/owner/controller").text
    assert page.index("/package") < page.index("/plan")  # what waits for days, before what can
    assert "was handed over to" in place.test_client().get("/contact").text
    sealed = owner.post(f"/owner/controller/{change.id}/package")

    look_into(place, people, sealed, private, tmp_path)
    look_who_was_disclosed(place, clock, people)
    # Who said no: gone, or kept until what is open is over; nothing is lost of the choices.
    with place.app_context():
        assert db.session.get(Account, people["ivo"].account_id) is None
        waiting = db.session.scalars(sa.select(Erasure).where(Erasure.state == POSTPONED)).one()
        assert waiting.person_id == changing.person_of(people["cora"])
    assert records(place)[: len(before)] == before
    assert not faults(place, clock())

    # It dies after some days.
    clock.move(HANDOVER_KEPT)
    work(place, clock)
    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(ControllerRecord)) == 0
    owner = enter(place, clock, owner_id)
    assert owner.post(f"/owner/controller/{change.id}/package").status_code == 404


class Crash(BaseException):
    """The machine lost power."""


@pytest.mark.parametrize("dies_in", ["_count", "_pack", "_erase", "_finish"])
def test_a_crash_in_any_stage_changes_nothing_of_the_outcome(
    place,  # noqa: F811
    clock,
    people,
    monkeypatch,
    dies_in,
):
    public, _private = changing.pair()
    owner = enter(place, clock, owner_id := changing.owner_of(place, clock))
    changing.plan(owner, way="data", public=public)
    changing.announce(owner)
    work(place, clock)
    for who in ("ivo", "cora"):
        enter(place, clock, people[who].account_id).post("/account/controller/no")
    clock.move(UNTIL_DAY)
    changing.hand_over(enter(place, clock, owner_id))
    change_id = changing.change_in(place).id
    monkeypatch.setattr(controller_stages, "AT_ONCE", 2)
    real, times = getattr(controller_stages, dies_in), []

    def dying(change, now):
        times.append(now)
        done = real(change, now)
        if len(times) == 1:
            raise Crash  # before its commit
        return done

    monkeypatch.setattr(controller_stages, dies_in, dying)
    with place.app_context(), pytest.raises(Crash):
        controller_stages.go_on(change_id, now=clock())
    monkeypatch.undo()
    work(place, clock)

    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(ControllerRecord)) == 4
        assert db.session.get(Account, people["ivo"].account_id) is None
        notes = of_persons([changing.person_of(people["ben"])])
        assert [one.times for one in notes if one.what == "handed_over"] == [1]
        # Hers waits for her booking to be over; she isn't handed over meanwhile.
        waits = {changing.person_of(people["cora"])}
        assert waits < set(db.session.scalars(sa.select(ControllerObjection.person_id)))
        assert not waits & set(db.session.scalars(sa.select(ControllerRecord.person_id)))
    assert changing.change_in(place).state == "done"


def test_whoever_is_erased_later_is_gone_from_the_package_too(place, clock, people, tmp_path):  # noqa: F811
    public, private = changing.pair()
    owner = enter(place, clock, owner_id := changing.owner_of(place, clock))
    changing.plan(owner, way="data", public=public)
    changing.announce(owner)
    work(place, clock)
    clock.move(UNTIL_DAY)
    owner = enter(place, clock, owner_id)
    changing.hand_over(owner)
    work(place, clock)
    change = changing.change_in(place)

    ivo = enter(place, clock, people["ivo"].account_id)
    assert ivo.post("/account/data/erase", sure="y").status_code == 303
    work(place, clock)
    sealed = owner.post(f"/owner/controller/{change.id}/package")
    manifest, into = opened(place, sealed.data, private, tmp_path)

    assert manifest["records"] == change.counts["went"] - 1
    assert not any(b"Odinshuehnchen" in file.read_bytes() for file in into.iterdir())


def test_called_off_people_are_told_and_nothing_goes(place, clock, people):  # noqa: F811
    owner = enter(place, clock, changing.owner_of(place, clock))
    changing.plan(owner, way="site")
    changing.announce(owner)
    work(place, clock)
    ivo = enter(place, clock, people["ivo"].account_id)
    ivo.post("/account/controller/no")
    off = owner.post("/owner/controller/stop", sure="y")
    work(place, clock)

    assert off.status_code == 303
    assert [mail for mail in mails(place) if "Nothing changes" in mail["Subject"]]
    assert NEW not in place.test_client().get("/").text
    assert "called off" in words(place.test_client().get("/privacy/controller"))
    clock.move(UNTIL_DAY + timedelta(days=1))
    work(place, clock)
    with place.app_context():
        assert db.session.get(Account, people["ivo"].account_id) is not None
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) >= 8


def test_nothing_can_be_said_no_to_before_and_after(place, clock, people):  # noqa: F811
    owner = enter(place, clock, owner_id := changing.owner_of(place, clock))
    ivo = enter(place, clock, people["ivo"].account_id)

    assert ivo.post("/account/controller/no").status_code == 409
    changing.plan(owner, way="site")
    assert ivo.post("/account/controller/no").status_code == 409
    changing.announce(owner)
    work(place, clock)
    assert owner.post("/account/controller/no").status_code == 409  # who runs the place
    clock.move(UNTIL_DAY)
    owner = enter(place, clock, owner_id)
    changing.hand_over(owner)
    ivo = enter(place, clock, people["ivo"].account_id)
    assert ivo.post("/account/controller/no").status_code == 409
    assert owner.post("/owner/controller/stop", sure="y").status_code == 409
    assert changing.change_in(place).changes_on == DAY
