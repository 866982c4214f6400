"""Nothing outlives its date, nothing goes before the law lets it, and every page says so (C12)."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.accounts.models import Account, Claim, Person
from app.booking.models import Reservation, VenueRow
from app.core import outbox
from app.core.database import Base, KeysBase, db
from app.core.datamap import Retention, personal_columns
from app.core.languages import LANGUAGES, use_language
from app.core.sweeps import named, sweeps
from app.payments.models import Invoice, LedgerEntry, Payment
from app.policy.facts import facts
from app.privacy import purging, terms
from app.privacy.laws import LAWS, law_of
from app.privacy.retention import _UNTIL, RULES, until
from app.privacy.tables import person_tables
from tests.conftest import MORNING
from tests.payments.till import open_the_place
from tests.privacy import histories
from tests.privacy.histories import EVENTS

YEARS = 12


def rows():
    """Every row that is somebody's: (table, key) -> (the table, the row)."""
    persons = list(db.session.scalars(sa.select(Person.id)))
    found = {}
    for one in person_tables():
        for row in db.session.scalars(one.rows(persons)):
            found[one.name, sa.inspect(row).identity] = (one, row)
    return found


def promises(now):
    """Until when each row is kept, as its page says it."""
    return {key: until(one, row, now=now).day for key, (one, row) in rows().items()}


def purge(now):
    """Run the purge of a day, and what it left to the worker."""
    failed = [one for one in purging.purge(sweeps(), now=now) if one.failure]
    outbox.run_due(now=now)
    return failed


def legal_minimum(now):
    """What the law has the house keep on a day, and isn't there any more."""
    where = terms.place()
    today = where.day(now)
    missing = [
        f"invoice {paper.id}"
        for paper in db.session.scalars(sa.select(Invoice))
        if today < terms.paper_ends(paper, where) and paper._body is None
    ]
    oldest = terms.books_begin(now, where)
    query = sa.select(Payment.id).where(Payment.paid_at >= oldest, Payment.provider_ref.is_(None))
    return missing + list(db.session.scalars(query))


def live_through(events, gaps, start=MORNING):
    """Let a history happen, purge on some days, and look after each."""
    happening = sorted(events, key=lambda one: one[1])
    day, ledger = start, 0
    for gap in gaps:
        day += timedelta(days=gap)
        while happening and start + timedelta(days=happening[0][1]) < day:
            event, at, ahead = happening.pop(0)
            EVENTS[event](start + timedelta(days=at, hours=ahead % 24), ahead)
        db.session.commit()
        before = promises(day)
        of_accounts = {*db.session.scalars(sa.select(Account.person_id))} | {
            *db.session.scalars(sa.select(Claim.person_id))
        }
        ledger = db.session.scalar(sa.select(sa.func.count()).select_from(LedgerEntry))
        persons = {key[1][0] for key in before if key[0] == "person"}

        assert purge(day) == []

        after = promises(day)
        # A promise is a first whole day without it: it may go in the course of the one before.
        outlived = {key: until for key, until in after.items() if until and until <= day.date()}
        assert outlived == {}
        left = {key[1][0] for key in after if key[0] == "person"}
        early = {
            key[1][0]: before["person", key[1]]
            for key in before
            if key[0] == "person"
            and key[1][0] in persons - left - of_accounts
            and (before[key] is None or before[key] > day.date() + timedelta(days=1))
        }
        assert early == {}
        assert legal_minimum(day) == []
        assert db.session.scalar(sa.select(sa.func.count()).select_from(LedgerEntry)) == ledger


EVENT = st.tuples(
    st.integers(0, len(EVENTS) - 1), st.integers(0, 900), st.integers(min_value=0, max_value=120)
)
GAP = st.sampled_from([1, 2, 30, 31, 200, 365, 366, 1100])


@pytest.mark.clause("C12")
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=st.lists(EVENT, min_size=1, max_size=8), gaps=st.lists(GAP, min_size=2, max_size=6))
@example(events=[(0, 0, 20)], gaps=[30, 1, 1])
@example(
    events=[(kind, 10 * kind, 20) for kind in range(len(EVENTS))],
    gaps=[100, 31, 366, 366, 366, 1100, 366, 366, 1100],
)
def test_nothing_outlives_its_date_and_nothing_goes_before_it(
    app, sqlite_templates, instance, events, gaps
):
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
        for file in ("book.db", "keys.db"):
            (instance / f"{file}-wal").unlink(missing_ok=True)
            (instance / f"{file}-shm").unlink(missing_ok=True)
            shutil.copyfile(sqlite_templates / file, instance / file)
        open_the_place()

        live_through(events, gaps)


@pytest.mark.clause("C12")
@pytest.mark.both_databases
def test_a_history_of_everything_ends_as_it_should_on_both_databases(context):
    open_the_place()
    live_through(
        [(kind, 10 * kind, 20) for kind in range(len(EVENTS))], [100, 31, 366, 1100, 366, 1100]
    )


@pytest.mark.clause("C12")
def test_past_years_shrink_to_what_statistics_need(context, clock):
    open_the_place()
    made = histories.booking(clock(), 20)
    db.session.commit()
    reference, paper_end = made.reference, datetime(2040, 1, 2, tzinfo=UTC)

    purge(datetime(2035, 1, 2, tzinfo=UTC))
    shrunk = db.session.get(Reservation, made.id)
    paper = db.session.scalar(sa.select(Invoice))
    assert (shrunk.person_id, shrunk.reference) == (None, reference)
    assert "Canary" in paper.body
    purge(paper_end - timedelta(days=3))
    assert "Canary" in paper.body
    purge(paper_end)
    db.session.expire_all()

    assert shrunk.reference != reference
    assert (paper.body, paper.paper_id, paper.person_id) == (None, None, None)
    assert (paper.total_minor, shrunk.total_minor, shrunk.status) == (30_000, 30_000, "confirmed")
    assert [line.adults for line in shrunk.lines] == [2]
    [paid] = db.session.scalars(sa.select(Payment))
    assert (paid.provider_ref, paid._method_hint, paid.amount_minor) == (None, None, 30_000)


@pytest.mark.clause("C12")
def test_every_rule_of_the_data_map_is_told_with_the_numbers_that_it_runs_on(context):
    for country in (*LAWS, "ZZ"):
        law = law_of(country)
        for language in LANGUAGES:
            with use_language(language):
                said = [(rule.say(law), rule.why(law)) for rule in RULES.values()]
            assert all(words and ground and "%(" not in words for words, ground in said)

    assert set(RULES) == set(Retention)
    assert {one.name for one in person_tables()} == set(_UNTIL)
    assert all(not any(sign.isdigit() for sign in rule.words) for rule in RULES.values())


def test_every_rule_that_ends_by_a_date_has_a_sweep():
    kept_by_others = {Retention.ACCOUNT, Retention.PERSON}
    swept = {sweep.retention for sweep in sweeps()}

    assert {declared.retention for _, declared in _declared()} - kept_by_others <= swept


def _declared():
    return personal_columns(Base.metadata, KeysBase.metadata)


def test_the_texts_can_say_how_long():
    names = {
        "unpaid_kept",
        "inactive_after",
        "inactive_warning",
        "export_kept",
        "data_key_life",
        "rights_kept",
        "job_kept",
    }

    assert names <= set(facts())


@pytest.mark.clause("C12")
def test_the_page_tells_every_rule_and_what_the_last_purge_did(client, app, clock):
    with app.app_context():
        open_the_place()
        histories.nameless(clock() - timedelta(days=40), 1)
        db.session.commit()
        before = client.get("/privacy/retention").text
        purge(clock())
        law = terms.place().law
        rules = [rule.say(law) for rule in RULES.values()]

    page = client.get("/privacy/retention")

    assert page.status_code == 200
    assert "still to come" in before
    assert "5 May 2031" in page.text
    assert named("unpaid").words in page.text
    assert all(words.split("’")[0] in page.text for words in rules)


@pytest.mark.clause("C12")
def test_who_came_again_stays_whole_until_the_last_booking_is_over(context, clock):
    open_the_place()
    first = histories.booking(clock(), 20)
    again = histories.reservation(
        db.session.get(Person, first.person_id), "confirmed", now=clock(), ahead=800
    )
    db.session.commit()
    [table] = [one for one in person_tables() if one.name == "reservation"]
    promised = until(table, first, now=clock()).day

    purge(datetime(2036, 12, 31, tzinfo=UTC))
    whole = (first.person_id, again.person_id)
    purge(datetime(2037, 1, 1, tzinfo=UTC))
    db.session.expire_all()

    assert promised.isoformat() == "2037-01-01"
    assert None not in whole
    assert (first.person_id, again.person_id) == (None, None)


def test_another_country_keeps_papers_as_its_own_law_asks(context, clock):
    open_the_place()
    histories.booking(clock(), 20)
    db.session.get(VenueRow, 1).country = "CH"
    db.session.commit()

    purge(datetime(2041, 12, 30, tzinfo=UTC))
    kept = db.session.scalar(sa.select(Invoice._body))
    purge(datetime(2042, 1, 2, tzinfo=UTC))

    assert kept is not None
    assert db.session.scalar(sa.select(Invoice._body)) is None
