"""The rehearsal is green where all holds, red where something doesn't, and touches nothing."""

import json

import pytest
import sqlalchemy as sa

from app.continuity import backups, drill, facts, restore
from app.continuity.drill_state import rows
from app.continuity.models import DrillRun
from app.core import erasures
from app.core.database import db
from app.core.vault import Vault
from tests.servers import run_flask


@pytest.mark.clause("C12")
@pytest.mark.clause("C17")
@pytest.mark.both_databases(usually="sqlite")
def test_the_drill_is_green_and_leaves_the_live_book_as_it_was(person, clock, settings):
    before, ledger = rows(), erasures.entries()

    run = drill.drill(now=clock())

    assert {name: came for name, came in run.checks.items() if came is not True} == {}
    assert run.passed
    assert rows() == before
    assert erasures.entries() == ledger
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DrillRun)) == 1
    assert not list(settings.backup_dir.glob("scratch-*"))
    assert facts.facts().drill_passed


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="postgresql")
def test_the_drill_is_green_with_a_real_backup_too(person, clock):
    backups.create(now=clock())

    assert drill.drill(now=clock(), latest=True).passed


@pytest.mark.clause("C12")
@pytest.mark.both_databases(usually="sqlite")
def test_the_drill_is_red_when_the_replay_is_dropped(person, clock, monkeypatch):
    monkeypatch.setattr(restore, "replay", lambda wanted, **_: erasures.apply(wanted) or 0)

    run = drill.drill(now=clock())

    assert not run.passed
    assert run.checks["gone_from_book"] is not True
    assert run.checks["refused"] is True


@pytest.mark.clause("C12")
def test_the_drill_is_red_when_keys_are_not_destroyed(person, clock, monkeypatch):
    monkeypatch.setattr(Vault, "destroy", lambda *_: None)

    run = drill.drill(now=clock())

    assert not run.passed
    assert run.checks["gone_from_keys"] is not True
    assert run.checks["unreadable"] is not True


def test_the_command_tells_a_program_and_fails_where_something_failed(place_long_ago, environ):
    told = json.loads(run_flask(environ, "privacy", "drill", "--json"))

    assert told["passed"] is True
    assert set(told["checks"]) == set(drill.CHECKS)
