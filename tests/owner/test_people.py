"""Owners decide who else may come in, and as what; somebody who can decide is always left."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.accounts import mail_links
from app.accounts.inviting import KEPT
from app.accounts.models import OWNER, READER, STAFF, Account, MailLink, Person, SessionRow
from app.accounts.names import account_named
from app.core.database import KEYS, db
from app.core.errors import DomainError
from app.core.vault import PersonKey
from app.core.worker import tidy
from app.owner import people
from app.owner.cli import owner_cli
from tests.accounts.ways import let_in, link_in, make_guest, make_house, newest_mail
from tests.owner.house import words

SAM = {"name": "Sam Reed", "email": "sam@house.example", "role": STAFF}
PEOPLE = "/owner/people"


@pytest.fixture
def boss(enters):
    """An owner who proved just now who they are."""
    return enters(OWNER, "boss@house.example")


@pytest.fixture
def staff(enters):
    """Somebody of the staff, signed in."""
    return enters(STAFF, "kim@house.example")


def invited(app, email=SAM["email"]):
    """Return the newest account that an address was invited with, by the link in its mail."""
    with app.app_context():
        links = db.session.scalars(
            sa.select(MailLink)
            .where(MailLink.purpose == mail_links.INVITE)
            .order_by(MailLink.id.desc())
        )
        return next(link.account for link in links if link.to == email)


def told(app, account_id):
    """Return what an account was told, oldest first."""
    with app.app_context():
        query = sa.select(MailLink.news).where(
            MailLink.account_id == account_id, MailLink.purpose == mail_links.TOLD
        )
        return list(db.session.scalars(query.order_by(MailLink.id)))


def count(app, model, *where):
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))


# -- Inviting -----------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_somebody_is_invited_by_a_link_in_a_mail(place, boss):
    answer = boss.post(f"{PEOPLE}/invite", **SAM)
    page = words(boss.get(answer.location))
    mail = newest_mail(place)

    account = invited(place)
    assert (answer.status_code, answer.location) == (303, f"{PEOPLE}?done=invited")
    assert (account.role, account.verified_at) == (STAFF, None)
    assert "The invitation is on its way." in page
    assert "Sam Reed invited Role staff E-mail sam@house.example" in page
    assert mail["To"].addresses[0].addr_spec == SAM["email"]
    assert link_in(mail).startswith("/account/invited/")


@pytest.mark.clause("C12")
@pytest.mark.parametrize("anew", [False, True])
def test_an_invitation_that_nobody_accepts_goes_by_itself(place, clock, boss, anew):
    """Name and address of somebody who never said yes to anything."""
    boss.post(f"{PEOPLE}/invite", **SAM)
    account = invited(place)
    this = (Account, Account.id == account.id)

    clock.move(KEPT - timedelta(minutes=1))
    with place.app_context():
        tidy(clock())
        if anew:
            people.invite_again(people.member(account.id), now=clock())
            db.session.commit()
    before = count(place, *this)
    clock.move(timedelta(minutes=1))
    with place.app_context():
        tidy(clock())
    on_the_day = count(place, *this)
    clock.move(mail_links.LIFE[mail_links.INVITE])
    with place.app_context():
        tidy(clock())

    assert (before, on_the_day, count(place, *this)) == (1, anew, 0)
    assert count(place, Person, Person.id == account.person_id) == 0
    with place.app_context(), db.engines[KEYS].connect() as keys:
        known = sa.select(PersonKey.person_id).where(PersonKey.person_id == account.person_id)
        assert keys.scalar(known) is None


def test_an_invitation_speaks_the_language_of_the_page_that_sent_it(place, boss):
    boss.post(f"{PEOPLE}/invite?lang=de", **SAM)

    assert invited(place).language == "de"


@pytest.mark.clause("C04")
def test_an_address_of_a_guest_is_invited_like_any_other(place, clock, boss):
    guest_id = make_guest(place, clock, SAM["email"])

    known = boss.post(f"{PEOPLE}/invite", **SAM)
    unknown = boss.post(f"{PEOPLE}/invite", **{**SAM, "email": "nobody@post.example"})

    assert (known.status_code, known.location) == (unknown.status_code, unknown.location)
    assert known.text == unknown.text
    assert invited(place).id != guest_id
    with place.app_context():
        assert account_named(SAM["email"]).id == guest_id


def test_an_address_in_the_list_is_not_invited_twice(place, boss):
    boss.post(f"{PEOPLE}/invite", **SAM)

    again = boss.post(f"{PEOPLE}/invite", **{**SAM, "email": "SAM@house.example"})

    assert again.status_code == 422
    assert "Somebody in the list has this address already." in words(again)
    assert count(place, Account, Account.verified_at.is_(None)) == 1


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"email": "sam"}, {"role": "guest"}, {"role": "root"}, {"role": ""}]
)
def test_an_invitation_that_cannot_be_sent_is_asked_again(place, boss, wrong):
    answer = boss.post(f"{PEOPLE}/invite", **{**SAM, **wrong})

    assert answer.status_code == 422
    assert count(place, Account, Account.verified_at.is_(None)) == 0


def test_fields_that_a_form_does_not_have_do_nothing(place, boss):
    boss.post(f"{PEOPLE}/invite", **SAM, verified_at="2031-01-01", suspended_at="", account_id="1")

    assert invited(place).verified_at is None


@pytest.mark.clause("C17")
def test_nobodys_mailbox_is_filled_with_invitations(place, boss):
    boss.post(f"{PEOPLE}/invite", **SAM)
    account_id = invited(place).id

    answers = [boss.post(f"{PEOPLE}/{account_id}/invite").status_code for _ in range(5)]

    assert answers == [303, 303, 303, 429, 429]


def test_who_is_invited_again_has_one_link_that_works(place, clock, boss):
    boss.post(f"{PEOPLE}/invite", **SAM)
    former = link_in(newest_mail(place))
    account_id = invited(place).id

    boss.post(f"{PEOPLE}/{account_id}/invite")

    links = [former, link_in(newest_mail(place))]
    with place.app_context():
        live = [is_live(link, now=clock()) for link in links]
    assert live == [False, True]
    assert invited(place).id == account_id


def is_live(path, *, now):
    token = urlsplit(path).path.rpartition("/")[2]
    with suppress(mail_links.LinkUseless):
        return bool(mail_links.find(mail_links.INVITE, token, now=now))
    return False


def test_an_invitation_that_ran_out_says_so_and_can_be_sent_anew(place, clock, enters, boss):
    boss.post(f"{PEOPLE}/invite", **SAM)
    account_id = invited(place).id
    clock.move(timedelta(days=3, minutes=1))
    boss = again(place, clock, boss)

    before = words(boss.get(PEOPLE))
    with place.app_context():
        tidy(clock())
    tidied = words(boss.get(PEOPLE))
    boss.post(f"{PEOPLE}/{account_id}/invite")
    after = words(boss.get(PEOPLE))

    assert "Sam Reed invitation ran out" in before
    assert before == tidied
    assert "Sam Reed invited" in after


def again(place, clock, somebody):
    """Sign somebody in once more, after a while."""
    let_in(place, clock, somebody.client, somebody.account_id, strong=True)
    return somebody


@pytest.mark.clause("C17")
def test_an_invitation_that_is_withdrawn_leaves_nothing(place, clock, boss):
    boss.post(f"{PEOPLE}/invite", **SAM)
    link = link_in(newest_mail(place))
    account = invited(place)

    answer = boss.post(f"{PEOPLE}/{account.id}/withdraw")

    assert answer.location == f"{PEOPLE}?done=withdrawn"
    assert count(place, Account, Account.id == account.id) == 0
    assert count(place, Person, Person.id == account.person_id) == 0
    with place.app_context(), db.engines[KEYS].connect() as keys:
        kept = sa.select(PersonKey).where(PersonKey.person_id == account.person_id)
        assert keys.execute(kept).all() == []
        assert not is_live(link, now=clock())


def test_who_has_accepted_is_not_withdrawn_or_invited_again(place, boss, staff):
    answers = [
        boss.post(f"{PEOPLE}/{staff.account_id}/{what}").status_code
        for what in ("withdraw", "invite")
    ]

    assert answers == [409, 409]
    assert staff.get("/owner/").status_code == 200


# -- Roles --------------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_a_new_role_signs_out_everywhere_and_is_told(place, clock, boss, staff):
    other = let_in(place, clock, place.test_client(), staff.account_id, strong=True)

    answer = boss.post(f"{PEOPLE}/{staff.account_id}/role", role=READER)

    assert answer.location == f"{PEOPLE}?done=role"
    assert staff.account.role == READER
    assert staff.get("/owner/").location.startswith("/account/sign-in")
    assert other.get("/owner/").location.startswith("/account/sign-in")
    assert told(place, staff.account_id) == ["role_changed"]


def test_the_same_role_again_changes_nothing(place, boss, staff):
    boss.post(f"{PEOPLE}/{staff.account_id}/role", role=STAFF)

    assert staff.get("/owner/").status_code == 200
    assert told(place, staff.account_id) == []


@pytest.mark.parametrize("role", ["guest", "root", "", "Owner"])
def test_there_are_no_other_roles(place, boss, staff, role):
    assert boss.post(f"{PEOPLE}/{staff.account_id}/role", role=role).status_code == 422
    assert staff.account.role == STAFF


@pytest.mark.clause("C17")
@pytest.mark.parametrize("what", ["role", "end"])
def test_nobody_decides_about_themselves(place, boss, what):
    answer = boss.post(f"{PEOPLE}/{boss.account_id}/{what}", role=READER)

    assert answer.status_code == 409
    assert "This is your own account." in words(answer)
    assert boss.account.role == OWNER
    assert boss.account.suspended_at is None


@pytest.mark.clause("C17")
@pytest.mark.parametrize("what", ["role", "end", "readmit", "invite", "withdraw"])
def test_an_account_of_a_guest_is_none_of_the_houses(place, clock, boss, what):
    guest_id = make_guest(place, clock)
    before = boss.post(f"{PEOPLE}/2147483647/{what}", role=STAFF)

    answer = boss.post(f"{PEOPLE}/{guest_id}/{what}", role=STAFF)

    assert answer.status_code == before.status_code == 404
    with place.app_context():
        guest = db.session.get(Account, guest_id)
        assert (guest.role, guest.suspended_at) == ("guest", None)


# -- The end of access --------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_the_end_of_access_ends_sessions_and_links(place, clock, boss, staff):
    with place.app_context():
        account = db.session.get(Account, staff.account_id)
        mail_links.send(account, mail_links.WAY_IN, to="kim@house.example", now=clock())
        db.session.commit()

    answer = boss.post(f"{PEOPLE}/{staff.account_id}/end")

    assert answer.location == f"{PEOPLE}?done=ended"
    assert staff.get("/owner/").location.startswith("/account/sign-in")
    assert count(place, SessionRow, SessionRow.account_id == staff.account_id) == 0
    assert count(place, MailLink, MailLink.purpose == mail_links.WAY_IN) == 0
    assert told(place, staff.account_id) == ["access_ended"]
    assert "access ended" in words(boss.get(PEOPLE))
    # A session that began in spite of it opens nothing.
    assert again(place, clock, staff).get("/owner/").location.startswith("/account/sign-in")


@pytest.mark.clause("C17")
def test_who_is_let_in_again_comes_in_and_is_told(place, clock, boss, staff):
    boss.post(f"{PEOPLE}/{staff.account_id}/end")

    answer = boss.post(f"{PEOPLE}/{staff.account_id}/readmit")

    assert answer.location == f"{PEOPLE}?done=back"
    assert again(place, clock, staff).get("/owner/").status_code == 200
    assert told(place, staff.account_id) == ["access_ended", "access_back"]
    mail = newest_mail(place)
    assert mail["To"].addresses[0].addr_spec == "kim@house.example"
    assert "You may use the owner’s pages again" in mail["Subject"]
    assert "An owner of the place decided that." in mail.get_content()


@pytest.mark.clause("C17")
@pytest.mark.both_databases
def test_of_two_owners_who_end_each_others_access_at_once_one_is_left(place, clock):
    ids = [make_house(place, clock, OWNER, f"{name}@house.example").account_id for name in "ab"]
    start = Barrier(2)

    def end(by_id, other_id):
        with place.app_context():
            by = db.session.get(Account, by_id)
            assert (by.role, by.suspended_at) == (OWNER, None)
            db.session.rollback()
            start.wait(timeout=10)
            try:
                by = db.session.get(Account, by_id)
                people.suspend(people.member(other_id), by=by, now=clock())
                db.session.commit()
            except DomainError as error:
                db.session.rollback()
                return type(error)

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(end, ids, reversed(ids)))

    assert sorted(said, key=bool) == [None, people.NotAnOwner]
    assert count(place, Account, Account.suspended_at.is_(None)) == 1


# -- The list -----------------------------------------------------------------------------------


def test_the_list_says_who_has_access_as_what_and_how(place, clock, enters, boss, staff):
    with place.app_context():
        kim = db.session.get(Account, staff.account_id)
        kim.person.name, kim.totp_at = "<b>Kim</b>", None
        db.session.commit()
    make_guest(place, clock)

    page = boss.get(PEOPLE)

    assert "&lt;b&gt;Kim&lt;/b&gt;" in page.text
    assert "<b>Kim" not in page.text
    assert "greta@post.example" not in page.text
    assert "boss@house.example you Role owner" in words(page)
    assert "Last seen 5 May 2031, 10:00 Second factor not set up" in words(page)
    assert page.text.index("boss@house") < page.text.index("Kim")
    for path in ("role", "end"):
        assert f"{PEOPLE}/{boss.account_id}/{path}" not in page.text
        assert f"{PEOPLE}/{staff.account_id}/{path}" in page.text


def test_the_list_costs_the_same_however_many_there_are(place, clock, boss, count_queries):
    costs = []
    for number in range(2):
        for name in "abcd":
            make_house(place, clock, READER, f"{name}{number}@house.example")
        boss.get(PEOPLE)
        with count_queries() as sent:
            boss.get(PEOPLE)
        costs.append(len(sent))

    assert costs[0] == costs[1] <= 9


# -- The command --------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_the_command_makes_one_more_owner_and_prints_their_way_in(place, client, boss):
    made = place.test_cli_runner().invoke(
        owner_cli, ["create", "--email", "New@House.example", "--name", "New", "--language", "fr"]
    )

    entered = client.post(urlsplit(made.output.strip()).path)
    with place.app_context():
        account = account_named("New@house.example")
        assert (account.role, account.language) == (OWNER, "fr")
        assert account.person.name == "New"
    assert made.exit_code == 0
    assert entered.status_code == 303
    assert client.get("/owner/").status_code == 200
    assert boss.account.role == OWNER


@pytest.mark.parametrize("email", ["boss@house.example", "nonsense"])
def test_the_command_refuses_an_address_that_is_taken_or_none(place, boss, email):
    before = count(place, Account)

    made = place.test_cli_runner().invoke(owner_cli, ["create", "--email", email, "--name", "New"])

    assert made.exit_code != 0
    assert "http" not in made.output
    assert count(place, Account) == before


def test_the_command_lets_the_first_owner_in_who_can_come_in(place, clock, client, boss):
    second = make_house(place, clock, OWNER, "second@house.example")
    let_in(place, clock, boss.client, second.account_id, strong=True)
    boss_id = boss.account_id
    boss.account_id = second.account_id
    boss.post(f"{PEOPLE}/{boss_id}/end")

    made = place.test_cli_runner().invoke(owner_cli, ["link"])
    client.post(urlsplit(made.output.strip()).path)

    with place.app_context():
        query = sa.select(SessionRow.account_id).order_by(SessionRow.id.desc()).limit(1)
        assert db.session.scalar(query) == second.account_id
        assert db.session.get(Account, boss_id).suspended_at is not None
