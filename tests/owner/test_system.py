"""The owner sees how the installation stands: versions, health, settings, every component (C19)."""

import json
import tomllib
from dataclasses import replace
from datetime import timedelta
from importlib import metadata, resources
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from referencing import Registry, Resource

from app.accounts.models import OWNER, READER
from app.config import Settings
from app.core import schema
from app.core.database import db
from app.core.heartbeat import beat, last_beat
from app.core.outbox import MOST_ATTEMPTS, Job, enqueue
from app.core.version import VERSION
from app.core.worker import tidy
from app.owner.system import pending, pressing, system
from app.owner.system_bom import components, normalised
from app.owner.system_checks import ADVICE, URGENT, checks
from tests.owner.house import words

ROOT = Path(__file__).parent.parent.parent
SECRETS = {"SECRET_KEY": "a" * 16 + "q" * 24, "MASTER_KEY": "b" * 16 + "w" * 24}


@pytest.fixture
def reader(enters):
    return enters(READER)


# -- Versions -------------------------------------------------------------------------------


@pytest.mark.clause("C19")
def test_the_version_shown_is_the_one_of_the_project_and_of_its_changes(reader):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    page = words(reader.get("/owner/system"))

    assert project["version"] == VERSION
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()
    assert f"Reserved {VERSION}" in page
    assert "SQLite 3" in page


@pytest.mark.clause("C19")
@pytest.mark.both_databases
def test_both_databases_stand_at_the_newest_migration(place, clock, settings):
    [newest] = ScriptDirectory(schema.MIGRATIONS).get_heads()
    with place.app_context():
        found = system(settings, now=clock())

    assert [(one.name, one.answers) for one in found.databases] == [("book", True), ("keys", True)]
    assert {one.migration for one in found.databases} == {newest}
    assert found.troubles == []


@pytest.mark.clause("C19")
def test_migrations_to_come_are_those_that_alembic_would_run():
    script = ScriptDirectory(schema.MIGRATIONS)
    order = [one.revision for one in reversed(list(script.walk_revisions()))]

    assert pending("") == tuple(order)
    assert pending(order[1]) == tuple(order[2:])
    assert pending(order[-1]) == ()


@pytest.mark.clause("C19")
def test_an_older_database_is_told_with_what_helps(reader):
    with reader.app.app_context():
        db.session.execute(sa.text("UPDATE alembic_version SET version_num = '0004'"))
        db.session.commit()

    page = words(reader.get("/owner/system"))

    assert "migration 0004, to come: 0005" in page
    assert "older than this software" in page


@pytest.mark.clause("C19")
def test_a_database_that_does_not_answer_is_named(place, clock, settings, monkeypatch):
    with place.app_context():
        broken = sa.create_engine("sqlite:////nowhere/at/all.db")
        monkeypatch.setitem(db.engines, "keys", broken)
        found = system(settings, now=clock())

    assert [one.answers for one in found.databases] == [True, False]
    assert "keys_silent" in found.troubles


# -- Health ---------------------------------------------------------------------------------


@pytest.mark.clause("C19")
@pytest.mark.both_databases
def test_the_worker_shows_every_minute_that_it_runs(place, clock, settings):
    with place.app_context():
        before = last_beat()
        db.session.rollback()
        tidy(clock())
        tidy(clock.move(timedelta(minutes=1)))
        beaten, soon = last_beat(), pressing(settings, now=clock())
        later = pressing(settings, now=clock.move(timedelta(minutes=6)))

    assert before is None
    assert beaten == clock() - timedelta(minutes=6)
    assert soon == []
    assert later == ["worker"]


@pytest.mark.clause("C19")
@pytest.mark.both_databases
def test_waiting_work_is_counted_and_work_given_up_is_told(place, clock, settings):
    with place.app_context():
        enqueue("nothing", {}, now=clock())
        enqueue("nothing", {}, now=clock(), not_before=clock() + timedelta(days=1))
        enqueue("nothing", {}, now=clock())
        db.session.commit()
        last = db.session.scalar(sa.select(sa.func.max(Job.id)))
        tired = sa.update(Job).where(Job.id == last).values(attempts=MOST_ATTEMPTS)
        db.session.execute(tired)
        beat(now := clock.move(timedelta(minutes=16)))
        found = system(settings, now=now)

    assert (found.queue.waiting, found.queue.due, found.queue.given_up) == (2, 1, 1)
    assert found.queue.oldest_due == now - timedelta(minutes=16)
    assert found.troubles == ["queue", "given_up"]


@pytest.mark.clause("C14")
def test_on_the_first_day_the_page_says_what_was_never_done_yet(reader, settings):
    app, never = reader.app, ("no_worker", "no_backup", "no_drill")
    with app.app_context():
        found = system(settings, now=app.extensions["clock"]())
    page = words(reader.get("/owner/system"))

    assert (found.troubles, tuple(found.missing)) == ([], never)
    assert "Still missing" in page
    assert "There is no backup yet." in page
    assert "No restore was rehearsed yet." in page
    assert "Everything runs as it should." not in page


@pytest.mark.clause("C14")
def test_once_all_was_done_the_page_says_that_everything_runs(reader, clock):
    at = clock()
    facts = SimpleNamespace(
        book_at=at, keys_at=at, failed_at=None, failure=None, drill_at=at, drill_passed=True
    )
    reader.app.extensions["backup_facts"] = lambda: facts
    with reader.app.app_context():
        tidy(at)

    page = words(reader.get("/owner/system"))

    assert "Everything runs as it should." in page
    assert "Still missing" not in page


@pytest.mark.clause("C14")
def test_late_and_failed_backups_are_told_on_the_page_and_the_first_page(reader, clock):
    at = clock() - timedelta(days=3)
    facts = SimpleNamespace(
        book_at=at, keys_at=at, failed_at=clock(), failure="OSError", drill_at=at, drill_passed=True
    )
    reader.app.extensions["backup_facts"] = lambda: facts

    page, first = words(reader.get("/owner/system")), words(reader.get("/owner/"))

    assert "no backup of the last two days" in page
    assert "The newest backup failed." in page
    assert "OSError" in page
    assert "2 things about the system need somebody." in first


def test_the_page_asks_little_of_the_databases(reader, count_queries):
    with count_queries() as sent:
        assert reader.get("/owner/system").status_code == 200

    assert len(sent) <= 21


def test_a_site_without_any_offer_has_the_page_too(place, owner):
    with place.app_context():
        db.session.execute(sa.text("DELETE FROM job"))
        db.session.commit()

    assert owner.get("/owner/system").status_code == 200


# -- Settings -------------------------------------------------------------------------------


def production(tmp_path, **more):
    folder = tmp_path / "production"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Settings.from_env(
        {
            "SITE_MODE": "production",
            "SITE_URL": "https://house.example",
            "MAIL_URL": "smtps://us:hush@mail.example:465",
            "PROXY_HOPS": "1",
            "INSTANCE_DIR": str(folder),
            "STRIPE_SECRET_KEY": "sk_live_hush",
            "STRIPE_WEBHOOK_SECRET": "whsec_hush",
            "PUSH_KEY": "c" * 16 + "e" * 24,
            "RECIPIENT_COUNTRIES": "mail relay=DE, stripe=IE",
            **SECRETS,
            **more,
        }
    )


def told(settings):
    # Where backups lie is another part's: here every folder of the test is on one disk.
    return {one.setting: one.level for one in checks(settings) if one.setting != "BACKUP_DIR"}


@pytest.mark.clause("C19")
def test_settings_that_are_safe_are_not_spoken_of(tmp_path):
    assert told(production(tmp_path)) == {}


@pytest.mark.clause("C19")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"PROXY_HOPS": "0"}, {"PROXY_HOPS": URGENT}),
        ({"MAIL_URL": "smtp://localhost:25"}, {"MAIL_URL": ADVICE}),
        ({"PUSH_KEY": ""}, {"PUSH_KEY": ADVICE}),
        ({"RECIPIENT_COUNTRIES": ""}, {"RECIPIENT_COUNTRIES": ADVICE}),
        ({"STRIPE_SECRET_KEY": "", "STRIPE_WEBHOOK_SECRET": ""}, {"STRIPE_SECRET_KEY": URGENT}),
    ],
)
def test_what_is_unsafe_or_missing_is_named_by_its_setting(tmp_path, more, expected):
    assert told(production(tmp_path, **more)) == expected


@pytest.mark.clause("C19")
def test_keys_in_the_books_database_and_a_folder_for_everybody_are_told(tmp_path):
    settings = production(tmp_path)
    settings.instance_dir.chmod(0o755)

    together = replace(
        settings, keys_database_url=settings.database_url, master_key=settings.secret_key
    )

    assert told(together) == {
        "MASTER_KEY": URGENT,
        "KEYS_DATABASE_URL": URGENT,
        "INSTANCE_DIR": URGENT,
    }


@pytest.mark.clause("C19")
def test_no_secret_stands_on_the_page(reader, settings):
    page = reader.get("/owner/system").text

    assert "MAIL_URL" in page
    for secret in (settings.secret_key, settings.master_key):
        assert secret.decode() not in page
    assert settings.database_url not in page


# -- Components -----------------------------------------------------------------------------


def schema_of_cyclonedx():
    folder = resources.files("cyclonedx.schema._res")
    by_name = {
        path.name: json.loads(path.read_text())
        for path in folder.iterdir()
        if path.name.endswith(".schema.json")
    }
    # The published schema calls those of SPDX and of signatures by their addresses.
    registry = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}", Resource.from_contents(found))
        for name, found in by_name.items()
    )
    return by_name["bom-1.6.SNAPSHOT.schema.json"], registry


@pytest.mark.clause("C19")
def test_the_list_of_components_is_cyclonedx_and_has_everything_installed(reader, clock):
    answer = reader.get("/owner/system/sbom.json")
    bom, (published, registry) = answer.get_json(force=True), schema_of_cyclonedx()

    jsonschema.Draft7Validator(published, registry=registry).validate(bom)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["version"] == VERSION
    assert bom["metadata"]["timestamp"].startswith(clock().isoformat()[:10])
    installed = {normalised(one.name): one.version for one in metadata.distributions()}
    assert {normalised(one["name"]) for one in bom["components"]} == set(installed)
    flask = next(one for one in bom["components"] if one["name"] == "Flask")
    assert flask["purl"] == f"pkg:pypi/flask@{installed['flask']}"
    assert flask["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    wanted = {one["ref"]: one.get("dependsOn", []) for one in bom["dependencies"]}
    assert any("pkg:pypi/werkzeug@" in ref for ref in wanted[flask["bom-ref"]])
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.clause("C19")
def test_every_package_that_the_site_names_is_listed_with_its_licence():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    # What only some releases of Python need may not be here.
    pinned = [line for line in lines if "==" in line and ";" not in line]
    named = {normalised(line.split("==")[0].split("[")[0]) for line in pinned}
    listed = {one.key: one for one in components()}

    assert named <= set(listed)
    assert {key for key in named if not listed[key].licences} <= {"huey"}  # its wheel names none


# -- Who may --------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_readers_see_the_system_and_no_way_to_the_trail(enters):
    reader, owner = enters(READER), enters(OWNER)

    assert "/owner/trail" not in reader.get("/owner/system").text
    assert "/owner/trail" in owner.get("/owner/system").text
