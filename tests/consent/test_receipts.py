"""Each answer has a receipt that says what was shown, chosen, how and when, and proves it (C09)."""

import copy
import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from app.consent import chain, notice
from app.consent.canonical import canonical, digest_of
from app.consent.chain import Link
from app.consent.choices import Choice
from app.consent.cli import consent_cli
from app.consent.models import Entry
from app.consent.receipts import SCHEMA_OF_RECEIPTS, ReceiptUnsound, receipt, record, witnesses_in
from app.consent.register import inventory
from app.core.database import db
from app.core.languages import LANGUAGES
from app.core.sweeps import named
from app.web.cookies import OPTIONAL
from tests.conftest import MORNING
from tests.consent.answers import A_DAY, GPC, answer, records
from tests.consent.test_chain import fill, read, rehashed, unguard, write

pytestmark = pytest.mark.clause("C09")

STRICT = Draft202012Validator(SCHEMA_OF_RECEIPTS, format_checker=FormatChecker())
CANARIES = {
    "User-Agent": "CanaryBrowser/77.7 (Kanarienvogel)",
    "Referer": "http://localhost/search?canary=kanarienvogel",
    "X-Forwarded-For": "198.51.100.77",
    "Accept-Language": "de-KANARIEN,de;q=0.9",
}


def taken_along(client):
    """Return the receipt that a browser downloads."""
    page = client.get("/cookies/receipt")
    assert page.status_code == 200
    return json.loads(page.text)


# -- What is in it ----------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize("how", ["banner", "page", "footer"])
@pytest.mark.parametrize("choice", ["accept", "refuse", "custom"])
def test_every_receipt_keeps_to_the_schema(place, how, choice):
    client = place.test_client()

    answer(client, choice, **{"from": how, "statistics": "on"})
    made = taken_along(client)

    STRICT.validate(made)
    event = made["receipt"]["record"]["event"]
    assert (event["expressed_by"], event["signal"], event["over_signal"]) == (how, "", False)
    assert event["at"] == "2031-05-05T08:00:00Z"
    assert event["until"] == "2031-11-05T08:00:00Z"


@pytest.mark.clause("C10")
@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
def test_a_refusal_by_signal_and_a_yes_over_it_keep_to_the_schema(place, header):
    client = place.test_client()
    answer(client, "accept")

    client.get("/", headers={header: "1"})
    ended = taken_along(client)
    answer(client, "accept", headers={header: "1"})
    over = taken_along(client)

    STRICT.validate(ended)
    STRICT.validate(over)
    told = [made["receipt"]["record"]["event"] for made in (ended, over)]
    assert [(e["expressed_by"], e["signal"], e["over_signal"], e["state"]) for e in told] == [
        ("signal", header, False, "refused"),
        ("page", header, True, "given"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_what_was_shown_in_the_words_that_were_shown(place, language):
    client = place.test_client()

    client.post(f"/cookies?lang={language}", data={"choice": "custom", "suggestions": "on"})
    said = taken_along(client)["receipt"]["record"]

    STRICT.validate(taken_along(client))
    with place.app_context():
        kept = notice.find(said["notice"]["digest"])
        shown = notice.from_text(json.loads(kept.text))
    assert digest_of(kept.text) == shown.digest == said["notice"]["digest"]
    assert said["notice"]["language"] == shown.language == language
    assert {one["process"]: one["state"] for one in said["processing"]} == {
        "preferences": "refused",
        "statistics": "refused",
        "suggestions": "given",
    }
    for one, category in zip(said["processing"], OPTIONAL, strict=True):
        part = shown.part(category)
        assert one["purposes"] == list(part.purposes)
        assert one["personal_data"] == list(part.data)
        assert one["stored_items"] == [item.name for item in part.items]
        assert one["inventory"] == part.inventory


def test_the_schema_asks_for_every_field_of_the_standard():
    """ISO/IEC TS 27560, by its published profile."""
    own = SCHEMA_OF_RECEIPTS["properties"]["receipt"]
    said = own["properties"]["record"]
    process = said["properties"]["processing"]["items"]
    event = said["properties"]["event"]

    assert {"receipt_id", "version", "record_id", "record", "created_at"} <= set(own["required"])
    assert {
        "schema_version", "record_id", "pii_principal_id", "notice", "processing", "controller",
        "recipients", "withdrawal", "jurisdiction", "rights", "event",
    } <= set(said["required"])  # fmt: skip
    assert {
        "process", "purposes", "personal_data", "storage", "recipients", "consent_type", "state",
    } <= set(process["required"])  # fmt: skip
    assert {"state", "at", "duration", "expressed_by"} <= set(event["required"])
    assert {"name", "id", "role", "contact"} <= set(said["properties"]["controller"]["required"])
    assert {"language", "digest"} <= set(said["properties"]["notice"]["required"])


def objects_in(schema):
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects_in(inner)


def test_the_schema_is_sound_and_lets_nothing_else_in():
    Draft202012Validator.check_schema(SCHEMA_OF_RECEIPTS)

    found = list(objects_in(SCHEMA_OF_RECEIPTS))

    assert len(found) > 8
    assert all(one["additionalProperties"] is False for one in found)
    assert all(sorted(one["required"]) == sorted(one["properties"]) for one in found)


@pytest.mark.parametrize("field", ["address", "user_agent", "ip"])
def test_a_receipt_with_more_in_it_is_none(place, field):
    client = place.test_client()
    answer(client, "refuse")
    made = taken_along(client)
    event = copy.deepcopy(made)
    event["receipt"]["record"]["event"][field] = "198.51.100.77"

    with pytest.raises(ValidationError):
        STRICT.validate(event)
    with pytest.raises(ValidationError):
        STRICT.validate({**made, field: "198.51.100.77"})


def test_the_site_hands_out_the_schema(client):
    page = client.get("/cookies/receipt.schema.json")

    assert page.mimetype == "application/schema+json"
    assert json.loads(page.text) == SCHEMA_OF_RECEIPTS


@pytest.mark.parametrize("signal", [{}, GPC])
@pytest.mark.parametrize("choice", ["accept", "refuse"])
def test_no_address_and_no_browser_is_in_it_or_anywhere_in_the_books(
    place, instance, choice, signal
):
    client = place.test_client()
    client.environ_base["REMOTE_ADDR"] = "198.51.100.78"

    answer(client, choice, headers={**CANARIES, **signal, "Sec-Fetch-Site": "same-origin"})
    client.get("/", headers={**CANARIES, **GPC})

    taken = json.dumps(taken_along(client))
    stored = b"".join(file.read_bytes() for file in instance.glob("*.db*"))
    assert b"the holder of receipt" in stored
    for trace in ("CanaryBrowser", "anarienvogel", "198.51.100", "KANARIEN"):
        assert trace not in taken
        assert trace.encode() not in stored


def test_without_an_answer_there_is_no_receipt(place):
    assert place.test_client().get("/cookies/receipt").status_code == 404


def test_nobody_gets_the_receipt_of_another(place):
    one, other = place.test_client(), place.test_client()
    answer(one, "accept")
    answer(other, "refuse")

    first, second = (taken_along(client)["receipt"] for client in (one, other))

    assert first["receipt_id"] != second["receipt_id"]
    assert first["record"]["event"]["state"] == "given"
    assert second["record"]["event"]["state"] == "refused"


def test_a_yes_to_something_else_is_not_recorded_as_one_to_this(place):
    with place.test_request_context():
        said = dict.fromkeys(OPTIONAL, "0" * 8) | {OPTIONAL[0]: inventory(OPTIONAL[0])}
        made = record(
            Choice("r" * 22, MORNING, said),
            notice.present(),
            how="page",
            signal="",
            site_url="http://localhost",
            site_name="Haus",
        )

    assert [one["state"] for one in made["processing"]] == ["given", "refused", "refused"]


# -- What it proves ---------------------------------------------------------------------------


def receipts_of_a_chain(length=5):
    """Fill a chain and return the receipt of each entry."""
    fill(length)
    rows = db.session.query(Entry).order_by(Entry.position).all()
    return [
        receipt(row, json.loads(row.body), site_url="http://localhost", now=MORNING) for row in rows
    ]


def test_a_sound_receipt_has_seen_its_entry_and_the_one_before(context):
    made = receipts_of_a_chain()
    links = [Link(position, row.digest) for position, row in read()]

    assert list(witnesses_in(made[0])) == [links[0]]
    assert list(witnesses_in(made[3])) == [links[3], links[2]]


def paths(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    else:
        yield path


@given(data=st.data())
def test_an_edited_receipt_is_no_witness(data):
    body = {"record_id": "r", "event": {"state": "given"}}
    body_digest = digest_of(canonical(body))
    at = {"at": MORNING, "position": 2, "previous": "1" * 64, "body_digest": body_digest}
    digest = chain.link_digest(2, MORNING, body_digest, at["previous"])
    made = receipt(Entry(**at, digest=digest), body, site_url="http://localhost", now=MORNING)
    assert len(list(witnesses_in(made))) == 2
    proven = [p for p in paths(made) if p[:2] == ("receipt", "record") or p[0] == "chain"]
    path = data.draw(st.sampled_from([p for p in proven if p[-1] != "heads"]))

    *way, last = path
    inner = made
    for key in way:
        inner = inner[key]
    inner[last] = data.draw(
        st.sampled_from([None, 3, "x", "2031-05-05T08:00:01Z", "f" * 64, [], {}, 0.5])
    )

    with pytest.raises(ReceiptUnsound):
        list(witnesses_in(made))


@pytest.mark.parametrize("made", [None, 3, "x", [], {}, {"receipt": {}}, {"receipt": 1}])
def test_what_is_no_receipt_is_no_witness(made):
    with pytest.raises(ReceiptUnsound):
        list(witnesses_in(made))


# -- The command ------------------------------------------------------------------------------


@pytest.fixture
def command(app):
    """Run a command of operators as they do."""

    def command(*words):
        return app.test_cli_runner().invoke(consent_cli, [str(word) for word in words])

    return command


@pytest.fixture
def filed(app, tmp_path):
    """A chain of five entries, and the files of their receipts."""
    with app.app_context():
        files = []
        for number, made in enumerate(receipts_of_a_chain(), start=1):
            files.append(tmp_path / f"receipt-{number}.json")
            files[-1].write_text(json.dumps(made))
        chain.publish_head(now=MORNING)
        db.session.commit()
        return files


def test_an_untouched_chain_is_said_to_be_one(command, filed):
    head = command("heads").output.strip()

    done = command("verify", "--receipt", filed[1], "--head", head)

    assert done.exit_code == 0
    assert done.output == f"5 entries, ends at {head}; 2 heads and 1 receipt agree.\n"


def test_an_empty_chain_is_no_fault(command):
    done = command("verify")

    assert (done.exit_code, command("heads").output) == (0, "The chain is empty.\n")
    assert done.output == "0 entries, nothing to prove; 0 heads and 0 receipts agree.\n"


def test_a_chain_made_anew_is_found_by_a_visitors_receipt(app, command, filed):
    with app.app_context():
        unguard()
        rows = read()
        rows[1] = (2, type(rows[1][1])(**{**vars(rows[1][1]), "body": '{"said":"yes"}'}))
        write(rehashed(rows))
        db.session.execute(db.text("DELETE FROM consent_head"))
        db.session.commit()

    alone, with_receipt = command("verify"), command("verify", "--receipt", filed[3])
    told = json.loads(command("verify", "--json", "--receipt", filed[3]).output)

    assert alone.exit_code == 0
    assert with_receipt.exit_code == 1
    assert with_receipt.output.splitlines() == [
        "entry 3: isn't what a witness has seen here",
        "entry 4: isn't what a witness has seen here",
    ]
    assert [one["position"] for one in told["findings"]] == [3, 4]
    assert (told["entries"], told["receipts"], told["heads"]) == (5, 1, 0)


def test_an_edited_receipt_is_told_apart_from_an_edited_chain(command, filed):
    filed[2].write_text(filed[2].read_text().replace('"said": 2', '"said": 3'))

    done = command("verify", "--receipt", filed[2])

    assert done.exit_code == 1
    assert done.output.startswith("receipt-3.json: not a sound receipt:")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 90_000, b" " * 200_000])
def test_a_file_that_is_no_receipt_gets_a_message(command, tmp_path, content):
    file = tmp_path / "no.json"
    file.write_bytes(content)

    done = command("verify", "--receipt", file)

    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert "Traceback" not in done.output


@pytest.mark.parametrize("head", ["", "5", "x:y", "0:" + "a" * 64, "1:abc", "-1:" + "a" * 64])
def test_a_head_that_is_none_gets_a_message(command, head):
    done = command("verify", f"--head={head}")

    assert done.exit_code == 2
    assert "is no head" in done.output


def test_verifying_keeps_nobody_waiting_and_waits_for_nobody(command, filed, instance):
    with closing(sqlite3.connect(instance / "book.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        assert command("verify").exit_code == 0
        assert command("heads").exit_code == 0


def test_six_months_of_words_that_went_are_no_fault(app, command, filed, clock):
    clock.move(A_DAY * 365 * 4)
    with app.app_context():
        assert named("receipts").carry_out(clock()) == 5

    done = command("verify", "--receipt", filed[0])

    assert done.exit_code == 0
    assert records(app) == [None] * 5
