"""Nobody can change what a visitor chose without being found out by a receipt or a head (C09)."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
from dateutil.relativedelta import relativedelta
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import create_app
from app.consent import chain
from app.consent.canonical import canonical, digest_of
from app.consent.chain import ORIGIN, Link, link_digest
from app.consent.models import Entry, Head, NoticeText
from app.core.database import db, table
from app.core.sweeps import named
from tests.conftest import MORNING, _let_go
from tests.consent.answers import A_DAY, decided

pytestmark = pytest.mark.clause("C09")

LENGTH = 7
ENTRIES = table(Entry)
TERM = relativedelta(years=3, months=6)


def fill(length=LENGTH, *, now=MORNING):
    """Append entries a minute apart, and return their links."""
    links = [
        chain.append({"record_id": f"r{n}", "said": n}, now=now + timedelta(minutes=n))
        for n in range(length)
    ]
    db.session.commit()
    return links


def findings(*witnesses, now=MORNING + A_DAY):
    return list(chain.verify(witnesses, now=now))


def unguard():
    """Take away the database's own refusal, as whoever holds it can."""
    if db.engine.dialect.name == "sqlite":
        names = ("no_delete", "no_update", "at_the_end")
        statements = [f"DROP TRIGGER consent_entry_{name}" for name in names]
    else:
        names = ("append_only", "no_truncate")
        statements = [f"DROP TRIGGER consent_entry_{name} ON consent_entry" for name in names]
    for statement in statements:
        db.session.execute(sa.text(statement))
    db.session.commit()


# -- A whole chain ------------------------------------------------------------------------


@pytest.mark.both_databases
def test_an_honest_chain_is_proven(context):
    assert findings() == []

    links = fill()

    assert [link.position for link in links] == list(range(1, LENGTH + 1))
    assert findings(*links) == []


def test_each_entry_covers_the_one_before_it(context):
    fill()

    rows = db.session.scalars(sa.select(Entry).order_by(Entry.position)).all()

    assert [row.previous for row in rows] == [ORIGIN, *(row.digest for row in rows[:-1])]
    for row in rows:
        assert row.body_digest == digest_of(row.body)
        assert row.digest == link_digest(row.position, row.at, row.body_digest, row.previous)


# -- Tampering ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """An entry in a tamperer's hands."""

    at: object
    body: str | None
    body_digest: str
    previous: str
    digest: str


def read():
    rows = db.session.execute(sa.select(ENTRIES).order_by(ENTRIES.c.position))
    return [(r.position, Row(r.at, r.body, r.body_digest, r.previous, r.digest)) for r in rows]


def write(rows):
    db.session.execute(sa.delete(Entry))
    for position, row in rows:
        db.session.execute(sa.insert(ENTRIES).values(position=position, **vars(row)))


def rehashed(rows):
    """Return the rows as somebody clever would leave them: every digest made anew."""
    done, previous = [], ORIGIN
    for position, (_, row) in enumerate(rows, start=1):
        body_digest = digest_of(row.body) if row.body is not None else row.body_digest
        digest = link_digest(position, row.at, body_digest, previous)
        done.append(
            (position, replace(row, body_digest=body_digest, previous=previous, digest=digest))
        )
        previous = digest
    return done


def forged(n=0):
    body = canonical({"record_id": "forged", "said": n})
    return Row(MORNING, body, digest_of(body), "1" * 64, f"{n:064x}")


def edit(rows, i, data):
    position, row = rows[i]
    field = data.draw(st.sampled_from(["body", "body_digest", "previous", "digest", "at", "gone"]))
    values = {
        "body": canonical({"record_id": "r", "said": data.draw(st.integers(100, 200))}),
        "at": MORNING + timedelta(days=data.draw(st.integers(-400, -1))),
    }
    number = data.draw(st.integers(0, 9))
    values |= dict.fromkeys(("body_digest", "previous", "digest"), f"{number:064d}")
    change = {"body": None} if field == "gone" else {field: values[field]}
    if field == "body" and data.draw(st.booleans()):
        change["body_digest"] = digest_of(values["body"])
        change["digest"] = link_digest(position, row.at, change["body_digest"], row.previous)
    return [*rows[:i], (position, replace(row, **change)), *rows[i + 1 :]]


def swap(rows, i, data):
    j = data.draw(st.sampled_from([n for n in range(len(rows)) if n != i]))
    changed = list(rows)
    changed[i], changed[j] = (rows[i][0], rows[j][1]), (rows[j][0], rows[i][1])
    return changed


def delete(rows, i, data):
    left = rows[:i] + rows[i + 1 :]
    if data.draw(st.booleans()):
        return left
    return [(n, row) for n, (_, row) in enumerate(left, start=1)]


def insert(rows, i, data):
    more = [*rows[:i], (0, forged(data.draw(st.integers(0, 9)))), *rows[i:]]
    return [(n, row) for n, (_, row) in enumerate(more, start=1)]


def cut_off(rows, i, data):
    return rows[:i]


def cut_off_and_go_on(rows, i, data):
    return [*rows[:i], *((n + 1, forged(n)) for n in range(i, len(rows)))]


def rewrite(rows, i, data):
    return [*rows[:i], *((n, replace(forged(n), at=row.at)) for n, row in rows[i:])]


WAYS = (edit, swap, delete, insert, cut_off, cut_off_and_go_on, rewrite)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.both_databases
def test_whatever_is_changed_before_a_witness_is_found(context, way, data):
    if not read():
        fill()
        unguard()
    honest = read()
    seen = data.draw(st.integers(0, LENGTH - 1), label="what a witness saw")
    where = data.draw(st.integers(0, seen), label="where it was changed")

    changed = way(honest, where, data)
    if data.draw(st.booleans(), label="made anew"):
        changed = rehashed(changed)
    write(changed)
    found = findings(Link(seen + 1, honest[seen][1].digest))
    db.session.rollback()

    assert found or changed == honest
    assert findings(Link(seen + 1, honest[seen][1].digest)) == []


@pytest.mark.parametrize("way", [edit, swap, delete, insert])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_who_does_not_make_it_anew_is_found_without_any_witness(context, way, data):
    if not read():
        fill()
        unguard()
    honest = read()
    changed = way(honest, data.draw(st.integers(0, LENGTH - 2)), data)

    write(changed)
    found = findings()
    db.session.rollback()

    assert found or changed == honest


def test_a_chain_made_anew_as_a_whole_is_found_by_a_receipt_and_by_a_head_alone(context):
    links = fill()
    unguard()
    honest = read()

    write(rehashed([(n, forged(n)) for n, _ in honest]))

    assert findings() == []
    assert [f.what for f in findings(links[2])] == ["isn't what a witness has seen here"]
    db.session.execute(
        sa.insert(Head).values(day=MORNING.date(), position=LENGTH, digest=links[-1].digest)
    )
    assert [f.position for f in findings()] == [LENGTH]


def test_what_was_cut_off_is_named(context):
    links = fill()
    unguard()

    db.session.execute(sa.delete(Entry).where(Entry.position > 4))

    assert findings() == []
    assert [(f.position, f.what) for f in findings(links[-1])] == [
        (LENGTH, "cut off: the chain ends at 4")
    ]


def test_two_witnesses_who_contradict_each_other_are_named(context):
    links = fill()

    assert findings(links[3], Link(4, "f" * 64)) != []


def test_an_edited_or_lost_question_is_found(context, clock):
    decided(clock(), statistics=True)
    whole = findings()

    db.session.execute(sa.update(NoticeText).values(text=NoticeText.text + " "))
    edited = findings()
    db.session.execute(sa.delete(NoticeText))
    lost = findings()

    assert whole == []
    assert [f.what for f in edited + lost] == [
        "the words of its question were edited, or are gone"
    ] * 2


# -- The database's own refusal ---------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM consent_entry WHERE position = 3",
        "DELETE FROM consent_entry",
        "UPDATE consent_entry SET body = '{}' WHERE position = 3",
        "UPDATE consent_entry SET body = body",
        "UPDATE consent_entry SET digest = 'x' WHERE position = 3",
        "UPDATE consent_entry SET body = NULL, digest = 'x' WHERE position = 3",
        "UPDATE consent_entry SET position = 99 WHERE position = 7",
        "INSERT INTO consent_entry SELECT 99, {copied}",
        "INSERT INTO consent_entry SELECT 8, {copied}",
        "{replace}",
    ],
)
def test_the_database_lets_no_program_change_an_entry(context, statement):
    fill()
    sqlite = db.engine.dialect.name == "sqlite"
    replacing = (
        "REPLACE INTO consent_entry SELECT position, at, '{}', body_digest, previous, digest "
        "FROM consent_entry WHERE position = 3"
    )
    text = statement.replace("{replace}", replacing if sqlite else "TRUNCATE consent_entry")
    copied = "at, body, body_digest, previous, 'x' FROM consent_entry WHERE position = 3"
    text = text.replace("{copied}", copied)

    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        db.session.execute(sa.text(text))
    db.session.rollback()

    assert len(read()) == LENGTH
    assert findings() == []


# -- Words that go ----------------------------------------------------------------------------


@pytest.mark.clause("C12")
@pytest.mark.both_databases
def test_words_go_after_their_term_and_the_chain_still_holds(context):
    links = fill(3)
    fill(2, now=MORNING + relativedelta(years=1))
    term = MORNING + TERM + timedelta(minutes=3)

    words = named("receipts")
    early = words.carry_out(MORNING + TERM - timedelta(seconds=1))
    forgotten = words.carry_out(term)

    assert (early, forgotten) == (0, 3)
    assert [row.body is None for _, row in read()] == [True, True, True, False, False]
    assert findings(*links, now=term) == []
    assert words.carry_out(term) == 0


def test_words_that_went_before_their_term_are_found(context):
    fill(3)

    db.session.execute(sa.update(Entry).where(Entry.position == 2).values(body=None))

    assert [(f.position, f.what) for f in findings()] == [
        (2, "its words are gone before their term")
    ]


# -- Published heads --------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_head_is_published_once_a_day_and_only_where_there_is_news(context):
    nothing = chain.publish_head(now=MORNING)
    fill(2)
    first = chain.publish_head(now=MORNING)
    fill(1, now=MORNING + timedelta(hours=1))
    again = chain.publish_head(now=MORNING + timedelta(hours=2))
    next_day = chain.publish_head(now=MORNING + A_DAY)
    quiet = chain.publish_head(now=MORNING + 2 * A_DAY)
    db.session.commit()

    assert (nothing, first, again, next_day, quiet) == (False, True, False, True, False)
    assert [(h.day, h.position) for h in chain.heads()] == [
        ((MORNING + A_DAY).date(), 3),
        (MORNING.date(), 2),
    ]
    assert findings() == []


# -- At once ----------------------------------------------------------------------------------


def at_once(settings, clock, many, work):
    """Do work in as many threads, each with an app and connections of its own."""
    apps = [create_app(settings, clock=clock) for _ in range(many)]
    barrier = Barrier(many, timeout=30)

    def start(number):
        with apps[number].app_context():
            barrier.wait()
            return work(number)

    try:
        with ThreadPoolExecutor(many) as pool:
            return list(pool.map(start, range(many)))
    finally:
        for app in apps:
            _let_go(app)


@pytest.mark.both_databases
def test_many_who_append_at_once_make_one_unbroken_chain(app, settings, clock):
    def append(number):
        for turn in range(6):
            chain.append({"record_id": f"{number}-{turn}"}, now=clock())
            db.session.commit()

    at_once(settings, clock, 6, append)

    with app.app_context():
        rows = read()
        assert [position for position, _ in rows] == list(range(1, 37))
        assert len({json.loads(row.body)["record_id"] for _, row in rows}) == 36
        assert findings() == []


@pytest.mark.both_databases
def test_two_workers_at_midnight_publish_one_head(app, settings, clock):
    with app.app_context():
        fill(3)

    def publish(_number):
        done = chain.publish_head(now=clock())
        db.session.commit()
        return done

    assert sorted(at_once(settings, clock, 4, publish)) == [False, False, False, True]


# -- One spelling -----------------------------------------------------------------------------


def test_a_value_has_one_spelling():
    assert canonical({"b": [1, True, None], "a": "é\n"}) == '{"a":"é\\n","b":[1,true,null]}'
    for value in (1.0, {"a": [float("nan")]}, {1: 1}, {"é": 1}, {"a": {True: 1}}):
        with pytest.raises(TypeError):
            canonical(value)
