"""Whoever must know something is told it: once, in their language, at each mailbox."""

import socket
from collections import Counter
from contextlib import contextmanager
from datetime import date, timedelta
from email import message_from_bytes
from email.policy import default
from itertools import count
from threading import Thread

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts.models import GUEST, Account, Claim, Disclosure, Person
from app.accounts.restrictions import RESTRICT, restrict
from app.core.database import db
from app.core.datamap import Kind, Purpose
from app.core.egress import MAIL_RELAY, PUSH_SERVICE, Egress
from app.core.languages import N_
from app.core.outbox import Job, run_due
from app.core.vault import vault
from app.policy import telling, telling_jobs
from app.policy.notice_models import FAILED, NOWHERE, SHARED, TOLD, Told
from tests.conftest import MORNING
from tests.owner.guests import book, details, stay

CLOSING = telling.matter(
    "test-closing",
    subject=N_("We close on %(day)s"),
    template="mail/_notice_foot.txt",
    push=N_("We close on %(day)s"),
)


def somebody(email="", *, account=False, language="en", verified=True, name="Ana Lima"):
    """Return the id of a new person with an address, if given one, and an account if wanted."""
    person = Person(id=vault().new_person(), created_at=MORNING)
    db.session.add(person)
    if email:
        person.email, person.name = email, name
        vault().index(person.id, Kind.EMAIL, email)
    if account:
        opened = MORNING if verified else None
        db.session.add(
            Account(
                person_id=person.id, role=GUEST, created_at=MORNING, verified_at=opened,
                language=language,
            )
        )  # fmt: skip
    db.session.commit()
    return person.id


def tell(code="closing", to=None, now=MORNING):
    """Tell people that the place closes."""
    telling.tell(
        code, CLOSING, to=to, url=("policy.show_privacy", {}), now=now, day=date(2031, 9, 30)
    )
    db.session.commit()


def work(now=MORNING):
    """Do what is due, and what that leads to."""
    while run_due(now=now):
        pass


def mails(app):
    """Return the mails that were kept, by the address that they went to."""
    folder = app.extensions["settings"].instance_dir / "mail"
    found = [message_from_bytes(one.read_bytes(), policy=default) for one in folder.glob("*.eml")]
    return {one["To"].addresses[0].addr_spec: one for one in found}


# -- Who ------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C13")
def test_each_mailbox_gets_one_mail_in_its_language_and_it_is_noted(context):
    ana = somebody("ana@example.org", account=True, language="de")
    ben = somebody("ben@example.org", account=True)

    tell()
    work()

    found = mails(context)
    assert sorted(found) == ["ana@example.org", "ben@example.org"]
    assert found["ana@example.org"]["Content-Language"] == "de"
    assert "30. September 2031" in found["ana@example.org"]["Subject"]
    assert "We close on 30 September 2031" in found["ben@example.org"]["Subject"]
    assert telling.counts("closing") == telling.Counts(people=2, told=2, gathered=True)
    assert telling.counts("closing").finished
    noted = {(ana, "mail", "told", MORNING), (ben, "mail", "told", MORNING)}
    assert set(telling.states("closing")) == noted


@pytest.mark.both_databases
@pytest.mark.clause("C13")
def test_everybody_is_whoever_has_an_account_a_booking_ahead_or_a_running_hold(place, clock):
    with place.app_context():
        account = somebody("account@example.org", account=True)
        somebody("request@example.org", account=True, verified=False)
        former = somebody("former@example.org")
        nights = (date(2031, 6, 2), date(2031, 6, 4))
        book(stay("reed-room", *nights), now=clock(), who=details("Ada", "ada@example.org"))
        held = book(
            stay("lagoon-suite", *nights), now=clock(), who=details("Hal", "hal@example.org"),
            firm=False,
        )  # fmt: skip
        over = clock() + timedelta(days=60)

        def addresses(ids):
            return sorted(db.session.get(Person, one).email for one in ids)

        assert held
        now = addresses(telling.people(now=clock()))
        later = addresses(telling.people(now=over))
        assert now == ["account@example.org", "ada@example.org", "hal@example.org"]
        assert later == ["account@example.org"]
        assert set(telling.everybody()) >= {account, former}


@pytest.mark.clause("C13")
def test_one_mailbox_gets_one_mail_however_many_bookings_and_claims_it_has(context):
    owner = somebody("ana@example.org", account=True)
    same = somebody("Ana@example.org")
    claimed = somebody("former@example.org")
    strangers = [somebody("two@example.org"), somebody("two@example.org")]
    account = db.session.scalar(sa.select(Account.id))
    db.session.add(Claim(person_id=claimed, account_id=account, claimed_at=MORNING))
    db.session.commit()

    tell(to=[claimed, *strangers, same, owner])
    work()

    assert sorted(mails(context)) == ["ana@example.org", "two@example.org"]
    states = {person: state for person, _, state, _ in telling.states("closing")}
    assert states[owner] == TOLD
    assert states[same] == states[claimed] == SHARED
    assert sorted(states[one] for one in strangers) == [SHARED, TOLD]
    assert telling.counts("closing").people == 2


@pytest.mark.clause("C15")
def test_two_mailboxes_whose_letters_fold_to_the_same_are_both_told(context):
    to = [somebody("voß@example.org"), somebody("voss@example.org")]

    tell(to=to)
    work()

    assert {person: state for person, _, state, _ in telling.states("closing")} == dict.fromkeys(
        to, TOLD
    )
    assert len(mails(context)) == 2


def test_the_named_are_told_the_restricted_too_and_the_erased_and_unreachable_are_not(context):
    named, restricted = somebody("a@example.org"), somebody("b@example.org")
    erased, mute = somebody("c@example.org"), somebody()
    somebody("d@example.org", account=True)
    restrict([restricted], Purpose.SERVICE, RESTRICT, now=MORNING)
    db.session.commit()
    vault().destroy([erased])
    db.session.rollback()

    tell(to=[named, restricted, erased, mute, "0" * 32])
    work()

    assert sorted(mails(context)) == ["a@example.org", "b@example.org"]
    found = {person: state for person, _, state, _ in telling.states("closing")}
    assert found == {named: TOLD, restricted: TOLD, mute: NOWHERE}
    assert telling.counts("closing").nowhere == 1


def test_a_dry_run_reads_only(context, count_queries):
    first = somebody("a@example.org", account=True)

    with count_queries() as sent:
        assert telling.people(now=MORNING) == [first]

    assert not [one for one in sent if not one.startswith(("SELECT", "BEGIN"))]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Told)) == 0


def test_whoever_is_erased_between_gathering_and_sending_gets_nothing(context):
    somebody("a@example.org", account=True)
    gone = somebody("b@example.org", account=True)
    tell()
    run_due(now=MORNING)

    vault().destroy([gone])
    db.session.rollback()
    work()

    assert sorted(mails(context)) == ["a@example.org"]
    assert telling.counts("closing").waiting == 0


def test_a_matter_that_nobody_told_or_words_that_lack_a_fact_are_refused(context):
    with pytest.raises(telling.MatterUnknown):
        telling.counts("nothing")
    with pytest.raises(KeyError):
        telling.tell("a", CLOSING, url=None, now=MORNING)
    with pytest.raises(KeyError):
        telling.tell("a", "never heard of", url=None, now=MORNING)
    with pytest.raises(ValueError, match="two kinds"):
        telling.matter(CLOSING, subject="x", template="y", push=None)


def test_nothing_of_anybody_is_in_a_job_or_matter(context):
    somebody("ana@example.org", account=True)

    tell()
    work()

    for job in db.session.scalars(sa.select(Job)):
        assert "example" not in str(job.payload)


# -- Once -----------------------------------------------------------------------------------


@pytest.mark.clause("C13")
def test_said_twice_it_is_told_once(context):
    somebody("a@example.org", account=True)

    tell()
    tell()
    work()
    tell()
    work(MORNING + timedelta(days=1))

    assert telling.counts("closing").told == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Job)) == 2


@pytest.mark.clause("C02")
def test_many_go_in_batches_and_each_is_noted_as_it_goes_out(context, relay, monkeypatch):
    monkeypatch.setattr(telling_jobs, "BATCH", 3)
    for number in range(8):
        somebody(f"guest{number}@example.org", account=True)

    tell()
    work()

    assert Counter(to for to, _ in relay.took) == {
        f"guest{number}@example.org": 1 for number in range(8)
    }
    # One job that gathers, and three for eight people.
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Job)) == 4
    noted = db.session.execute(sa.select(Disclosure.what, Disclosure.times)).all()
    assert [tuple(one) for one in noted] == [("mail_notice", 1)] * 8


def test_what_fails_is_tried_again_and_counted_as_failed_in_the_end(context, relay):
    somebody("good@example.org", account=True)
    somebody("bad@example.org", account=True)
    relay.refuses = {"bad@example.org"}
    tell()
    work()

    first = telling.counts("closing")
    now = MORNING
    for _ in range(60):
        now += timedelta(hours=6)
        work(now)

    assert (first.told, first.waiting, first.failed) == (1, 1, 0)
    last = telling.counts("closing")
    assert (last.told, last.waiting, last.failed) == (1, 0, 1)
    assert [state for _, _, state, _ in telling.states("closing")].count(FAILED) == 1
    assert [to for to, _ in relay.took] == ["good@example.org"]


def test_a_relay_that_is_away_ends_the_batch_and_all_are_told_when_it_is_back(context, relay):
    people = {f"guest{number}@example.org" for number in range(9)}
    for one in people:
        somebody(one, account=True)
    relay.refuses = people
    tell()
    work()
    tried = db.session.scalar(sa.select(sa.func.sum(Told.tries)))

    relay.refuses = set()
    work(MORNING + timedelta(minutes=10))

    assert tried == 5
    assert {to for to, _ in relay.took} == people
    assert telling.counts("closing").told == 9


@pytest.mark.both_databases
@pytest.mark.clause("C13")
def test_a_crash_between_sending_and_marking_sends_the_same_message_once_more(context, relay):
    somebody("a@example.org", account=True)
    tell()
    run_due(now=MORNING)
    relay.dies = True
    with pytest.raises(Died):
        work()
    db.session.rollback()

    relay.dies = False
    work(MORNING + timedelta(minutes=1))
    at_once = len(relay.took)
    work(MORNING + timedelta(minutes=5))
    work(MORNING + timedelta(hours=5))

    # Nobody else had them while the claim stood; then it was the very same message.
    assert at_once == 1
    assert len(relay.took) == 2
    assert len(set(relay.took)) == 1
    assert telling.counts("closing").told == 1


_codes = count()


@given(
    events=st.lists(
        st.sampled_from(["work", "crash", "away", "again", "twice", "wait"]), max_size=12
    ),
    boxes=st.lists(st.integers(0, 3), min_size=1, max_size=7),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_is_told_is_told_once_whatever_crashes_and_repeats_happen(
    context, relay, events, boxes
):
    code, now = f"closing-{next(_codes)}", MORNING
    relay.took.clear()
    to = [somebody(f"{code}-{box}@example.org") for box in boxes]
    tell(code, to)

    for event in events:
        relay.dies, relay.away = event == "crash", event == "away"
        if event == "again":
            tell(code, to, now)
        elif event == "twice":
            # As if each job had been done, and the note of it lost.
            db.session.execute(sa.update(Job).values(done_at=None, not_before=now, attempts=0))
            db.session.commit()
        elif event == "wait":
            now += timedelta(hours=1)
        else:
            try:
                run_due(now=now)
            except Died:
                db.session.rollback()
    relay.dies = relay.away = False
    for _ in range(6):
        now += timedelta(hours=3)
        work(now)

    ids = {}
    for address, message_id in relay.took:
        ids.setdefault(address, set()).add(message_id)
    # Everybody was told, by one message each; a crash may have sent that one again.
    assert set(ids) == {f"{code}-{box}@example.org" for box in boxes}
    assert all(len(found) == 1 for found in ids.values())
    if "crash" not in events:
        assert len(relay.took) == len(ids)
    assert telling.counts(code).told == len(set(boxes))
    db.session.execute(sa.delete(Job))
    db.session.commit()


# -- A relay --------------------------------------------------------------------------------


class Died(BaseException):
    """The process died here."""


class Relay:
    """A mail relay on this machine, and the wire to it, which may be cut once it has all."""

    def __init__(self):
        self.took = []
        self.refuses = set()
        self.dies = self.away = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            with line:
                self._talk(line.makefile("rw", newline="\r\n"))

    def _talk(self, talk):
        def say(text):
            talk.write(text + "\n")
            talk.flush()

        if self.away:
            say("421 not now")
            return
        say("220 relay")
        to, body = "", None
        for line in talk:
            heard = line.rstrip("\r\n")
            if body is not None:
                if heard == ".":
                    message_id = next(one for one in body if one.lower().startswith("message-id:"))
                    self.took.append((to, message_id))
                    body = None
                    say("250 ok")
                else:
                    body.append(heard)
                continue
            word = heard.split(" ")[0].upper()
            if word == "RCPT":
                to = heard[heard.index("<") + 1 : heard.index(">")]
                say("550 no" if to in self.refuses else "250 ok")
            elif word == "DATA":
                body = []
                say("354 go on")
            elif word == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


@pytest.fixture
def relay(context, monkeypatch):
    """A relay that the site's mails go to."""
    made = Relay()

    class Mortal(Egress):
        @contextmanager
        def mail_relay(self):
            with super().mail_relay() as line:
                yield line
            if made.dies:
                raise Died

    context.extensions["egress"] = Mortal(
        {MAIL_RELAY.code: f"smtp://127.0.0.1:{made.port}"}, {PUSH_SERVICE.code: ()}
    )
    yield made
    made.listener.close()
