"""Taking back: a way for each of what can be, and the copy from before that is brought back."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import sessions, withdrawing
from app.accounts.models import Account, Passkey, SessionRow
from app.accounts.restrictions import OBJECT, restrict, restricted
from app.booking.models import Reservation
from app.consent import activity, deciding, permissions
from app.consent.models import ActivityLine, Glance, PersonPermission
from app.continuity import backups, restore, serving
from app.core import outbox
from app.core.database import KEYS, db
from app.core.datamap import Purpose
from app.core.withdrawals import Withdrawal, WithdrawalEntry
from app.guestbook import reviews, wishes
from app.guestbook.models import StayWish
from app.guestbook.reviews_models import Review
from app.guestbook.wishes import Wishes
from app.payments import saved
from app.payments.models import SavedMeans
from app.policy import push
from app.policy.notice_models import PushSubscription
from app.web.cookies import Category
from tests.accounts.ways import make_guest


def row_of(model, person_id):
    """Return a person's one row of a table, or None."""
    return db.session.scalar(sa.select(model).where(model.person_id == person_id))


def account_of(person_id):
    """Return a person's account."""
    return row_of(Account, person_id)


def _is_there(model):
    return lambda person_id: db.session.scalar(sa.select(sa.func.count()).select_from(model)) > 0


def _forget_device(person_id, now):
    device = row_of(PushSubscription, person_id)
    push.end([person_id], device.id, how=permissions.ACCOUNT, now=now)


def _end_card(person_id, now):
    saved.end(row_of(SavedMeans, person_id).reservation_id, now=now)


def _say_no_to_suggestions(person_id, now):
    deciding.object_to(Category.SUGGESTIONS, [person_id], now=now)


def _empty_wishes(person_id, now):
    reservation = row_of(Reservation, person_id)
    wishes.put_wishes(reservation, Wishes(), agreed=False, zone=None, now=now)


def _close(person_id, now):
    account = account_of(person_id)
    account.suspended_at = now
    withdrawing.note_access([account], now=now)


def _remove_passkey(person_id, now):
    withdrawing.remove_passkeys(Passkey.account_id == account_of(person_id).id, now=now)


def _take_back(person_id, now):
    yes = row_of(PersonPermission, person_id)
    whose, what = [person_id], Purpose(yes.purpose)
    permissions.take_back(whose, what, recipient=yes.recipient, now=now)


def _has_a_yes(person_id):
    yes = sa.select(PersonPermission).where(PersonPermission.ended_at.is_(None))
    return db.session.scalar(yes.where(PersonPermission.person_id == person_id)) is not None


def _card_is_good(person_id):
    return row_of(SavedMeans, person_id).ended_at is None


WAYS = {
    "a yes to a purpose": (_take_back, _has_a_yes),
    "pages that were counted": (
        lambda person_id, now: activity.end_everywhere(person_id, now=now),
        _is_there(ActivityLine),
    ),
    "what was looked at": (_say_no_to_suggestions, _is_there(Glance)),
    "an objection": (
        lambda person_id, now: restrict([person_id], Purpose.SUGGESTIONS, OBJECT, now=now),
        lambda person_id: not restricted([person_id], Purpose.SUGGESTIONS),
    ),
    "a review": (
        lambda person_id, now: reviews.forget(
            row_of(Review, person_id), how=permissions.RESERVATION, now=now
        ),
        _is_there(Review),
    ),
    "wishes": (_empty_wishes, _is_there(StayWish)),
    "a card": (_end_card, _card_is_good),
    "a device": (_forget_device, _is_there(PushSubscription)),
    "a sign-in": (
        lambda person_id, now: sessions.end_all(account_of(person_id)),
        _is_there(SessionRow),
    ),
    "a passkey": (_remove_passkey, _is_there(Passkey)),
    "access to the house": (_close, lambda person_id: account_of(person_id).suspended_at is None),
}
"""What is taken back: how, and whether it is there."""


HOUR = timedelta(hours=1)


def work(app, clock):
    """Let the worker do what is due."""
    with app.app_context():
        while outbox.run_due(now=clock()):
            pass


@pytest.fixture
def copied(place, clock, newest):
    """Copy the site as it is; what is returned brings that copy back, and returns its report."""

    def copy():
        with place.app_context():
            backups.create(now=clock())
        backup = newest()
        clock.move(HOUR)

        def bring_back():
            work(place, clock)
            clock.move(HOUR)
            with place.app_context():
                return restore.restore(backup, None, now=clock())

        return bring_back

    return copy


@pytest.fixture
def somebody(place, clock):
    """The number of somebody who has said yes to a survey."""
    return say_yes(place, clock, made(place, clock))


def made(app, clock, email="alma@post.example"):
    """Return the person of a new account."""
    account_id = make_guest(app, clock, email)
    with app.app_context():
        return db.session.get_one(Account, account_id).person_id


def say_yes(app, clock, person_id):
    """Have somebody say yes to a survey; return their number."""
    with app.app_context():
        permissions.give(person_id, Purpose.SURVEY, how=permissions.ACCOUNT, now=clock())
        db.session.commit()
    return person_id


def say_no(app, clock, person_id):
    """Have them take it back."""
    with app.app_context():
        permissions.take_back([person_id], Purpose.SURVEY, now=clock())
        db.session.commit()


def says_yes(app, person_id):
    """Whether they say yes to it now."""
    with app.app_context():
        return bool(permissions.permitted([person_id], Purpose.SURVEY))


def ledger(app):
    """Return the ids that the ledger has, and those that the book has."""
    with app.app_context():
        with db.engines[KEYS].connect() as keys:
            entered = set(keys.scalars(sa.select(WithdrawalEntry.id)))
        return entered, set(db.session.scalars(sa.select(Withdrawal.id)))


def refused(app):
    """Return why nobody is served, as a word; None where everybody is."""
    found = serving.check(app)
    return found.code if found else None
