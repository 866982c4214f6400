"""An account that nobody uses is warned of its end in time, and then goes (C12)."""

from datetime import timedelta
from email.parser import BytesParser
from email.policy import default

import pytest
import sqlalchemy as sa
from dateutil.relativedelta import relativedelta

from app.accounts.models import OWNER, Account, Person
from app.accounts.sessions import begin_session
from app.booking.models import CONFIRMED
from app.core import outbox
from app.core.database import db
from app.core.languages import LANGUAGES
from app.core.sweeps import sweeps
from app.privacy import purging
from tests.payments.till import open_the_place
from tests.privacy import histories


@pytest.fixture
def guest(context, clock):
    """A guest's account, used today, without any booking."""
    open_the_place()
    made = histories.account(clock(), 0)
    db.session.commit()
    return made


def purge(now):
    """Run a day's purge, and what it left to the worker."""
    outcomes = purging.purge(sweeps(), now=now)
    outbox.run_due(now=now)
    assert not [one for one in outcomes if one.failure]


def there():
    """How many accounts there are."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(Account))


def warnings(instance):
    """The warnings that were mailed."""
    return sorted(instance.glob("mail/*account-inactive*.eml"))


@pytest.mark.clause("C12")
def test_nobody_is_erased_without_a_warning_a_month_before(guest, clock, instance):
    begin = clock()
    purge(begin + relativedelta(months=24) - timedelta(days=31))
    assert warnings(instance) == []

    warned = begin + relativedelta(months=24) - timedelta(days=30)
    purge(warned)
    purge(warned + timedelta(days=1))
    assert len(warnings(instance)) == 1
    purge(warned + timedelta(days=30))
    assert there() == 1
    purge(warned + timedelta(days=31))

    assert there() == 0
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 0


@pytest.mark.clause("C12")
def test_a_purge_that_was_away_for_years_warns_first(guest, clock, instance):
    purge(clock.move(timedelta(days=3000)))
    assert (there(), len(warnings(instance))) == (1, 1)
    assert b"7 August 2039" not in warnings(instance)[0].read_bytes()

    purge(clock.move(timedelta(days=29)))
    assert there() == 1
    purge(clock.move(timedelta(days=2)))

    assert there() == 0


@pytest.mark.clause("C12")
def test_signing_in_stops_it(guest, clock):
    purge(clock.move(timedelta(days=720)))
    assert guest.warned_at is not None

    begin_session(guest, now=clock(), strong=False)
    db.session.commit()
    db.session.refresh(guest)

    assert (guest.warned_at, guest.used_on) == (None, clock().date())
    purge(clock.move(timedelta(days=200)))
    assert there() == 1


@pytest.mark.parametrize("what", ["house", "expected"])
def test_the_house_and_whoever_is_expected_stay(guest, clock, what, instance):
    if what == "house":
        guest.role = OWNER
    else:
        histories.reservation(guest.person, CONFIRMED, now=clock(), ahead=1500)
    db.session.commit()

    for _ in range(3):
        purge(clock.move(timedelta(days=400)))

    assert there() == 1
    assert warnings(instance) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_warning_says_until_when_in_the_account_s_language(guest, clock, instance, language):
    guest.language = language
    db.session.commit()

    purge(clock.move(timedelta(days=730)))

    [mail] = warnings(instance)
    message = BytesParser(policy=default).parsebytes(mail.read_bytes())
    assert message["Content-Language"] == language
    assert "/account/sign-in" in message.get_content()


def test_being_signed_in_is_using_it(app, client, clock):
    with app.app_context():
        open_the_place()
        made = histories.account(clock(), 0)
        token = begin_session(made, now=clock(), strong=False)
        db.session.commit()
        account_id = made.id
    clock.set(clock().replace(hour=23, minute=50))
    with app.app_context():
        again = begin_session(db.session.get(Account, account_id), now=clock(), strong=False)
        db.session.commit()
    client.set_cookie("session", again, secure=False)
    client.set_cookie("__Host-session", again, secure=True)
    clock.move(timedelta(minutes=20))

    client.get("/account")

    with app.app_context():
        assert token != again
        assert db.session.get(Account, account_id).used_on == clock().date()
