"""A place that closes down, and guests of every sort: each step is gone through by real pages."""

import re
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import Account
from app.booking.models import Reservation, VenueRow
from app.booking.shop import shop
from app.continuity import closing_stages
from app.continuity.closing_models import Closing
from app.core.database import KEYS, Base, KeysBase, db
from app.payments import links
from app.payments.apply import look
from app.payments.links import Asking
from app.payments.models import Refund
from app.privacy import erasing
from tests.owner.guests import book, details, seats, stay
from tests.payments import till

LAST, UNTIL, ERASE = date(2031, 6, 20), date(2031, 7, 25), date(2031, 7, 26)
DAYS = {"last_day": str(LAST), "downloads_until": str(UNTIL), "erase_on": str(ERASE)}
PLACE = "/owner/closing"


@dataclass
class Guests:
    """References by what they are, and what must go back for each (minor units)."""

    references: dict[str, str]
    due: dict[str, int]
    emails: dict[str, str]


def at(reference):
    """Return a reservation, as it is now."""
    found = db.session.scalar(sa.select(Reservation).where(Reservation.reference == reference))
    db.session.refresh(found)
    return found


def starts(day):
    """Return when the sauna starts first on a day."""
    [first, *_] = shop().catalogue.session("sauna").schedule.occurrences(day, day)
    return first.starts_at


def paid(line, *wishes, who, now):
    """Book and pay all of it; return the reference."""
    reference = book(*wishes, now=now, who=who, firm=False)
    attempt = till.begin(at(reference), now=now)
    till.pay_at_bank(attempt, now=now)
    look(line, attempt.provider_ref, now=now)
    till.run_jobs(now=now)
    return reference


def guests(app, line, clock):
    """Let everybody book: before, after, across, both, by phone, unpaid, deposit, a link."""
    now = clock()
    emails = {
        name: f"kanarie.{name}@nest.example"
        for name in ("before", "after", "across", "both", "session", "deposit", "unpaid")
    }

    def who(name):
        return details(f"Kanarie {name.title()}werth", emails.get(name), phone="+4917139202777")

    with app.test_request_context():
        till.ask_for_deposits()
        one = {
            "before": paid(line, stay("reed-room", date(2031, 6, 2), date(2031, 6, 4)),
                           who=who("before"), now=now),
            "after": paid(line, stay("reed-room", date(2031, 7, 1), date(2031, 7, 3)),
                          who=who("after"), now=now),
            "across": paid(line, stay("reed-room", date(2031, 6, 18), date(2031, 6, 22)),
                           who=who("across"), now=now),
            "both": paid(line, stay("reed-room", date(2031, 6, 10), date(2031, 6, 12)),
                         seats("sauna", starts(date(2031, 7, 5))), who=who("both"), now=now),
            "session": paid(line, seats("sauna", starts(date(2031, 7, 6))),
                            who=who("session"), now=now),
            "phone": book(stay("reed-room", date(2031, 7, 8), date(2031, 7, 10)),
                          who=who("phone"), now=now),
        }  # fmt: skip
        half = book(stay("reed-room", date(2031, 7, 12), date(2031, 7, 15)),
                    who=who("deposit"), now=now, firm=False)  # fmt: skip
        till.pay_deposit(at(half), line, keep=True, now=now)
        one["deposit"] = half
        one["unpaid"] = book(stay("reed-room", date(2031, 7, 20), date(2031, 7, 22)),
                             who=who("unpaid"), now=now, firm=False)  # fmt: skip
        till.begin(at(one["unpaid"]), now=now)
        asking = Asking(2500, 0, "Kanarienschlüssel", "en", date(2031, 5, 30), about=one["after"])
        link = links.ask(asking, shop().catalogue, form_id="1", now=now)
        db.session.commit()
        one["link"] = link.reference
        due = {name: at(one[name]).total_minor for name in ("after", "across", "session")}
        both = at(one["both"])
        late = {line.wish for line in both.lines if line.kind == "session"}
        due["both"] = sum(line.total_minor for line in both.lines if line.wish in late)
        due["deposit"] = at(half).paid_minor
        till.run_jobs(now=now)
    return Guests(one, due, emails)


def work(app, clock, rounds=3):
    """Let the worker do what is due: jobs, the closing, erasures."""
    with app.app_context():
        for _ in range(rounds):
            till.run_jobs(now=clock())
            closing_stages.run_due(clock())
            erasing.run_due(clock())
            till.run_jobs(now=clock())


def to(clock, day, hour=9):
    """Let it be that day at the place."""
    clock.set(datetime(day.year, day.month, day.day, hour, tzinfo=clock().tzinfo))


def send(somebody, path, **typed):
    """Press a button of the owner's page."""
    return somebody.post(f"{PLACE}/{path}", **typed)


def name_of(app):
    """Return the place's name, as it has to be typed."""
    with app.app_context():
        return db.session.scalar(sa.select(VenueRow.name))


def begin(app, owner):
    """Plan it and begin it."""
    assert send(owner, "plan", **DAYS).status_code == 303
    answer = send(owner, "begin", place=name_of(app))
    assert answer.status_code == 303, BeautifulSoup(answer.text, "html.parser").main
    return answer


def closing_of(app):
    """Return the plan, as it is now."""
    with app.app_context():
        return db.session.scalar(sa.select(Closing).order_by(Closing.id.desc()).limit(1))


def refunded(app):
    """Return what was asked to go back for each reservation."""
    with app.app_context():
        sums = {}
        for refund in db.session.scalars(sa.select(Refund)):
            reference = refund.payment.reservation.reference
            sums[reference] = sums.get(reference, 0) + refund.amount_minor
        return sums


def rows(app):
    """Return every row of both databases."""
    with app.app_context():
        books = [(db.engine, Base), (db.engines[KEYS], KeysBase)]
        found = {}
        for engine, base in books:
            with engine.connect() as connection:
                for table in base.metadata.sorted_tables:
                    found[table.name] = sorted(map(repr, connection.execute(sa.select(table))))
        return found


def subjects(mails):
    """Return (to, subject) of mails, sorted."""
    return sorted((str(one["To"]), str(one["Subject"])) for one in mails)


def main_of(page):
    """Return what the main part of a page says, as one line."""
    main = BeautifulSoup(page.text, "html.parser").main
    return re.sub(r"\s+", " ", main.get_text(" ")) if main else ""


def accounts(app):
    """Return the roles of the accounts that are there."""
    with app.app_context():
        return sorted(db.session.scalars(sa.select(Account.role)))


def refunded_minor():
    """Yield the sums that were asked to go back, in the present context."""
    return db.session.scalars(sa.select(Refund.amount_minor))
