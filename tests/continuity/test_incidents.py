"""Who is concerned by an incident is listed, told once, and can read of what of theirs."""

import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import readings
from app.accounts.models import STAFF, Account
from app.booking.models import VenueRow
from app.continuity import incidents, incidents_errors, incidents_telling
from app.continuity.incidents_cli import incident_cli
from app.continuity.incidents_models import (
    CLOSED,
    HIGH,
    MAILBOX,
    NO_RISK,
    STRANGER,
    Incident,
    IncidentPerson,
)
from app.continuity.models import BOOK, BackupRun
from app.core import outbox
from app.core.audit import AuditEntry
from app.core.database import db
from app.policy.telling import counts
from tests.accounts.ways import mails
from tests.continuity import incidents_ground as ground
from tests.continuity.changing import enter, owner_of, person_of, work
from tests.continuity.incidents_ground import WORDS, listed, recorded, tell_what_happened
from tests.house.ground import furnished, place  # noqa: F401 (fixtures)
from tests.owner.house import words

pytestmark = pytest.mark.clause("C15")
SEALED = {"name", "email", "phone"}


@pytest.fixture
def people(place, clock):  # noqa: F811
    """Guests of every sort, and one who was erased after it happened."""
    return ground.people_of(place, clock)


@pytest.fixture
def owner(place, clock, people):  # noqa: F811
    """The owner, signed in just now."""
    return enter(place, clock, owner_of(place, clock))


def ids_of(place, people, *names):  # noqa: F811
    with place.app_context():
        return {person_of(people[name]) for name in names}


def told(place):  # noqa: F811
    return [mail for mail in mails(place) if "went wrong with data" in mail["Subject"]]


def path(place, more=""):  # noqa: F811
    return f"/owner/incidents/{recorded(place).id}{more}"


def go_through(place, clock, owner):  # noqa: F811
    """Decide, write, send, report and close on the owner's pages."""
    answers = [
        owner.post(path(place, "/risk"), risk=HIGH, why="", on_purpose="y"),
        owner.post(path(place, "/letter/en"), **WORDS),
        owner.post(
            path(place, "/letter/de"), what="Eine Kopie unserer Buchungen.", advice="Obacht."
        ),
        owner.post(path(place, "/send"), typed=f"Tell {recorded(place).id}"),
    ]
    assert [answer.status_code for answer in answers] == [303] * 4, [
        words(one) for one in answers if one.status_code != 303
    ]
    work(place, clock)
    now = clock()
    done = owner.post(
        path(place, "/reported"), on=now.date().isoformat(), at=f"{now.hour + 2:02}:{now:%M}"
    )
    assert done.status_code == 303, words(done)


# -- From end to end ----------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_rehearsal_gives_the_right_people_and_letters_and_tells_nobody(
    place,  # noqa: F811
    clock,
    people,
    owner,
):
    clock.move(timedelta(hours=2))
    mine = ids_of(place, people, "ada", "ben", "eve", "flo")
    ground.erase(place, clock, people["eve"])
    owner = enter(place, clock, owner.account_id)
    before = len(mails(place))
    mine -= {one for one in mine if one not in ids_there(place)}
    answer = tell_what_happened(
        owner, clock, tables=["person"], keys="y", master="y", rehearsal="y"
    )
    found = listed(place)
    page = words(owner.get(path(place)))
    go_through(place, clock, owner)
    letter = words(owner.get(path(place, "/letter/en")))
    closed = owner.post(path(place, "/close"), remedy="All doors were checked.")

    assert answer.status_code == 303, words(answer)
    assert len(mine) >= 3
    assert mine <= set(found)
    assert all(found[one][0] >= {"name"} for one in mine)
    assert "Rehearsal" in page
    assert "erased before the list was made" in page
    assert "Rehearsal" in letter
    assert closed.status_code == 303, words(closed)
    assert len(mails(place)) == before
    kept = recorded(place)
    assert kept.state == CLOSED
    assert kept.counts["letters"] >= 2
    assert kept.counts["nowhere"] >= 1
    assert not listed(place)
    assert "Last rehearsed on" in words(place.test_client().get("/privacy/incidents"))


def ids_there(place):  # noqa: F811
    with place.app_context():
        return set(db.session.scalars(sa.text("SELECT id FROM person")))


@pytest.mark.both_databases
def test_in_earnest_everybody_gets_one_letter_about_their_own_kinds_of_data(
    place,  # noqa: F811
    clock,
    people,
    owner,
):
    tell_what_happened(owner, clock, tables=["person"], keys="y", master="y")
    clock.move(timedelta(hours=1))
    owner = enter(place, clock, owner.account_id)
    go_through(place, clock, owner)
    sent = told(place)
    by = {mail["To"].addresses[0].addr_spec: mail.get_content() for mail in sent}
    again = owner.post(path(place, "/send"), typed=f"tell {recorded(place).id}")
    work(place, clock)
    ada = enter(place, clock, people["ada"].account_id)
    hers = words(ada.get("/account/incidents"))
    held = words(ada.get("/account/data"))

    assert {people[name].email for name in ("ada", "ben", "eve")} <= set(by)
    assert len(by) == len(sent)
    assert "Telephone" in by[people["ben"].email]
    assert "Telephone" not in by[people["eve"].email]
    assert WORDS["what"] in by[people["eve"].email]
    assert again.status_code == 409
    assert len(told(place)) == len(sent)
    assert WORDS["what"] in hers
    assert "Something may have gone wrong with data of yours." in held
    assert "Could be read E-mail address" in held
    assert "E-mail address" in hers
    page = words(owner.get(path(place, "/people")))
    assert "no address is known" in page
    assert "Flo Fernsprecher" in page


def test_nobody_is_told_twice_after_a_crash(place, clock, people, owner):  # noqa: F811
    tell_what_happened(owner, clock, tables=["person"], keys="y", master="y")
    owner.post(path(place, "/risk"), risk=HIGH, why="", on_purpose="y")
    owner.post(path(place, "/letter/en"), **WORDS)
    owner.post(path(place, "/send"), typed=f"tell {recorded(place).id}")
    work(place, clock)
    first = len(told(place))

    with place.app_context():
        for job in db.session.scalars(sa.select(outbox.Job)):
            job.done_at, job.attempts = None, 0  # as if the worker had died before it said so
            job.not_before = clock()
        db.session.commit()
    work(place, clock)

    assert first
    assert len(told(place)) == first
    with place.app_context():
        codes = db.session.get_one(Incident, recorded(place).id).codes
        assert sum(counts(code).told for code in codes) == first


# -- Whom it concerns ---------------------------------------------------------------------


@pytest.mark.both_databases
def test_what_is_sealed_under_keys_that_were_not_taken_could_not_be_read(
    place,  # noqa: F811
    clock,
    people,
    owner,
):
    ben = ids_of(place, people, "ben").pop()
    tell_what_happened(owner, clock, tables=["person", "reservation"], master="y")
    without = listed(place)[ben]
    page = words(owner.get(path(place)))
    tell_what_happened(owner, clock, tables=["person"], keys="y", master="y")
    with_keys = listed(place)[ben]

    assert without[1] >= SEALED
    assert not without[0] & SEALED
    assert without[0]  # the language and the days of the stay lie there in the clear
    assert "Sealed under keys that were not taken" in page
    assert with_keys[0] >= SEALED
    assert not with_keys[1]


@pytest.mark.both_databases
def test_of_a_backup_those_are_listed_who_were_in_the_book_then(
    place,  # noqa: F811
    clock,
    people,
    owner,
):
    with place.app_context():
        run = BackupRun(kind=BOOK, begun_at=clock(), done_at=clock(), name="book-1.backup")
        db.session.add(run)
        db.session.commit()
        run_id = str(run.id)
    clock.move(timedelta(hours=1))
    later = ground.guest(place, clock, "Gil Spaeterkommer", account=True)
    clock.move(timedelta(hours=3))
    owner = enter(place, clock, owner.account_id)
    said = tell_what_happened(owner, clock, backups=[run_id])
    shut = listed(place)
    tell_what_happened(owner, clock, backups=[run_id], master="y")
    without_keys = listed(place)
    tell_what_happened(owner, clock, backups=[run_id], keys="y", master="y")
    whole = listed(place)

    assert said.status_code == 303, words(said)
    ben = ids_of(place, people, "ben").pop()
    with place.app_context():
        late = person_of(later)
    assert late not in whole
    assert not shut[ben][0]  # nothing opens without the master key
    assert without_keys[ben][0]
    assert not without_keys[ben][0] & SEALED
    assert whole[ben][0] >= SEALED


@pytest.mark.both_databases
def test_of_an_account_of_the_house_those_are_listed_whose_details_it_opened(
    place,  # noqa: F811
    clock,
    people,
    owner,
):
    staff_id = ground.changing.make_house(place, clock, STAFF, "staff@house.example").account_id
    ada, ben = (ids_of(place, people, name).pop() for name in ("ada", "ben"))
    with place.app_context():
        staff = db.session.get_one(Account, staff_id)
        readings.note(staff, [ada], readings.RESERVATION, now=clock() - timedelta(days=30))
        readings.note(staff, [ben], readings.RESERVATION, now=clock())
        db.session.commit()
    said = tell_what_happened(owner, clock, kind=STRANGER, accounts=[str(staff_id)])

    assert said.status_code == 303, words(said)
    assert set(listed(place)) == {ben}
    assert listed(place)[ben][0] >= {"name", "booking"}


def test_of_the_mailbox_those_are_listed_whom_mails_went_to(
    place,  # noqa: F811
    clock,
    people,
    owner,
):
    tell_what_happened(owner, clock, tables=["person"], keys="y", master="y")
    go_through(place, clock, owner)  # letters go out
    clock.move(timedelta(hours=1))
    owner = enter(place, clock, owner.account_id)
    tell_what_happened(owner, clock, kind=MAILBOX, mailbox="y")
    found = listed(place)

    assert ids_of(place, people, "ben", "eve") <= set(found)
    assert not ids_of(place, people, "flo") & set(found)  # by telephone


def test_of_a_guests_account_that_guest_is_listed_with_all_that_is_held(
    place,  # noqa: F811
    clock,
    people,
    owner,
):
    said = tell_what_happened(owner, clock, kind=STRANGER, who=people["eve"].email)
    nobody = tell_what_happened(owner, clock, kind=STRANGER, who="nobody@nowhere.example")

    assert said.status_code == 303, words(said)
    assert set(listed(place)) == ids_of(place, people, "eve")
    assert nobody.status_code == 422
    assert "We hold nobody with this address" in nobody.text


def test_the_owner_adds_and_leaves_out_with_a_reason(place, clock, people, owner):  # noqa: F811
    tell_what_happened(owner, clock, kind=STRANGER, who=people["eve"].email)
    added = owner.post(path(place, "/people/add"), who=people["ben"].reference, reason="He called.")
    with place.app_context():
        row = db.session.scalars(
            sa.select(IncidentPerson).where(
                IncidentPerson.person_id.in_(ids_of(place, people, "eve"))
            )
        ).one()
    without = owner.post(path(place, f"/people/{row.id}/out"), reason="")
    out = owner.post(path(place, f"/people/{row.id}/out"), reason="It was her sister.")
    page = words(owner.get(path(place, "/people")))

    assert added.status_code == 303, words(added)
    assert without.status_code == 422
    assert out.status_code == 303
    assert set(listed(place)) == ids_of(place, people, "ben")
    assert "It was her sister." in page
    assert "left out" in page


def test_who_is_erased_stays_as_a_number(place, clock, people, owner):  # noqa: F811
    tell_what_happened(owner, clock, kind=STRANGER, who=people["eve"].email)
    ground.erase(place, clock, people["eve"])

    assert not listed(place)
    assert "One more was on the list and is erased since" in words(owner.get(path(place)))


# -- Deciding and documenting -------------------------------------------------------------


def test_no_risk_is_explained_and_kept(place, clock, people, owner):  # noqa: F811
    tell_what_happened(owner, clock, tables=["person"])
    page = words(owner.get(path(place)))
    bare = owner.post(path(place, "/risk"), risk=NO_RISK, why=" ")
    said = owner.post(path(place, "/risk"), risk=NO_RISK, why="All of it is sealed.")
    closed = owner.post(path(place, "/close"), remedy="The stick was found.")

    assert "Proposed: No risk is likely" in page
    assert bare.status_code == 422
    assert said.status_code == 303
    assert closed.status_code == 303, words(closed)
    assert recorded(place).risk_why == "All of it is sealed."
    with pytest.raises(incidents_errors.Closed), place.app_context():
        incidents.look_again(db.session.get_one(Incident, recorded(place).id), now=clock())


def test_the_report_names_who_is_responsible_with_their_own_address(place, clock, people, owner):  # noqa: F811
    tell_what_happened(owner, clock, tables=["person"])
    with place.app_context():
        db.session.get_one(VenueRow, 1).controller = {
            "name": "Morgenrot GmbH", "address": ["Ring 1", "1010 Wien"],
            "email": "m@morgenrot.example", "country": "AT",
        }  # fmt: skip
        db.session.get_one(VenueRow, 1).catalogue_version += 1
        db.session.commit()

    file = owner.get(path(place, "/report.txt"))

    assert "Responsible: Morgenrot GmbH, Ring 1, 1010 Wien, Austria\n" in file.text


def test_a_late_report_asks_for_its_reasons(place, clock, people, owner):  # noqa: F811
    tell_what_happened(owner, clock, tables=["person"], keys="y", master="y")
    clock.move(timedelta(hours=80))
    owner = enter(place, clock, owner.account_id)
    first = words(owner.get("/owner/"))
    said = {"on": clock().date().isoformat(), "at": "17:00"}
    bare = owner.post(path(place, "/reported"), **said)
    done = owner.post(path(place, "/reported"), **said, late_why="The line was down.")
    file = owner.get(path(place, "/report.txt"))

    assert "the hours to report it are over" in first
    assert bare.status_code == 422
    assert "reasons of the delay" in bare.text
    assert done.status_code == 303, words(done)
    assert "The line was down." in file.text
    assert "attachment" in file.headers["Content-Disposition"]


def test_the_first_page_and_the_promises_say_until_when(place, clock, people, owner):  # noqa: F811
    quiet = words(owner.get("/owner/promises"))
    tell_what_happened(owner, clock, tables=["person"], keys="y", master="y")

    assert "is open." not in quiet
    assert "An incident is to be reported by" in words(owner.get("/owner/"))
    assert "1 is open." in words(owner.get("/owner/promises"))


def test_a_public_notice_stands_on_every_page_and_a_rehearsal_never(
    place,  # noqa: F811
    clock,
    people,
    owner,
):
    tell_what_happened(owner, clock, tables=["person"], rehearsal="y")
    owner.post(path(place, "/letter/en"), **WORDS)
    refused = owner.post(path(place, "/publish"), sure="y")
    tell_what_happened(owner, clock, tables=["person"])
    owner.post(path(place, "/letter/en"), **WORDS)
    done = owner.post(path(place, "/publish"), sure="y")
    home = place.test_client().get("/").text
    page = words(place.test_client().get("/privacy/incidents"))
    owner.post(path(place, "/withdraw"))

    assert refused.status_code == 409
    assert done.status_code == 303, words(done)
    assert "Something went wrong with people" in home
    assert WORDS["what"] in page
    assert WORDS["what"] not in words(place.test_client().get("/privacy/incidents"))


def test_every_act_is_on_the_trail_without_a_name(place, clock, people, owner):  # noqa: F811
    tell_what_happened(owner, clock, tables=["person"], keys="y", master="y")
    go_through(place, clock, owner)
    with place.app_context():
        rows = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.kind == "incident"))
        trail = [(row.verb, json.dumps(row.detail)) for row in rows]

    verbs = [verb for verb, _ in trail]
    assert verbs == [
        "incident.recorded",
        "incident.decided",
        "incident.written",
        "incident.written",
        "incident.sent",
        "incident.reported",
    ]
    assert not re.search("Sturmvogel|memory stick|example", str(trail))


def test_the_note_lies_sealed(place, clock, people, owner):  # noqa: F811
    tell_what_happened(owner, clock, tables=["person"])

    assert b"memory stick" not in (recorded(place).note or b"")
    assert "memory stick" in owner.get(path(place)).text


# -- Who may, and what it costs -----------------------------------------------------------


@pytest.mark.parametrize("role", ["reader", "staff"])
def test_only_an_owner_sees_incidents(place, clock, people, owner, role):  # noqa: F811
    tell_what_happened(owner, clock, tables=["person"])
    other = ground.changing.make_house(place, clock, role, f"{role}@house.example").account_id
    somebody = enter(place, clock, other)

    for more in ("", "/people", "/letter/en", "/report.txt"):
        assert somebody.get(path(place, more)).status_code == 403
    assert somebody.get("/owner/incidents").status_code == 403
    assert somebody.post(path(place, "/send"), typed="tell 1").status_code == 403


def test_pages_ask_little_however_many_people_there_are(
    place,  # noqa: F811
    clock,
    people,
    owner,
    count_queries,
):
    tell_what_happened(owner, clock, tables=["person"], keys="y", master="y")
    asked = {}
    for more in ("", "/people", "/letter/en"):
        owner.get(path(place, more))
        with count_queries() as sent:
            assert owner.get(path(place, more)).status_code == 200
        asked[more] = len(sent)
    for number in range(6):
        ground.guest(place, clock, f"Nr Gast{number}", account=True)
    owner.post(path(place, "/look-again"))
    for more, before in asked.items():
        owner.get(path(place, more))
        with count_queries() as sent:
            owner.get(path(place, more))
        assert len(sent) <= before + 1, more
        assert len(sent) <= 45, more
    with count_queries() as sent:
        place.test_client().get("/privacy/incidents")
    assert len(sent) <= 14


def test_the_command_rehearses_and_names_both_clocks(place, clock, people):  # noqa: F811
    before = len(mails(place))
    done = place.test_cli_runner().invoke(incident_cli, ["rehearse", "--json"])
    assert done.exit_code == 0, (done.output, done.exc_info)
    seen = json.loads(done.output)

    assert seen["people"] >= 4
    assert seen["risk"] == HIGH
    assert {clock["whom"]: clock["hours"] for clock in seen["clocks"]} == {
        "authority": 72,
        "china": 4,
        "people": None,
    }
    assert set(seen["subjects"]) == {"en", "de", "fr", "zh"}
    assert len(mails(place)) == before
    with place.app_context():
        assert incidents.last_rehearsed() is not None
        assert incidents_telling.REHEARSED
