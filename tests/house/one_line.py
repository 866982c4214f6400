"""A site whose book has columns that nobody knew of: what it shows, hands out and erases.

A program, because models are one for each process: `test_one_line` copies the program's files,
writes a line into each of some models, and runs this beside the copy. It goes through pages as
a guest and as the owner, and leaves what it saw in a folder.

    python -m tests.house.one_line FOLDER table.column …
"""

import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

import app as program
from app import create_app
from app.config import Settings
from app.continuity.controller_scope import tables_for
from app.core.database import Base, db
from app.core.datamap import Purpose
from app.core.purposes import PAGE, OutsidePurpose, guard, unit
from app.core.vault import vault
from app.privacy.models import DONE, Erasure
from tests.accounts.ways import let_in, make_house, token_on
from tests.conftest import MORNING, SettableClock, _let_go
from tests.continuity.incidents_ground import listed, tell_what_happened
from tests.owner.house import Somebody
from tests.privacy.canary import Canary, unseeded, work
from tests.privacy.taking import fetch, order

AFTER_THE_STAY = datetime(2031, 6, 20, 9, tzinfo=UTC)
PAGES = {
    "storage.html": "/privacy/storage",
    "retention.html": "/privacy/retention",
    "records.csv": "/owner/records.csv",
}
FIGURES = "owner.figures"
"""A page that counts, and reads nothing that is held to make ready for an arrival."""


def main(folder, *paths):
    """Live through it, from the columns to the erasure."""
    assert Path(program.__file__).is_relative_to(Path.cwd()), "this isn't the copy"
    settings = replace(Settings.from_env(os.environ), testing=True, password_memory=256)
    clock = SettableClock(MORNING)
    site = create_app(settings, clock=clock)
    try:
        with site.app_context():
            migrate(paths)
        found = live(site, clock, settings.instance_dir, Path(folder), set(paths))
    finally:
        _let_go(site)
    (Path(folder) / "found.json").write_text(json.dumps(found, default=sorted))


def migrate(paths):
    """Add the columns to the book, as the migration that goes with a column does."""
    with db.engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        for path in paths:
            table, _, name = path.partition(".")
            column = Base.metadata.tables[table].c[name]
            operations.add_column(table, sa.Column(name, column.type, nullable=column.nullable))


def live(site, clock, instance, folder, paths):
    """Go through pages and verbs, and return what isn't in a file."""
    house = make_house(site, clock, "owner", "otto@house.example").account_id
    browser = let_in(site, clock, site.test_client(), house, strong=True)
    owner = Somebody(site, browser, house)
    canary = Canary(site, clock, owner)
    found = {"unseeded": unseeded(canary)}
    let_in(site, clock, canary.client, canary.account_id)
    keep(folder, "data.html", canary.client.get("/account/data"))
    order(site, canary.client)
    keep(folder, "data.zip", fetch(canary.client))
    for name, path in PAGES.items():
        keep(folder, name, owner.get(path))
    found["incident"] = stolen(site, clock, owner, canary, paths)
    found["outside"] = outside(site, canary, paths)
    found["goes"], found["goes restricted"] = handed_over(), handed_over(Purpose.ARRIVAL)

    clock.set(AFTER_THE_STAY)
    found["there"], found["opened"] = where(canary.left(instance)), canary.opens()
    erase(site, clock, canary)
    found["left"], found["readable"] = canary.left(instance), canary.facts_left()
    found["opened after"] = canary.opens()
    return found


def keep(folder, name, answer):
    """Keep what came back for the test to look at."""
    assert answer.status_code == 200, (name, answer.status_code, answer.text[:2000])
    (folder / name).write_bytes(answer.data)


def where(left):
    """Return the columns that something was found of."""
    return {one.partition(" in ")[0] for one in left}


def stolen(site, clock, owner, canary, paths):
    """Have the book and its keys stolen, and return the kinds listed of the canary, by table."""
    kinds = {}
    for table in sorted(path.partition(".")[0] for path in paths):
        answer = tell_what_happened(owner, clock, tables=[table], keys="y", master="y")
        assert answer.status_code == 303, answer.text
        people = listed(site)
        mine = [people[one] for one in canary.person_ids if one in people]
        kinds[table] = {kind for read, _ in mine for kind in read}
    return kinds


def outside(site, canary, paths):
    """Return the columns that a page of other purposes is refused."""
    refused = set()
    with site.app_context():
        for person_id, path, raw in canary.sealed:
            try:
                with unit(PAGE, FIGURES):
                    vault().open(person_id, path, raw)
            except OutsidePurpose:
                refused.add(path)
        guard().take()
    return refused & paths


def handed_over(*restricted):
    """Return what would go to a new controller, of who restricted some purposes."""
    return {field.path for one in tables_for(frozenset(restricted)) for field in one.columns}


def erase(site, clock, canary):
    """Tick the box, press the button, and let the worker do what is due."""
    let_in(site, clock, canary.client, canary.account_id)
    page = canary.client.get("/account/data/erase")
    typed = {"csrf_token": token_on(page), "sure": "y"}
    answer = canary.client.post("/account/data/erase", data=typed)
    assert answer.status_code == 303, answer.text
    work(site, clock)
    with site.app_context():
        [done] = db.session.scalars(sa.select(Erasure).order_by(Erasure.id.desc()).limit(1))
        assert done.state == DONE, (done.state, done.stage, done.runs_on)


if __name__ == "__main__":
    main(*sys.argv[1:])
