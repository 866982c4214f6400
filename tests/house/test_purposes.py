"""A personal value opens only for a purpose it is held for: else tests fail, and the house is told.

What runs, for what it reads, is one table; these tests go through all that runs (C17, C18, D1).
"""

from dataclasses import replace
from datetime import timedelta

import click
import pytest
import sqlalchemy as sa
from flask import stream_with_context

from app import create_app
from app.accounts.models import Person
from app.booking.demo import load_demo
from app.cli import register_commands
from app.core import outbox, purposes, sweeps, worker
from app.core.database import Base, KeysBase, db
from app.core.datamap import Purpose, personal_columns
from app.core.purposes import (
    COMMAND,
    EVERYTHING,
    NONE,
    PAGE,
    RECURRING,
    SWEEP,
    TOPIC,
    OutsidePurpose,
    StrayReading,
)
from app.core.reading_for import DECLARED, FIELDS
from app.core.vault import dump_address, vault
from app.policy.documents import publish_missing
from tests.accounts.ways import sign_in
from tests.owner.house import words

NAME, ADDRESS = "Wilhelmine Kanarienvogel", {"street_address": "Amselgasse 7"}

WIDE = {
    # A person's own data, shown to them, corrected by them, handed to them.
    "page privacy.data",
    "page privacy.details",
    "topic privacy.export",
    # What goes to a new controller of those who stay (C24).
    "topic continuity.controller",
    "recurring continuity.controller_stages.run_due",
}
"""What reads whatever is held. Whoever makes this list longer says why beside the line."""


@pytest.fixture
def guest(app, clock):
    """The id of somebody with a name, an e-mail address and a billing address."""
    with app.app_context():
        return somebody(clock())


@pytest.fixture
def strict(app):
    """The test's site; what was refused in a test on purpose is forgotten at its end."""
    yield app
    app.extensions["purposes"].take()


@pytest.fixture
def in_production(app, settings, clock):
    """The same site and databases as they are in production: what is outside is noted."""
    made = create_app(replace(settings, testing=False), clock=clock)

    @made.get("/probe", endpoint="probe")
    def _probe():
        return ", ".join(person.name for person in db.session.scalars(sa.select(Person)))

    @made.cli.command("probe")
    def _command():
        click.echo(db.session.scalar(sa.select(Person)).name)

    yield made
    with made.app_context():
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


def somebody(now):
    person = Person(id=vault().new_person(), created_at=now)
    person.name, person.email = NAME, "wilhelmine@post.example"
    person.billing_address = dump_address(ADDRESS)
    db.session.add(person)
    db.session.commit()
    return person.id


def opened(client, path):
    """Return what a page says, once its answer was sent to the end."""
    with client.get(path) as answer:
        return answer.text


def noted(app):
    """Return what was noted: {(field, place, purposes): count}."""
    with app.app_context():
        rows = db.session.scalars(sa.select(StrayReading))
        return {(row.field, row.place, row.purposes): row.count for row in rows}


def commands_of(app):
    """Return the names of our commands, such as "privacy purge"; not those of libraries."""
    register_commands(app)
    found, waiting = set(), list(app.cli.commands.items())
    while waiting:
        name, command = waiting.pop()
        if isinstance(command, click.Group):
            waiting += [(f"{name} {below}", one) for below, one in command.commands.items()]
        elif command.callback.__module__.startswith("app."):
            found.add(name)
    return found


# -- The table ----------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_every_page_has_its_line_or_reads_nothing(app):
    blueprints = set(app.blueprints)
    # A page without a blueprint must be named itself; what isn't named reads nothing.
    alone = {name for name in app.view_functions if "." not in name}

    assert blueprints - set(DECLARED.blueprints) == set(), "say for what these blueprints read"
    assert alone <= set(DECLARED.pages)
    assert set(DECLARED.blueprints) <= blueprints, "there are no such blueprints"
    assert set(DECLARED.pages) <= set(app.view_functions), "there are no such pages"


@pytest.mark.clause("C17")
def test_every_job_and_recurring_work_has_its_line(app):
    assert set(outbox.topics()) == set(DECLARED.topics)
    assert set(worker.recurring()) == set(DECLARED.recurring)
    assert set(DECLARED.sweeps) <= {sweep.name for sweep in sweeps.sweeps()}


@pytest.mark.clause("C17")
def test_every_command_has_its_line(app):
    assert commands_of(app) == set(DECLARED.commands)


@pytest.mark.clause("C17")
def test_what_reads_everything_is_a_short_and_closed_list():
    tables = {
        PAGE: {**DECLARED.blueprints, **DECLARED.pages},
        TOPIC: DECLARED.topics,
        RECURRING: DECLARED.recurring,
        SWEEP: DECLARED.sweeps,
        COMMAND: DECLARED.commands,
    }

    found = {
        f"{kind} {name}"
        for kind, table in tables.items()
        for name, reads in table.items()
        if reads == EVERYTHING
    }
    half = {
        f"{kind} {name}"
        for kind, table in tables.items()
        for name, reads in table.items()
        if len(reads) > 4 and reads != EVERYTHING
    }

    assert found == WIDE
    assert half == set(), "nearly everything is everything: say so, or read less"


def test_sweeps_backups_and_figures_read_nothing_of_anybody():
    backups = ("backup create", "backup restore", "privacy replay", "system upgrade")
    figures = ("owner.figures", "owner.figures_csv", "owner.figures_xlsx", "owner.visits")

    assert all(reads == NONE for reads in DECLARED.sweeps.values())
    assert all(DECLARED.of(COMMAND, name) == NONE for name in backups)
    assert all(DECLARED.of(PAGE, name) == NONE for name in figures)
    assert DECLARED.of(RECURRING, "continuity.daily.back_up_nightly") == NONE


def test_every_sealed_column_is_bound_and_every_other_sealed_field_is_declared(app):
    guard = app.extensions["purposes"]

    for column, said in personal_columns(Base.metadata, KeysBase.metadata):
        assert guard.held_for(f"{column.table.name}.{column.name}") == frozenset(said.purposes)
    for field, held in FIELDS.items():
        assert guard.held_for(f"{field}:7:0") == frozenset(held)
    assert guard.held_for("person.shoe_size") == NONE


# -- Under test it raises -----------------------------------------------------------------


@pytest.mark.clause("C17")
@pytest.mark.clause("C18")
@pytest.mark.both_databases
@pytest.mark.parametrize("path", ["/owner/figures", "/owner/figures.csv", "/", "/privacy"])
def test_pages_of_figures_and_public_pages_cannot_open_a_name(strict, guest, path):
    with strict.test_request_context(path):
        strict.preprocess_request()

        with pytest.raises(OutsidePurpose) as refused:
            _ = db.session.get(Person, guest).name

    assert refused.value.field == "person.name"
    assert NAME not in str(refused.value)
    assert guest not in str(refused.value)


@pytest.mark.clause("C17")
def test_the_page_of_reservations_can(strict, guest):
    with strict.test_request_context("/owner/reservations"):
        strict.preprocess_request()

        assert db.session.get(Person, guest).name == NAME

        with pytest.raises(OutsidePurpose):
            _ = db.session.get(Person, guest).billing_address


@pytest.mark.clause("C17")
@pytest.mark.clause("C20")
def test_the_job_of_surveys_can_write_to_somebody_and_cannot_read_where_they_live(strict, guest):
    with strict.app_context(), purposes.unit(TOPIC, "survey-mail"):
        person = db.session.get(Person, guest)

        assert person.email == "wilhelmine@post.example"
        with pytest.raises(OutsidePurpose) as refused:
            _ = person.billing_address

    assert refused.value.purposes == {Purpose.SURVEY, Purpose.RESERVATION}


def test_a_job_that_nobody_declared_fails_and_is_kept(strict, guest, clock, monkeypatch):
    def read(_payload, _now):
        _ = db.session.get(Person, guest).name

    monkeypatch.setitem(outbox._handlers, "undeclared", read)
    with strict.app_context():
        outbox.enqueue("undeclared", {}, now=clock())
        db.session.commit()

        done = outbox.run_due(now=clock())
        job = db.session.scalar(sa.select(outbox.Job))

        assert done == 0
        assert job.last_error == "OutsidePurpose"


def test_a_page_that_was_left_reads_for_nothing_any_more(strict, guest):
    strict.test_client().get("/privacy")

    with strict.app_context():
        assert db.session.get(Person, guest).name == NAME  # a test's own look


def test_who_was_erased_is_unknown_before_anything_else(strict, guest):
    with strict.app_context():
        person = db.session.get(Person, guest)
        sealed = person._name
        vault().destroy([guest])

        with purposes.unit(TOPIC, "survey-mail"), pytest.raises(LookupError):
            vault().open(guest, "person.billing_address", sealed)

    assert not strict.extensions["purposes"].strays


# -- In production it is noted ------------------------------------------------------------


@pytest.mark.clause("C17")
@pytest.mark.both_databases
def test_a_reading_outside_is_counted_by_day_and_the_page_is_shown(in_production, guest, clock):
    client = in_production.test_client()

    pages = [opened(client, "/probe"), opened(client, "/probe")]
    clock.move(timedelta(days=1))
    opened(client, "/probe")

    assert pages == [NAME, NAME]
    with in_production.app_context():
        rows = list(db.session.scalars(sa.select(StrayReading).order_by(StrayReading.day)))
        assert [(row.field, row.place, row.purposes, row.count) for row in rows] == [
            ("person.name", "page probe", "", 2),
            ("person.name", "page probe", "", 1),
        ]


@pytest.mark.clause("C17")
@pytest.mark.clause("C26")
def test_what_is_sent_piece_by_piece_is_read_for_what_its_page_is_for(
    in_production, guest, monkeypatch
):
    declared = replace(DECLARED, pages={"sent": frozenset({Purpose.RESERVATION})})
    monkeypatch.setattr(in_production.extensions["purposes"], "declared", declared)

    @in_production.get("/sent", endpoint="sent")
    def _sent():
        return purposes.streamed(db.session.get(Person, guest).name for _ in range(2))

    answer = in_production.test_client().get("/sent")

    assert answer.text == NAME * 2
    assert noted(in_production) == {}


def test_a_test_fails_where_an_answer_is_read_after_its_unit_of_work(strict, guest):
    @strict.get("/left", endpoint="left")
    def _left():
        names = (db.session.get(Person, guest).name for _ in range(1))
        return strict.response_class(stream_with_context(names))

    with pytest.raises(OutsidePurpose):
        _ = strict.test_client().get("/left").data


@pytest.mark.both_databases
def test_a_command_and_a_shell_are_noted_too(in_production, guest):
    said = in_production.test_cli_runner().invoke(args=["probe"])
    with in_production.app_context():
        assert db.session.get(Person, guest).name == NAME

    assert said.output.strip() == NAME, said.exception
    assert noted(in_production) == {
        ("person.name", "command probe", ""): 1,
        ("person.name", "outside", ""): 1,
    }


def test_what_is_within_a_purpose_isnt_noted(in_production, guest):
    with in_production.app_context(), purposes.unit(TOPIC, "mail"):
        assert db.session.get(Person, guest).name == NAME

    assert noted(in_production) == {}


@pytest.mark.both_databases
def test_a_job_notes_it_although_its_own_work_is_rolled_back(in_production, guest):
    with in_production.app_context(), purposes.unit(TOPIC, "survey-mail"):
        person = db.session.get(Person, guest)
        person.name = "Somebody Else"
        db.session.flush()  # it holds the write lock while it reads what it mustn't
        _ = person.billing_address
        db.session.rollback()

    field = ("person.billing_address", "topic survey-mail", "reservation, survey")
    assert noted(in_production) == {field: 1}


def test_where_it_cannot_be_noted_the_page_comes_all_the_same(in_production, guest):
    with in_production.app_context():
        StrayReading.__table__.drop(db.engine)

    assert opened(in_production.test_client(), "/probe") == NAME


@pytest.mark.clause("C17")
def test_the_owner_and_everybody_are_told(app, in_production, guest, clock):
    with app.app_context():
        load_demo(now=clock())
        publish_missing(now=clock())
        db.session.commit()
    everybody, owner = app.test_client(), sign_in(app, clock, app.test_client())
    before = words(everybody.get("/privacy"))

    opened(in_production.test_client(), "/probe")
    public, system = words(everybody.get("/privacy")), words(owner.get("/owner/system"))
    today = words(owner.get("/owner/"))
    clock.move(timedelta(days=30))
    later = words(everybody.get("/privacy"))

    none, once = "Readings outside a purpose in the last 30 days: none.", "outside its purpose once"
    assert none in before
    assert once in public
    assert none not in public
    assert "page probe" in system
    assert "person.name" in system
    assert once in today
    assert none in later
    assert NAME not in public + system + today
