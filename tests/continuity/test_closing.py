"""When the service ends, everybody is told, paid back, given their data, and erased (C13)."""

import json
import re
from contextlib import suppress
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, Person
from app.booking.change_price import KEPT, Change
from app.booking.changing import change
from app.booking.checks import ServiceEnds
from app.booking.demo import load_demo
from app.booking.inventory import AfterTheEnd
from app.booking.links import guest_url
from app.booking.models import CANCELLED, CONFIRMED, RELEASED, VenueRow
from app.booking.reservations import prove
from app.booking.shop import shop
from app.cli import register_commands
from app.continuity import closing_money, closing_stages
from app.continuity.closing_models import DONE, RUNNING, STOPPED
from app.core.audit import AuditEntry
from app.core.database import db
from app.owner import by_phone
from app.payments.apply import look
from app.payments.audit import audit
from app.payments.by_house import left_of
from app.payments.models import Invoice, SavedMeans
from app.policy.documents import publish_missing
from app.privacy import certificate
from tests.accounts.ways import let_in, mails, make_guest, make_house
from tests.continuity import closing_ground as ground
from tests.continuity.closing_ground import ERASE, LAST, PLACE, UNTIL
from tests.owner.guests import book, stay
from tests.owner.house import Somebody
from tests.payments import till
from tests.payments.disputing import Questioned

pytestmark = pytest.mark.clause("C13")


@pytest.fixture
def site(app, clock):
    """The demo's place, open, with no guest."""
    with app.app_context():
        load_demo(now=clock())
        publish_missing(now=clock())
        db.session.commit()
    register_commands(app)
    return app


@pytest.fixture
def line(site, settings):
    """The line to the bank."""
    line = Questioned(settings)
    site.extensions["payment_providers"] = {"demo": line}
    return line


@pytest.fixture
def owner(site, clock):
    """Somebody who owns the place, and proved just now who they are."""
    return Enters(site, clock)


class Enters:
    """The owner, who signs in anew whenever much time has passed."""

    def __init__(self, app, clock):
        self.app, self.clock = app, clock
        self.account_id = make_house(app, clock, "owner", "olga@house.example").account_id

    @property
    def now(self):
        """The owner, signed in just now."""
        client = let_in(self.app, self.clock, self.app.test_client(), self.account_id, strong=True)
        return Somebody(self.app, client, self.account_id)


def stage(app):
    found = ground.closing_of(app)
    return found.state, found.stage


def test_a_page_that_was_kept_on_the_last_day_is_not_shown_after_it(site, line, owner, clock):
    ground.send(owner.now, "plan", **ground.DAYS)
    ground.send(owner.now, "begin", place=ground.name_of(site))
    ground.work(site, clock)
    ground.to(clock, LAST)
    before = site.test_client().get("/contact")

    ground.to(clock, LAST + timedelta(days=1))
    after = site.test_client().get("/contact")

    assert 'href="/search"' in before.text
    assert 'href="/search"' not in after.text
    assert "How to find us" not in after.text


# -- The rehearsal, end to end --------------------------------------------------------------


@pytest.mark.both_databases(usually="sqlite")
def test_the_end_of_the_service_from_the_plan_to_the_certificate(site, line, owner, clock, client):
    guests = ground.guests(site, line, clock)
    with site.test_request_context():
        address = guest_url(ground.at(guests.references["before"]))
    make_guest(site, clock, "kanarie.konto@nest.example")
    addresses = {*guests.emails.values(), "kanarie.konto@nest.example", "olga@house.example"}

    # Planned: nothing happens, and nobody sees it.
    assert ground.send(owner.now, "plan", **ground.DAYS).status_code == 303
    ground.work(site, clock)
    assert "No closing is planned" in ground.main_of(client.get("/closing"))
    assert ground.refunded(site) == {}

    # Begun: announced, told, let go, cancelled and paid back.
    begun = ground.send(owner.now, "begin", place=ground.name_of(site))
    assert begun.status_code == 303, ground.main_of(begun)
    assert "takes the first step within a minute" in owner.now.get(PLACE).text
    ground.work(site, clock)
    assert "takes the first step within a minute" not in owner.now.get(PLACE).text
    assert stage(site) == (RUNNING, "refunded")
    for path in ("/", "/privacy", "/search"):
        assert "We close for good: our last day is 20 June 2031" in client.get(path).text
    all_are_told("We close", site, addresses)
    what_cannot_be_is_cancelled_and_paid_back(site, guests, clock)

    # Nothing after the last day is to be had.
    assert (
        "The last day on which you can be with us is 20 June 2031"
        in client.get("/offers/reed-room?arrive=2031-06-19&depart=2031-06-21&adults=2").text
    )

    # The last day is over: data can be taken along.
    ground.to(clock, LAST + timedelta(days=1))
    ground.work(site, clock)
    assert stage(site) == (RUNNING, "ended")
    assert client.get("/account/register").status_code == 410
    assert "Here is what happens now" in ground.main_of(client.get("/closing"))
    nothing_is_offered_any_more(client, address)
    all_are_told("We have closed", site, addresses)

    # On its day everybody goes.
    ground.to(clock, UNTIL)
    ground.work(site, clock)
    assert stage(site) == (RUNNING, "ended")
    with site.app_context():
        was = db.session.scalar(sa.select(sa.func.count()).select_from(Person))
    ground.to(clock, ERASE)
    ground.work(site, clock, rounds=6)
    assert stage(site) == (DONE, "certified")
    assert ground.accounts(site) == ["owner"]
    with site.app_context():
        assert list(db.session.scalars(sa.select(Person.id))) == [
            db.session.scalar(sa.select(Account.person_id))
        ]

    the_certificate_counts_what_was_there(site, client, guests, persons=was - 1)

    visitors_see_the_closing_page_and_the_owner_comes_in(owner, client, address)


def visitors_see_the_closing_page_and_the_owner_comes_in(owner, client, address):
    """Whatever link somebody has leads to it; and somebody can still be reached."""
    home = client.get("/")
    assert (home.status_code, client.get("/search").status_code) == (410, 410)
    assert "This place has closed" in ground.main_of(home)
    assert client.get("/privacy").status_code == 200
    assert client.get("/contact").status_code == 200  # who answers for what the law keeps
    for path in ("", "/data"):
        kept = client.get(address.replace("?", f"{path}?", 1))
        assert (kept.status_code, "This place has closed" in kept.text) == (410, True)
    assert "Closed; the last day was" in ground.main_of(owner.now.get("/owner/promises"))
    page = owner.now.get(PLACE)
    assert page.status_code == 200
    assert "Your own account stays" in ground.main_of(page)


def nothing_is_offered_any_more(client, address):
    """No page leads to what is refused from now on, nor expects anybody."""
    for path in ("/", "/search", "/offers/reed-room", "/basket"):
        refused = client.get(path)
        assert (refused.status_code, "We have closed" in ground.main_of(refused)) == (410, True)
        assert not re.search(r'href="/(search|basket)"', refused.text)
    assert "How to find us" not in client.get("/contact").text
    stayed = client.get(address)
    for page in (client.get("/account/sign-in"), client.get("/contact"), stayed):
        assert page.status_code == 200
        assert not re.search(r'href="/(search|basket|account/register)"', page.text)
    assert "Your stay is over" in ground.main_of(stayed)
    assert "You are expected" not in stayed.text


def all_are_told(what, site, addresses):
    """Everybody has one letter about it, and nobody two."""
    told = [(to, subject) for to, subject in ground.subjects(mails(site)) if what in subject]
    assert {re.search(r"[\w.]+@[\w.]+", to)[0] for to, _ in told} == addresses
    assert len(told) == len(addresses)


def what_cannot_be_is_cancelled_and_paid_back(site, guests, clock):
    """Only what lies after the last day goes, to the cent, and the books agree."""
    of = guests.references
    with site.app_context():
        states = {name: ground.at(reference).status for name, reference in of.items()}
    assert states == {
        "before": CONFIRMED, "after": CANCELLED, "across": CANCELLED, "both": CONFIRMED,
        "session": CANCELLED, "phone": CANCELLED, "deposit": CANCELLED, "unpaid": RELEASED,
        "link": CANCELLED,
    }  # fmt: skip
    assert ground.refunded(site) == {of[name]: due for name, due in guests.due.items()}
    with site.app_context():
        assert sum(guests.due.values()) == ground.closing_of(site).counts["refunded"]
        both = ground.at(of["both"])
        assert {one.kind for one in both.lines} & {"stay", "session"} == {"stay"}
        staying = sum(one.total_minor for one in both.lines)
        assert both.total_minor == both.paid_minor == staying  # the surplus is paid no more
        assert db.session.scalar(sa.select(sa.func.count()).select_from(SavedMeans)) == 0
        assert prove(now=clock()) == []
        assert audit(now=clock()).mismatches == ()


def the_certificate_counts_what_was_there(site, client, guests, persons):
    """It is signed, names nobody, and says what was erased and what has to be kept."""
    file, signature = (
        client.get("/closing/certificate.json"),
        client.get("/closing/certificate.sig"),
    )
    said = json.loads(file.data)
    with site.app_context():
        certificate.public_key().verify(signature.data, file.data)
        kept_invoices = db.session.scalar(sa.select(sa.func.count()).select_from(Invoice))
    erased = {one["what"]: one["rows"] for one in said["erased"]}
    assert said["persons"] == erased["person"] == persons
    assert erased["account"] == 1
    kept = {one["what"]: one for one in said["kept"]}
    never_firm = 2  # nor paid: nothing has to be kept of them
    assert kept["reservation"]["rows"] == len(guests.references) - never_firm
    assert kept["reservation"]["until"] > str(ERASE)
    assert kept.get("invoice", {"rows": 0})["rows"] == kept_invoices
    assert not any(word in file.text for word in ("anarie", "@"))


@pytest.mark.both_databases(usually="postgresql")
def test_afterwards_a_guests_values_are_found_nowhere(site, line, owner, clock, instance):
    ground.guests(site, line, clock)
    ground.begin(site, owner.now)
    for day in (LAST, LAST + timedelta(days=1), ERASE):
        ground.work(site, clock)
        ground.to(clock, day)
    ground.work(site, clock, rounds=6)

    assert stage(site)[0] == DONE
    words = (b"anarie", b"4917139202777", b"Kanarienschl")
    for name, found in ground.rows(site).items():
        assert not [row for row in found if "anarie" in row], name
    for path in instance.rglob("*"):
        if path.is_file():
            assert not [word for word in words if word in path.read_bytes()], path


@pytest.mark.clause("C13")
def test_whose_stay_is_cancelled_by_it_reads_why_and_is_not_asked_back(site, line, owner, clock):
    ground.guests(site, line, clock)
    ground.begin(site, owner.now)
    ground.work(site, clock, rounds=4)

    cancelled = [one for one in mails(site) if "is cancelled" in str(one["Subject"])]
    letters = [one.get_body(("plain",)).get_content() for one in cancelled]
    assert letters
    assert all("we close for good before its time" in letter for letter in letters)
    assert not any("another time" in letter for letter in letters)


# -- Crashes ----------------------------------------------------------------------------------


class Crash(RuntimeError):
    """The machine goes out."""


@pytest.mark.both_databases(usually="sqlite")
def test_crashes_in_every_stage_tell_nobody_twice_and_refund_nothing_twice(
    site, line, owner, clock, monkeypatch
):
    guests = ground.guests(site, line, clock)
    ground.begin(site, owner.now)
    real, crashes = closing_stages.stages(), []

    def breaking(name, stage_of):
        def crash(found, now):
            step = stage_of(found, now)
            did = step is not closing_stages.Step.WAIT or found.state == DONE
            if did and crashes.count(name) < 2:
                crashes.append(name)
                raise Crash
            return step

        return crash

    broken = [(name, breaking(name, stage_of)) for name, stage_of in real]
    monkeypatch.setattr(closing_stages, "stages", lambda: broken)

    letters = []
    for day in (LAST, LAST + timedelta(days=1), ERASE, ERASE):
        for _ in range(10):
            with suppress(Crash):
                ground.work(site, clock, rounds=2)
        # Once it is over the demo's letters are gone as well.
        letters = ground.subjects(mails(site)) or letters
        ground.to(clock, day)

    assert crashes == [name for name, _ in real for _ in range(2)]
    assert stage(site)[0] == DONE
    assert ground.closing_of(site).counts["refunded"] == sum(guests.due.values())
    with site.app_context():
        assert sum(ground.refunded_minor()) == sum(guests.due.values())
    for subject, count in {"We close on": 8, "We have closed": 8, "is cancelled": 4}.items():
        told = [one for one in letters if subject in one[1]]
        # Whoever booked by phone has no address.
        assert len(told) == len(set(told)) == count, subject


# -- Stopping ---------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [None, LAST - timedelta(days=1), LAST + timedelta(days=1), UNTIL])
def test_stopped_at_any_stage_the_place_is_open_again_and_everybody_knows(
    site, line, owner, clock, client, day
):
    guests = ground.guests(site, line, clock)
    ground.begin(site, owner.now)
    ground.work(site, clock)
    if day is not None:
        ground.to(clock, day)
        ground.work(site, clock)

    answer = ground.send(owner.now, "stop")
    ground.work(site, clock)

    assert answer.status_code == 303
    assert stage(site)[0] == STOPPED
    assert "We close for good" not in client.get("/privacy").text
    assert "stay open after all" in ground.main_of(client.get("/closing"))
    later = clock().date() + timedelta(days=60)
    page = client.get(
        f"/offers/reed-room?arrive={later}&depart={later + timedelta(days=2)}&adults=2"
    )
    assert "closes for good" not in page.text
    told = [one for one in ground.subjects(mails(site)) if "We stay open after all" in one[1]]
    assert len(told) == len(guests.emails) + 1
    assert sum(ground.refunded(site).values()) == sum(guests.due.values())
    assert "What it had cancelled and paid back stays so" in ground.main_of(owner.now.get(PLACE))


def test_once_the_erasure_has_begun_nothing_stops_it(site, line, owner, clock):
    ground.guests(site, line, clock)
    ground.begin(site, owner.now)
    for day in (LAST + timedelta(days=1), ERASE):
        ground.work(site, clock)
        ground.to(clock, day)
    ground.work(site, clock, rounds=6)

    answer = ground.send(owner.now, "stop")

    assert answer.status_code == 409
    assert stage(site)[0] == DONE


# -- The dry run ------------------------------------------------------------------------------


@pytest.mark.both_databases(usually="postgresql")
@pytest.mark.parametrize("planned", [False, True])
def test_the_dry_run_shows_whom_and_what_and_changes_nothing(site, line, owner, clock, planned):
    guests = ground.guests(site, line, clock)
    somebody = owner.now
    if planned:
        ground.send(somebody, "plan", **ground.DAYS)
    somebody.get(PLACE)
    before, letters = ground.rows(site), len(mails(site))

    page = somebody.get(f"{PLACE}/rehearsal")
    out = site.test_cli_runner().invoke(args=["closing", "dry-run", "--json"])

    after = ground.rows(site)
    assert page.status_code == 200, page.status_code
    assert {name for name in before if before[name] != after[name]} <= {"session"}
    assert len(mails(site)) == letters
    if planned:
        said = json.loads(out.output)
        of = guests.references
        back = {one["reference"]: one["refund_minor"] for one in said["cancelled"]}
        assert back == {of["phone"]: 0, **{of[name]: due for name, due in guests.due.items()}}
        assert said["refund_minor"] == sum(guests.due.values())
        assert said["holds"] == [of["unpaid"]]
        assert said["unreachable"] == [of["phone"]]
        assert set(said["mails"]["closing"]) == {"en", "de", "fr", "zh"}
        words = ground.main_of(page)
        for reference in back:
            assert reference in words
        assert "We close on 20 June 2031" in words


def test_the_dry_run_says_what_then_happens(site, line, owner, clock):
    ground.guests(site, line, clock)
    ground.send(owner.now, "plan", **ground.DAYS)
    out = site.test_cli_runner().invoke(args=["closing", "dry-run", "--json"])
    said = json.loads(out.output)

    ground.send(owner.now, "begin", place=ground.name_of(site))
    ground.work(site, clock)

    done = ground.closing_of(site).counts
    assert done["refunded"] == said["refund_minor"]
    assert done["cancelled"] + done["parts"] == len(said["cancelled"])
    assert done["released"] == len(said["holds"])


def test_what_can_go_back_is_what_the_verb_says(site, line, clock):
    guests = ground.guests(site, line, clock)
    with site.app_context():
        found = [ground.at(one) for one in guests.references.values()]
        left, _ = closing_money.left_of_all([one.id for one in found])
        assert {one.id: left.get(one.id, 0) for one in found} == {
            one.id: left_of(one) for one in found
        }


# -- Bookings -----------------------------------------------------------------------------------


def test_a_payment_that_was_on_its_way_goes_back_by_itself(site, line, owner, clock):
    guests = ground.guests(site, line, clock)
    with site.app_context():
        attempt = till.attempt_of(ground.at(guests.references["unpaid"]))
        ref, minor = attempt.provider_ref, attempt.amount_minor
        till.pay_at_bank(attempt, now=clock())
    ground.begin(site, owner.now)
    with site.app_context():
        closing_stages.run_due(clock())
        look(line, ref, now=clock())
    ground.work(site, clock)

    assert ground.refunded(site)[guests.references["unpaid"]] == minor
    late = [one for one in mails(site) if "goes back to you" in str(one["Subject"])]
    assert len(late) == 1
    assert "we close for good" in late[0].get_content().replace("\n", " ")


def test_the_house_cannot_book_or_move_beyond_the_last_day_either(site, line, owner, clock):
    guests = ground.guests(site, line, clock)
    ground.begin(site, owner.now)
    ground.work(site, clock)
    query = {"offer": "reed-room", "arrive": "2031-06-25", "depart": "2031-06-27", "adults": "2"}

    page = owner.now.get("/owner/reservations/new", query_string=query)

    assert page.status_code in (200, 409, 422)
    with site.test_request_context():
        catalogue = shop().catalogue
        [moved] = [
            one for one in ground.at(guests.references["before"]).lines if one.kind == "stay"
        ]
        longer = Change(depart=date(2031, 6, 23))
        with pytest.raises(ServiceEnds):
            change(catalogue, moved.id, longer, price=KEPT, expected=None, now=clock())
        offer = catalogue.stay("reed-room")
        asked = by_phone.Asked(offer, 2, 0, date(2031, 6, 25), date(2031, 6, 27))
        with pytest.raises(ServiceEnds):
            by_phone.check(asked, catalogue, now=clock())
        with pytest.raises(AfterTheEnd):
            book(stay("reed-room", date(2031, 6, 25), date(2031, 6, 27)), now=clock())


# -- The owner's page -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"last_day": "2031-06-03"}, "People have to know earlier"),
        ({"downloads_until": "2031-07-19"}, "Everybody needs time to take their data along"),
        ({"erase_on": "2031-07-25"}, "Downloads are open until then"),
        ({"erase_on": "2031-08-30"}, "Nobody needs the data for so long"),
        ({"last_day": ""}, "Please enter the last day"),
    ],
)
def test_days_that_leave_too_little_time_are_refused(site, owner, typed, says):
    answer = ground.send(owner.now, "plan", **{**ground.DAYS, **typed})

    assert answer.status_code == 422
    assert says in ground.main_of(answer)
    assert ground.closing_of(site) is None


def test_it_begins_only_for_who_types_the_name_of_the_place(site, owner):
    ground.send(owner.now, "plan", **ground.DAYS)

    wrong = ground.send(owner.now, "begin", place="Another House")
    none = ground.send(owner.now, "begin", place="")

    assert (wrong.status_code, none.status_code) == (422, 422)
    assert stage(site)[0] == "planned"


def test_days_move_later_and_never_earlier(site, line, owner, clock, client):
    ground.guests(site, line, clock)
    ground.begin(site, owner.now)
    ground.work(site, clock)
    later = {"last_day": "2031-06-30", "downloads_until": "2031-08-04", "erase_on": "2031-08-05"}

    earlier = ground.send(owner.now, "move", **{**ground.DAYS, "last_day": "2031-06-19"})
    moved = ground.send(owner.now, "move", **later)
    ground.work(site, clock)

    assert (earlier.status_code, moved.status_code) == (422, 303)
    assert "A day can move later, never earlier" in ground.main_of(earlier)
    assert "our last day is 30 June 2031" in client.get("/privacy").text
    told = [one for one in ground.subjects(mails(site)) if "We stay open longer" in one[1]]
    assert len(told) == 8
    with site.app_context():
        assert db.session.scalar(sa.select(VenueRow.closes_on)) == date(2031, 6, 30)


def test_only_owners_who_proved_lately_who_they_are_come_here(site, owner, clock):
    staff = make_house(site, clock, "staff", "sam@house.example").account_id
    sam = Somebody(site, let_in(site, clock, site.test_client(), staff, strong=True), staff)
    olga = owner.now
    refused = sam.get(PLACE).status_code
    clock.move(timedelta(minutes=25))

    assert refused == 403
    assert olga.get(PLACE).status_code == 303


def test_every_act_is_in_the_trail_and_names_nobody(site, line, owner, clock):
    ground.guests(site, line, clock)
    ground.begin(site, owner.now)
    ground.work(site, clock)
    ground.send(owner.now, "stop")

    with site.app_context():
        entries = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.position)).all()
        verbs = [one.verb for one in entries if one.verb.startswith("closing.")]
        assert verbs[:3] == ["closing.planned", "closing.begun", "closing.announced"]
        assert verbs.count("closing.cancelled") == 5
        assert verbs.count("closing.parts") == 1
        assert verbs[-1] == "closing.stopped"
        assert not [one for one in entries if "anarie" in str(one.detail)]


def test_the_pages_ask_so_many_statements_however_many_guests_there_are(
    site, line, owner, clock, count_queries, client
):
    ground.guests(site, line, clock)
    somebody = owner.now
    client.get("/closing")
    with count_queries() as asked:
        assert client.get("/closing").status_code == 200
    with count_queries() as rehearsed:
        assert somebody.get(f"{PLACE}/rehearsal").status_code == 200

    assert len(asked) <= 12
    assert len(rehearsed) <= 150


def test_the_command_line_plans_and_says_how_it_stands(site):
    runner = site.test_cli_runner()

    none = runner.invoke(args=["closing", "status", "--json"])
    bad = runner.invoke(args=["closing", "plan", "--last-day", "2031-05-06"])
    made = runner.invoke(args=["closing", "plan", "--last-day", "2031-06-20", "--json"])
    now = runner.invoke(args=["closing", "status"])

    assert json.loads(none.output) == {"state": "none"}
    assert bad.exit_code == 1
    assert json.loads(made.output)["state"] == "planned"
    assert "last day: 2031-06-20" in now.output
