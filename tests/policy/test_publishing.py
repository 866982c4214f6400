"""A version is published once, ahead of its day, and never changes; it counts from its day on."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.database import db
from app.core.languages import LANGUAGES
from app.policy import announcing, drafts, drafts_publishing, telling
from app.policy.documents import (
    VersionChanged,
    current,
    publish_missing,
    record_agreement,
    standings,
    version,
)
from app.policy.drafts import SHIPPED, Written
from app.policy.drafts_publishing import (
    NOTICE,
    BeforeAnother,
    ChangedMeanwhile,
    InForceAlready,
    LanguagesMissing,
    NothingChanged,
    TooFar,
    TooSoon,
    first_day,
    midnight,
    publish,
    withdraw,
)
from app.policy.models import PRIVACY, TERMS, Agreement, DocumentVersion
from tests.policy.documents_written import SUMMARY, published, ready
from tests.policy.test_documents import somebody, write

pytestmark = pytest.mark.clause("C25")


@pytest.fixture
def site(context, clock):
    """The site with the program's documents in force."""
    publish_missing(now=clock())
    db.session.commit()
    return context


def latest(document=PRIVACY):
    return max(one.number for one in standings(document, now=datetime.now(UTC)))


# -- When it counts ---------------------------------------------------------------------------


def test_a_version_counts_from_its_day_on_and_not_a_moment_before(site, clock):
    before = latest()
    number, day = published(clock())

    def counts(now):
        return current(PRIVACY, "en", now=now).number

    assert number == before + 1
    assert counts(clock()) == before
    assert counts(day - timedelta(microseconds=1)) == before
    assert counts(day) == number


INSTANTS = st.datetimes(
    # Hypothesis wants them naive, and adds the zone.
    min_value=datetime(2026, 1, 1),  # noqa: DTZ001
    max_value=datetime(2060, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(INSTANTS, st.integers(0, 365))
@example(datetime(2028, 1, 30, 23, 59, 59, tzinfo=UTC), 30)  # 29 February lies between
@example(datetime(2031, 1, 31, 0, 0, tzinfo=UTC), 30)
@example(datetime(2031, 3, 1, 0, 0, 0, 1, tzinfo=UTC), 30)
def test_no_version_can_come_into_force_earlier_than_promised(now, days):
    first = first_day(now=now, notice=timedelta(days=days))

    assert midnight(first) - now >= max(NOTICE, timedelta(days=days))
    assert midnight(first - timedelta(days=1)) - now < max(NOTICE, timedelta(days=days))


@given(
    st.sampled_from(("Europe/Berlin", "America/New_York", "Asia/Shanghai", "Pacific/Kiritimati")),
    st.dates(date(2026, 1, 1), date(2050, 1, 1)),
    st.times(),
)
def test_a_change_of_clocks_shortens_nobodys_notice(zone, day, time):
    now = datetime.combine(day, time, tzinfo=ZoneInfo(zone))

    first = first_day(now=now)

    assert midnight(first) - now.astimezone(UTC) >= NOTICE


@pytest.mark.parametrize("days", [-400, -1, 0, 1, 29, 30])
def test_a_day_too_near_is_refused_with_the_first_one(site, clock, days):
    found = ready(clock())

    day = (clock() + timedelta(days=days)).date()  # it is eight in the morning
    with pytest.raises(TooSoon, match=str(NOTICE.days)):
        publish(found.id, day, seen=drafts.stamp(found), now=clock())


def test_a_slip_of_the_year_is_refused(site, clock):
    found = ready(clock())

    with pytest.raises(TooFar):
        publish(found.id, date(2041, 7, 1), seen=drafts.stamp(found), now=clock())


def test_a_setting_lengthens_the_notice_and_never_shortens_it(site, clock):
    found, day = ready(clock()), (clock() + timedelta(days=40)).date()
    seen = drafts.stamp(found)

    with pytest.raises(TooSoon, match="60"):
        publish(found.id, day, seen=seen, now=clock(), notice=timedelta(days=60))
    near = (clock() + timedelta(days=9)).date()
    with pytest.raises(TooSoon, match="30"):
        publish(found.id, near, seen=seen, now=clock(), notice=timedelta(days=7))


def test_two_coming_versions_come_in_the_order_of_their_numbers(site, clock):
    number, day = published(clock(), days=60)
    found = ready(clock(), more="Yet another.")

    with pytest.raises(BeforeAnother, match=str(number)):
        publish(found.id, day.date(), seen=drafts.stamp(found), now=clock())


# -- What is published ------------------------------------------------------------------------


def test_every_language_is_published_with_its_digest_facts_and_sentence(site, clock):
    number, _ = published(clock(), more="It is held for {hold_time}.")

    rows = [version(PRIVACY, number, language) for language in LANGUAGES]

    assert all(row.digest == sha256(row.text.encode()).hexdigest() for row in rows)
    assert all("{" not in row.text for row in rows)
    assert {row.language: row.summary for row in rows} == SUMMARY


def test_without_every_language_nothing_is_published(site, clock):
    found = ready(clock())
    drafts.save(found.id, "fr", Written(drafts.text_of(found, "fr").text, "", 2), now=clock())
    db.session.commit()
    db.session.expire_all()
    found = drafts.draft(found.id)

    with pytest.raises(LanguagesMissing, match="Français"):
        publish(found.id, date(2031, 7, 1), seen=drafts.stamp(found), now=clock())


def test_what_changed_since_it_was_looked_at_is_not_published(site, clock):
    found = ready(clock())
    seen = drafts.stamp(found)
    drafts.save(found.id, "en", Written("Other\n\nWords.\n", "Other.", 2), now=clock())
    db.session.commit()
    db.session.expire_all()

    with pytest.raises(ChangedMeanwhile):
        publish(found.id, date(2031, 7, 1), seen=seen, now=clock())


def test_the_same_words_once_more_are_no_version(site, clock):
    made = drafts.start(PRIVACY, drafts.IN_FORCE, now=clock())
    for one in made.texts:
        one.summary = "Nothing."
    db.session.commit()

    with pytest.raises(NothingChanged):
        publish(made.id, date(2031, 7, 1), seen=drafts.stamp(made), now=clock())


def test_an_agreement_is_to_what_is_in_force_and_not_to_what_comes(site, clock):
    number, day = published(clock())
    person_id = somebody(clock())
    record_agreement(person_id, "en", "ABCD2345", now=clock())
    record_agreement(person_id, "en", "EFGH6789", now=day)
    db.session.commit()

    agreed = sa.select(Agreement).join(DocumentVersion).where(DocumentVersion.document == PRIVACY)
    rows = db.session.scalars(agreed.order_by(Agreement.id)).all()
    assert [row.version.number for row in rows] == [number - 1, number]


# -- A text that came with the program --------------------------------------------------------


def test_a_shipped_text_published_as_it_came_stays_watched(context, clock, tmp_path):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    somebody(clock())
    number, _ = published(clock(), document=TERMS, more="Our own.")
    write(tmp_path, 2, "We promise little.")
    publish_missing(now=clock(), folder=tmp_path)
    offered = next(one for one in drafts.drafts() if one.source == "terms-2")
    for one in offered.texts:
        drafts.save(offered.id, one.language, Written(one.text.strip(), "Less.", 1), now=clock())
    db.session.commit()
    db.session.expire_all()

    found = drafts.draft(offered.id)
    done = publish(
        found.id, date(2031, 8, 1), seen=drafts.stamp(found), now=clock(), folder=tmp_path
    )
    db.session.commit()

    assert number == 2
    assert done == (TERMS, 3)  # the owner's own has the program's number
    assert version(TERMS, 3, "en").source == "terms-2"
    assert publish_missing(now=clock(), folder=tmp_path) == 0
    write(tmp_path, 2, "We promise something else.")
    with pytest.raises(VersionChanged):
        publish_missing(now=clock(), folder=tmp_path)


def test_a_shipped_text_that_the_owner_changed_is_their_own(context, clock, tmp_path):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    somebody(clock())
    write(tmp_path, 2, "We promise little.")
    made = drafts.start(TERMS, SHIPPED, now=clock(), folder=tmp_path)
    for one in list(made.texts):
        text = f"{one.text}\nAnd this.\n"
        drafts.save(made.id, one.language, Written(text, "More.", 1), now=clock())
    db.session.commit()
    db.session.expire_all()

    found = drafts.draft(made.id)
    publish(found.id, date(2031, 8, 1), seen=drafts.stamp(found), now=clock(), folder=tmp_path)
    write(tmp_path, 2, "We promise something else.")

    assert version(TERMS, 2, "en").source is None
    assert publish_missing(now=clock(), folder=tmp_path) == 0


def test_an_owners_own_text_is_not_overruled_by_the_program_with_nobody_there(
    context, clock, tmp_path
):
    write(tmp_path, 1, "We promise a lot.")
    publish_missing(now=clock(), folder=tmp_path)
    published(clock(), document=TERMS)
    write(tmp_path, 2, "We promise little.")

    publish_missing(now=clock(), folder=tmp_path)

    assert "a lot" in current(TERMS, "en", now=clock()).text
    assert version(PRIVACY, 2, "en") is not None  # nobody wrote one of their own


# -- Taking back ------------------------------------------------------------------------------


def test_what_is_not_in_force_yet_can_be_taken_back_and_stays_readable(site, clock):
    number, day = published(clock())

    withdraw(PRIVACY, number, now=clock.move(timedelta(days=3)))
    db.session.commit()

    assert current(PRIVACY, "en", now=day + timedelta(days=1)).number == number - 1
    assert version(PRIVACY, number, "en") is not None
    assert announcing.live(clock()) == []
    assert telling.counts(f"version-privacy-{number}-back") is not None


def test_the_number_of_what_was_taken_back_is_never_given_again(site, clock):
    number, _ = published(clock())
    withdraw(PRIVACY, number, now=clock())
    db.session.commit()

    again, _ = published(clock())

    assert again == number + 1


def test_what_is_in_force_can_never_be_taken_back(site, clock):
    number, day = published(clock())

    for now in (day, day + timedelta(days=400)):
        with pytest.raises(InForceAlready):
            withdraw(PRIVACY, number, now=now)
    with pytest.raises(InForceAlready):
        withdraw(PRIVACY, 99, now=clock())


# -- Nobody changes it, whoever asks ------------------------------------------------------------

CHANGES = {
    "text": "'Something else'",
    "digest": "'0'",
    "effective_at": "'2031-05-06 00:00:00'",
    "published_at": "'2031-05-06 00:00:00'",
    "number": "77",
    "language": "'xx'",
    "source": "'mine'",
    "written": "'mine'",
    "summary": "'mine'",
}


def refused(statement):
    with pytest.raises(sa.exc.DBAPIError, match="a published version is final"):
        db.session.execute(sa.text(statement))
    db.session.rollback()


@pytest.mark.clause("C05")
@pytest.mark.both_databases
@pytest.mark.parametrize("column", CHANGES)
def test_the_database_itself_refuses_to_change_a_version(site, clock, column):
    published(clock())

    refused(f"UPDATE document_version SET {column} = {CHANGES[column]}")


@pytest.mark.clause("C05")
@pytest.mark.both_databases
def test_the_database_itself_refuses_to_delete_a_version(site, clock):
    refused("DELETE FROM document_version WHERE document = 'terms'")


@pytest.mark.clause("C05")
@pytest.mark.both_databases
def test_the_database_itself_lets_a_version_be_taken_back_before_its_day_and_only_once(site, clock):
    number, day = published(clock())
    mine = f"WHERE document = 'privacy' AND number = {number}"
    at = "UPDATE document_version SET withdrawn_at = '{}' "

    refused(at.format(day.strftime("%Y-%m-%d %H:%M:%S.%f")) + mine)
    refused(at.format("2031-05-05 08:00:00.000000") + "WHERE document = 'terms'")
    db.session.execute(sa.text(at.format("2031-05-05 08:00:00.000000") + mine))
    db.session.commit()
    refused(at.format("2031-05-05 09:00:00.000000") + mine)
    refused(f"UPDATE document_version SET withdrawn_at = NULL {mine}")


def test_the_notice_is_a_fact_that_texts_state():
    assert drafts_publishing.facts.facts()["policy_notice"] == NOTICE
