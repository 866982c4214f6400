"""Every act of the house is in a chain that tells what was changed, and shown in words (C19)."""

import ast
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.accounts.models import OWNER, STAFF
from app.cli import register_commands
from app.core import audit
from app.core.audit import AUDIT_GUARDS, ORIGIN, AuditEntry, TrailIsAppendOnly, digest_of, faults
from app.core.database import db
from app.owner import trail
from app.owner.trail_words import KINDS, VERBS, detail_words
from tests.owner.guests import book, details, stay
from tests.owner.house import words

APP = Path(__file__).parent.parent.parent / "app"
WRITERS = {"audit.enter": 2, "trail.record": 0, "record": 0, "note_act": 0}
"""What writes into the trail, and where its verb stands; its kind comes next."""


@pytest.fixture
def written(place, clock):
    """The site with five entries in its trail."""
    with place.app_context():
        for number in range(1, 6):
            audit.enter(
                7, STAFF, "person.ended", "account", number, now=clock.move(timedelta(hours=1))
            )
        db.session.commit()
    return place


def ways_past_the_guards():
    """Take the guards away, as whoever owns the database can."""
    dialect = db.engine.dialect.name
    for statement in AUDIT_GUARDS[dialect]:
        kind, name = re.match(r"CREATE (TRIGGER|FUNCTION) (\w+)", statement).groups()
        if kind == "TRIGGER":
            on = " ON audit_entry" if dialect == "postgresql" else ""
            db.session.execute(sa.text(f"DROP TRIGGER {name}{on}"))


def verify(app, *more):
    register_commands(app)
    return app.test_cli_runner().invoke(args=["system", "trail", "verify", *more])


# -- Words ----------------------------------------------------------------------------------


def texts(node, known):
    """Return the texts that an argument can be."""
    found = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    if names & set(known):  # of a table or a function, what it may give and not what it is asked
        found = set().union(*(known[name] for name in names if name in known))
    return {text for text in found if isinstance(text, str)}


def told(node):
    """Return the texts that a value can be: of a table its values, of a choice both sides."""
    if isinstance(node, ast.Dict):
        return set().union(*map(told, node.values)) if node.values else set()
    if isinstance(node, ast.IfExp):
        return told(node.body) | told(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) else set()


def constants(tree):
    """Return what a module's names stand for: texts, values of tables, what functions return."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            values = getattr(node.value, "elts", [])
            pairs = zip(node.targets[0].elts, values, strict=False)
            found |= {name.id: told(value) for name, value in pairs if isinstance(name, ast.Name)}
        elif isinstance(node, ast.Assign):
            found |= {one.id: told(node.value) for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            returned = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
            found[node.name] = set().union(*(told(one) for one in returned if one))
    return {name: texts for name, texts in found.items() if texts}


def imports_trail(tree):
    """Whether `record` is the trail's in a module."""
    froms = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return any(
        node.module == "app.owner.trail" and "record" in {one.name for one in node.names}
        for node in froms
    )


def handing_on(tree):
    """Yield (name, place of the verb, call) of each function that writes a verb it was given."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            given = [one.arg for one in function.args.posonlyargs + function.args.args]
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call.func) in WRITERS:
                    verb = call.args[WRITERS[ast.unparse(call.func)]]
                    if isinstance(verb, ast.Name) and verb.id in given:
                        yield function.name, given.index(verb.id), call


def acts():
    """Yield (file and line, verbs, kinds) for each place in the code that writes an entry."""
    trees = {path: ast.parse(path.read_text()) for path in sorted(APP.rglob("*.py"))}
    everywhere = {}
    for tree in trees.values():
        everywhere |= constants(tree)
    for path, tree in trees.items():
        if path.name == "trail.py":
            continue  # hands on what it is given
        known = {**everywhere, **constants(tree)}
        between = {name: (at, call) for name, at, call in handing_on(tree)}
        handed = {id(call) for _, call in between.values()}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or id(node) in handed:
                continue
            name, here = ast.unparse(node.func), f"{path.relative_to(APP)}:{node.lineno}"
            if name in between:  # what it hands on is said where it is called
                at, call = between[name]
                kind = call.args[WRITERS[ast.unparse(call.func)] + 1]
                yield here, texts(node.args[at], known), texts(kind, known)
            elif name in WRITERS and (name != "record" or imports_trail(tree)):
                at = WRITERS[name]
                yield here, texts(node.args[at], known), texts(node.args[at + 1], known)


@pytest.mark.clause("C19")
def test_every_verb_that_is_written_anywhere_has_words():
    found = list(acts())

    assert len(found) >= 10
    wordless = [(here, verbs - set(VERBS)) for here, verbs, _ in found if verbs - set(VERBS)]
    unknown = [(here, kinds - set(KINDS)) for here, _, kinds in found if kinds - set(KINDS)]
    assert wordless == []
    assert unknown == []
    assert [here for here, verbs, kinds in found if not verbs or not kinds] == []
    assert max(map(len, VERBS)) <= 40
    assert max(map(len, KINDS)) <= 20


@pytest.mark.clause("C19")
def test_values_of_an_entry_are_put_into_words(context, clock):
    entry = AuditEntry(
        detail={"amount": 12050, "currency": "EUR", "because": "goodwill", "first": "2031-05-06"}
    )
    with context.test_request_context():
        found = dict(detail_words(entry))

    assert found["amount"] == "€120.50"
    assert found["reason"].startswith("Goodwill")
    assert "6 May 2031" in found["from"]


@pytest.mark.clause("C19")
def test_what_was_opened_of_a_guest_and_what_for_is_put_into_words(context):
    one = AuditEntry(detail={"detail": "phone", "purpose": "lost"})
    many = AuditEntry(detail={"columns": ["name", "email"], "purpose": "authority"})
    with context.test_request_context():
        opened, exported = dict(detail_words(one)), dict(detail_words(many))

    assert opened == {
        "detail": "Telephone",
        "purpose": "because something was lost or found",
    }
    assert exported["details"] == "name, E-mail"
    assert exported["purpose"] == "because an authority asked for it"


# -- The page -------------------------------------------------------------------------------


@pytest.mark.clause("C19")
def test_what_an_owner_does_stands_on_the_page_in_words(enters, clock):
    owner, staff = enters(OWNER), enters(STAFF, "sam@house.example")
    answer = owner.post(f"/owner/people/{staff.account_id}/end")

    page = words(owner.get("/owner/trail"))

    assert answer.status_code == 303
    assert "Ended somebody’s access" in page
    assert f"somebody of the house, no. {staff.account_id}" in page
    assert "you" in page
    assert "sam@house.example" not in page


@pytest.mark.clause("C19")
def test_an_act_that_did_not_happen_leaves_no_entry(enters):
    owner = enters(OWNER)
    owner.post(f"/owner/people/{owner.account_id}/end")

    with owner.app.app_context():
        assert audit.head() == (0, ORIGIN)


@pytest.mark.clause("C19")
def test_a_reservation_is_named_by_its_reference_and_led_to(place, enters, clock):
    staff, owner = enters(STAFF, "sam@house.example"), enters(OWNER)
    with place.app_context():
        ada = details("Ada Lovelace", "ada@example.org")
        reference = book(
            stay("reed-room", clock().date(), clock().date() + timedelta(days=2)),
            now=clock(),
            who=ada,
        )
    staff.post(f"/owner/reservations/{reference}/link")

    page = owner.get("/owner/trail")

    assert f'/owner/reservations/{reference}"' in page.text
    assert "Ended the guest’s link and made a new one" in words(page)
    with place.app_context():
        [entry] = db.session.scalars(sa.select(AuditEntry))
        assert (entry.actor_id, entry.role) == (staff.account_id, STAFF)
        assert "Ada" not in json.dumps(entry.detail)


@pytest.mark.clause("C19")
def test_entries_are_paged_newest_first_and_filtered(written, enters, clock, monkeypatch):
    monkeypatch.setattr(trail, "PER_PAGE", 2)
    owner = enters(OWNER)

    def numbers(query=""):
        page = owner.get(f"/owner/trail{query}")
        return [int(n) for n in re.findall(r'<tr><td class="num">(\d+)</td>', page.text)]

    assert numbers() == [5, 4]
    assert numbers("?page=3") == [1]
    assert numbers("?verb=person.ended&kind=account&day=2031-05-05&page=2") == [3, 2]
    assert numbers("?verb=person.role") == []
    assert numbers("?day=2031-05-04") == []
    ends = ("day=0001-01-01", "day=9999-12-31")
    for wrong in ("verb=nothing", "kind=nothing", "day=today", *ends, "page=0", "page=x"):
        assert owner.get(f"/owner/trail?{wrong}").status_code == 404


@pytest.mark.clause("C19")
def test_a_day_is_one_by_the_clock_of_the_place(place, clock, enters):
    owner = enters(OWNER)
    with place.app_context():
        # Half past midnight on the 6th at the place, still the 5th by UTC.
        late = clock().replace(hour=22, minute=30)
        audit.enter(7, STAFF, "person.ended", "account", 1, now=late)
        db.session.commit()

    assert "Ended somebody" in owner.get("/owner/trail?day=2031-05-06").text.split("<table>")[-1]
    assert "No entry was found." in words(owner.get("/owner/trail?day=2031-05-05"))


def test_the_page_asks_as_little_for_many_entries_as_for_none(written, enters, count_queries):
    owner = enters(OWNER)
    owner.get("/owner/trail")  # which reads once what is on offer

    with count_queries() as few:
        assert owner.get("/owner/trail?verb=person.role").status_code == 200
    with count_queries() as many:
        assert owner.get("/owner/trail").status_code == 200

    assert len(many) == len(few) <= 8


# -- The chain ------------------------------------------------------------------------------


@pytest.mark.clause("C19")
@pytest.mark.both_databases
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET subject = 9", "DELETE FROM audit_entry"]
)
def test_no_program_can_change_the_trail(written, statement):
    with written.app_context():
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            db.session.execute(sa.text(statement))
        db.session.rollback()

        assert list(faults()) == []
        assert set(AUDIT_GUARDS) == {"sqlite", "postgresql"}


@pytest.mark.clause("C19")
def test_a_program_of_ours_is_refused_before_it_asks_the_database(written):
    with written.app_context():
        db.session.get(AuditEntry, 1).subject = 9
        with pytest.raises(TrailIsAppendOnly):
            db.session.commit()


@pytest.mark.clause("C19")
@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE audit_entry SET subject = 9 WHERE position = 3", (3, "was changed")),
        ("UPDATE audit_entry SET actor_id = 9 WHERE position = 2", (2, "was changed")),
        ("DELETE FROM audit_entry WHERE position = 4", (4, "is missing")),
        ("DELETE FROM audit_entry WHERE position = 1", (1, "is missing")),
    ],
)
def test_whoever_gets_past_the_guards_is_noticed_by_position(written, enters, statement, expected):
    with written.app_context():
        ways_past_the_guards()
        db.session.execute(sa.text(statement))
        db.session.commit()
        assert next(faults()) == expected

    page = words(enters(OWNER).get("/owner/trail/proof"))
    command = verify(written)

    assert f"Entry {expected[0]} {expected[1]}." in page
    assert command.exit_code == 1
    assert f"entry {expected[0]} {expected[1]}" in command.output


@pytest.mark.clause("C19")
def test_an_entry_forged_with_a_digest_of_its_own_breaks_the_next_one(written):
    with written.app_context():
        ways_past_the_guards()
        row = db.session.execute(sa.select(AuditEntry.__table__).where(AuditEntry.position == 2))
        forged = {**row.mappings().one(), "subject": 9}
        forged["digest"] = digest_of(forged)
        db.session.execute(
            sa.update(AuditEntry.__table__).where(AuditEntry.position == 2).values(**forged)
        )
        db.session.commit()

        assert list(faults()) == [(3, "was changed")]


@pytest.mark.clause("C19")
def test_a_sound_chain_is_said_to_be_with_its_head(written, enters):
    with written.app_context():
        position, digest = audit.head()

    page = words(enters(OWNER).get("/owner/trail/proof"))
    command = verify(written)

    assert "The chain is sound: 5 entries, each as it was written." in page
    assert f"{position}:{digest}" in page
    assert command.exit_code == 0
    assert f"Head: {position}:{digest}" in command.output


@pytest.mark.clause("C19")
def test_entries_cut_off_at_the_end_are_noticed_by_a_head_that_was_kept(written):
    with written.app_context():
        kept = "{}:{}".format(*audit.head())
        sound = verify(written, "--head", kept)
        ways_past_the_guards()
        db.session.execute(sa.text("DELETE FROM audit_entry WHERE position = 5"))
        db.session.commit()

        assert list(faults()) == []

    assert sound.exit_code == 0
    assert verify(written).exit_code == 0
    assert verify(written, "--head", kept).exit_code == 1
    assert verify(written, "--head", "nonsense").exit_code == 2


@pytest.mark.clause("C19")
def test_a_command_that_makes_an_owner_is_in_the_trail(place):
    register_commands(place)
    runner = place.test_cli_runner()
    runner.invoke(args=["owner", "link"])
    made = runner.invoke(
        args=["owner", "create", "--email", "eva@house.example", "--name", "Eva Example"]
    )

    assert made.exit_code == 0, made.output
    with place.app_context():
        found = list(db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.position)))
        assert [(one.role, one.verb) for one in found] == [
            ("command", "owner.link"),
            ("command", "owner.created"),
        ]
        assert "eva" not in json.dumps([one.detail for one in found])
