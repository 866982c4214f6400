"""What is kept how long, and why: one table for the purge, the pages and the policy (C12).

`RULES` says it of every retention rule that the data map knows, `until` of one row of a
person's. Their numbers are those that the sweeps run on, never written twice.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from dateutil.relativedelta import relativedelta

from app.accounts import inviting, mail_links, readings
from app.accounts.models import Account, Person
from app.accounts.sessions import ABSOLUTE_LIMIT, IDLE_LIMIT, limits_of
from app.booking.baskets import BASKET_LIFE
from app.booking.models import CANCELLED, CONFIRMED, HELD, Reservation
from app.consent.chain import PROOF_YEARS
from app.consent.register import ACTIVITY_MONTHS
from app.core import withdrawals
from app.core.database import db
from app.core.datamap import Retention
from app.core.languages import N_, current_locale, gettext, ngettext
from app.core.sweeps import first_day_after
from app.guestbook.wishes import WISH_DAYS, forgotten_at
from app.policy import facts
from app.policy.facts import Fact, Months
from app.privacy import terms
from app.privacy.laws import Law
from app.privacy.models import PrivacyRequest
from app.privacy.tables import PersonTable
from app.privacy.terms import UNPAID_KEPT

INACTIVE_MONTHS = 24
"""An account that nobody used for so long goes."""
INACTIVE_WARNING = timedelta(days=30)
"""So long before it goes, its person is told by mail."""
EXPORT_KEPT = timedelta(hours=72)
"""How long a download can be fetched; as long again one is kept that never got ready."""
HANDOVER_KEPT = timedelta(days=14)
"""How long the sealed package for a new controller can be fetched."""
RIGHTS_YEARS = 3
"""How long after its answer a request about one's own data can be disputed."""
SECURITY_LONGEST = timedelta(days=30)
"""No trace for safety's sake is kept longer."""


@dataclass(frozen=True, slots=True)
class Years:
    """A span of calendar years, counted from the end of a year."""

    count: int


@dataclass(frozen=True, slots=True)
class Rule:
    """How long something is kept, and what makes that right; marked for translation."""

    words: str
    ground: str
    spans: Callable[[Law], Mapping[str, Fact | Years]] = lambda law: {}
    law: Callable[[Law], str] = lambda law: ""  # where the country's law says so

    def say(self, law: Law) -> str:
        """Return the rule in the current language, with its numbers."""
        spans = {name: _worded(span) for name, span in self.spans(law).items()}
        return gettext(self.words, **spans)

    def why(self, law: Law) -> str:
        """Return what makes it right, in the current language."""
        cited = self.law(law)
        return gettext(self.ground, law=gettext(cited)) if cited else gettext(self.ground)


def _worded(span: "Fact | Years") -> str:
    if isinstance(span, Years):
        return ngettext("%(num)d year", "%(num)d years", span.count)
    return facts.worded(span, current_locale())


RULES: Final[Mapping[Retention, Rule]] = {
    Retention.BASKET: Rule(
        N_("%(life)s after the last change; nobody’s name is on it."),
        N_("You asked for it by putting something into the basket."),
        lambda law: {"life": BASKET_LIFE},
    ),
    Retention.UNPAID: Rule(
        N_("%(kept)s after the time to pay ran out, where nothing was paid."),
        N_("Our legitimate interest in answering you about it (GDPR, Article 6(1)(f))."),
        lambda law: {"kept": UNPAID_KEPT},
    ),
    Retention.BOOKING: Rule(
        N_(
            "As long as the reservation runs, and %(years)s after the end of the year in which it "
            "ended."
        ),
        N_("Our contract with you, and claims from it, which live as long: %(law)s."),
        lambda law: {"years": Years(law.claims_years)},
        lambda law: law.claims_ground,
    ),
    Retention.PAPERS: Rule(
        N_(
            "%(years)s after the end of the year in which a paper was issued. After the "
            "reservation’s own time it lies apart from it, under a key of its own."
        ),
        N_("The law on trade and taxes asks for it: %(law)s."),
        lambda law: {"years": Years(law.papers_years)},
        lambda law: law.papers_ground,
    ),
    Retention.SESSION: Rule(
        N_("Until you sign out; %(idle)s without use, and %(longest)s at the longest."),
        N_("You asked to be signed in."),
        lambda law: {"idle": IDLE_LIMIT, "longest": ABSOLUTE_LIMIT},
    ),
    Retention.SECURITY: Rule(
        N_("As long as it protects somebody; %(longest)s at the longest."),
        N_("Our duty to keep data safe (GDPR, Article 32)."),
        lambda law: {"longest": SECURITY_LONGEST},
    ),
    Retention.ACCOUNT: Rule(
        N_(
            "As long as your account is there. One that nobody used for %(unused)s goes by itself; "
            "we write to you %(warning)s before."
        ),
        N_("Our contract with you."),
        lambda law: {"unused": Months(INACTIVE_MONTHS), "warning": INACTIVE_WARNING},
    ),
    Retention.READING: Rule(
        N_("%(kept)s, so that you can see who looked."),
        N_("Our duty to be able to show it (GDPR, Articles 5(2) and 32)."),
        lambda law: {"kept": Months(readings.KEPT_MONTHS)},
    ),
    Retention.ACTIVITY: Rule(
        N_("Until you take your yes back, or it runs out; %(longest)s at the longest."),
        N_("Your consent."),
        lambda law: {"longest": Months(ACTIVITY_MONTHS)},
    ),
    Retention.RECEIPT: Rule(
        N_("%(kept)s after the choice ran out; its digest stays, and tells nothing of you."),
        N_("Our duty to be able to prove consent (GDPR, Article 7(1))."),
        lambda law: {"kept": Years(PROOF_YEARS)},
    ),
    Retention.WISH: Rule(
        N_("%(kept)s after the end of your stay; if you cancel it, no longer than that day."),
        N_(
            "Our contract with you, and of what you eat your express consent "
            "(GDPR, Articles 6(1)(b) and 9(2)(a))."
        ),
        lambda law: {"kept": timedelta(days=WISH_DAYS)},
    ),
    Retention.EXPORT: Rule(
        N_("%(kept)s after your download was ready."),
        N_("You asked for it."),
        lambda law: {"kept": EXPORT_KEPT},
    ),
    Retention.RIGHTS: Rule(
        N_("%(kept)s after it was answered, or came to its end."),
        N_("Our duty to be able to show that we did it (GDPR, Articles 5(2) and 12)."),
        lambda law: {"kept": Years(RIGHTS_YEARS)},
    ),
    Retention.PERSON: Rule(
        N_("As long as anything else of you is kept."),
        N_("Without it, the rest couldn’t be found, shown or deleted."),
    ),
    Retention.WITHDRAWAL: Rule(
        N_("%(kept)s: longer than copies of the books are kept. It doesn’t say whose no it was."),
        N_("Our duty to keep to a no (GDPR, Articles 7(3), 18 and 21)."),
        lambda law: {"kept": withdrawals.kept_for()},
    ),
}
"""Every rule of the data map; the data map's test wants each of its members here."""


@dataclass(frozen=True, slots=True)
class Until:
    """Until when a row is kept: the first day without it, or words where that depends.

    `words` and `ground` are in the current language. A row may go earlier, with all that
    hangs on its person.
    """

    day: date | None
    words: str
    ground: str


def until(table: PersonTable, row: Any, *, now: datetime) -> Until:
    """Return until when a row of a person's table is kept.

    Raises KeyError for a table that has no rule here.
    """
    return _UNTIL[table.name](row, now)


def _by(retention: Retention, day: date | None, words: str = "") -> Until:
    law = terms.place().law
    rule = RULES[retention]
    return Until(day, words or rule.say(law), rule.why(law))


def _ends(
    retention: Retention, instant: Callable[[Any], datetime | None]
) -> Callable[[Any, datetime], Until]:
    def say(row: Any, now: datetime) -> Until:
        ends = instant(row)
        return _by(retention, first_day_after(ends) if ends is not None else None)

    return say


# -- Bookings and papers --------------------------------------------------------------------


_remembered: ContextVar[dict[str, "Until | None"] | None] = ContextVar("remembered", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Look at a person's reservations once within a block that asks `until` of many rows."""
    token = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(token)


def _reservation(row: Reservation, now: datetime) -> Until:
    """A person's reservations go together, with the last of them."""
    if row.person_id is None:
        return _booked(row)
    return _of_reservations(row.person_id) or _booked(row)


def _of_reservations(person_id: str) -> "Until | None":
    """Return until when a person's reservations are kept, all together; None without any."""
    known = _remembered.get()
    if known is not None and person_id in known:
        return known[person_id]
    claims, unpaid = terms.last_ends(person_id, terms.place())
    found = [_by(Retention.BOOKING, claims)] if claims else []
    found += [_by(Retention.UNPAID, unpaid)] if unpaid else []
    last = _latest(found) if found else None
    if known is not None:
        known[person_id] = last
    return last


def _booked(row: Reservation) -> Until:
    firm = row.status in (CONFIRMED, CANCELLED)
    if firm or (row.status != HELD and terms.is_in_the_books(row)):
        return _by(Retention.BOOKING, terms.claims_end(row, terms.place()))
    return _by(Retention.UNPAID, terms.unpaid_ends(row))


def _wish(row: Any, now: datetime) -> Until:
    ends = forgotten_at(row.reservation)
    return _by(Retention.WISH, first_day_after(ends if ends is not None else now))


def _latest(found: list[Until]) -> Until:
    return max(found, key=lambda one: (one.day is None, one.day or date.min))


def _paper(row: Any, now: datetime) -> Until:
    return _by(Retention.PAPERS, terms.paper_ends(row, terms.place()))


# -- Persons and accounts -------------------------------------------------------------------


def _account(row: Account, now: datetime) -> Until:
    if row.verified_at is None:
        words = gettext("Until the link that we mailed runs out, if nobody uses it.")
        life = mail_links.LIFE[mail_links.VERIFY]
        if row.of_the_house:
            words = gettext("Until the invitation has run out, if nobody accepts it.")
            life = inviting.KEPT
        return _by(Retention.ACCOUNT, first_day_after(row.created_at + life), words)
    ended = row.suspended_at if row.of_the_house else None
    return _by(Retention.ACCOUNT, first_day_after(ended + readings.KEPT) if ended else None)


def _person(row: Person, now: datetime) -> Until:
    return _of_person(row.id, now)


def _of_person(person_id: str, now: datetime) -> Until:
    account = db.session.scalar(sa.select(Account).where(Account.person_id == person_id))
    if account is not None:
        return _account(account, now)
    found = _of_reservations(person_id)
    asked = db.session.scalars(
        sa.select(PrivacyRequest).where(PrivacyRequest.person_id == person_id)
    ).all()
    if asked and not terms.has_booked(person_id):
        # Who asked us something, and never paid, is known until nobody can dispute the answer.
        return _latest([*([found] if found else []), *(_request(one, now) for one in asked)])
    return found or _by(Retention.PERSON, first_day_after(now) + timedelta(days=1))


def _with_person(row: Any, now: datetime) -> Until:
    return _of_person(row.person_id, now)


def _with_account(row: Any, now: datetime) -> Until:
    return _account(row.account, now)


def _session(row: Any, now: datetime) -> Until:
    _, absolute = limits_of(row.account.role)
    return _by(Retention.SESSION, first_day_after(row.created_at + absolute))


# -- What is noted --------------------------------------------------------------------------


def _activity(instant: Callable[[Any], datetime]) -> Callable[[Any, datetime], Until]:
    def ends(row: Any) -> datetime:
        granted_until: datetime = row.grant.expires_at
        return min(granted_until, instant(row) + relativedelta(months=ACTIVITY_MONTHS))

    return _ends(Retention.ACTIVITY, ends)


def _reading(row: Any, now: datetime) -> Until:
    return _by(Retention.READING, row.day + readings.KEPT + timedelta(days=1))


def _answered(instant: Callable[[Any], datetime | None]) -> Callable[[Any], datetime | None]:
    def ends(row: Any) -> datetime | None:
        answered = instant(row)
        return answered + relativedelta(years=RIGHTS_YEARS) if answered is not None else None

    return ends


_request = _ends(Retention.RIGHTS, _answered(lambda row: row.answered_at))


def _download_ends(row: Any) -> datetime:
    ends: datetime = row.expires_at or row.asked_at + 2 * EXPORT_KEPT
    return ends


_UNTIL: Final[Mapping[str, Callable[[Any, datetime], Until]]] = {
    "person": _person,
    "account": _account,
    "agreement": _with_person,
    "version_notice": _with_person,
    "controller_objection": _ends(
        Retention.RIGHTS, _answered(lambda row: row.change.done_at or row.change.stopped_at)
    ),
    "controller_record": _ends(Retention.SECURITY, lambda row: row.made_at + HANDOVER_KEPT),
    "consent_grant": _ends(Retention.ACTIVITY, lambda row: row.expires_at),
    "disclosure": _with_person,
    "incident_person": _ends(Retention.RIGHTS, _answered(lambda row: row.incident.closed_at)),
    "erasure": _ends(Retention.RIGHTS, _answered(lambda row: row.done_at)),
    # That there was one is said for a while longer; by then there is nothing in it.
    "export": _ends(Retention.SECURITY, lambda row: _download_ends(row) + SECURITY_LONGEST),
    "export_chunk": _ends(Retention.EXPORT, lambda row: _download_ends(row.export)),
    "told": _with_person,
    "push_subscription": _with_person,
    "message": lambda row, now: _reservation(row.reservation, now),
    "partner_transfer": lambda row, now: _reservation(row.reservation, now),
    "person_permission": _ends(Retention.RIGHTS, _answered(lambda row: row.ended_at)),
    "privacy_request": _request,
    "reading": _reading,
    "public_review": lambda row, now: _reservation(row.review.reservation, now),
    "reservation": _reservation,
    "reservation_line": lambda row, now: _reservation(row.reservation, now),
    "restriction": _ends(Retention.RIGHTS, _answered(lambda row: row.ended_at)),
    "review": lambda row, now: _reservation(row.reservation, now),
    "stay_wish": _wish,
    # Its numbers stay as sums do; what was written, and whose they are, go with the booking.
    "survey": lambda row, now: _reservation(row.reservation, now),
    "account_refusal": _with_account,
    "activity_line": _activity(lambda row: row.at),
    "glance": _activity(lambda row: row.last_at),
    "claim": _with_person,
    "data_key": _ends(Retention.SECURITY, lambda row: row.expires_at),
    "invoice": _paper,
    "mail_link": _ends(Retention.SECURITY, lambda row: row.expires_at),
    "passkey": _with_account,
    "recovery_code": _with_account,
    "session": _session,
    "sign_in_link": _ends(Retention.SECURITY, lambda row: row.expires_at),
    "ticket": _ends(Retention.SECURITY, lambda row: row.expires_at),
    "payment": lambda row, now: _reservation(row.reservation, now),
    "dispute": lambda row, now: _reservation(row.payment.reservation, now),
    "refund": lambda row, now: _reservation(row.payment.reservation, now),
    "saved_means": lambda row, now: _reservation(
        db.session.get_one(Reservation, row.reservation_id), now
    ),
}
"""How each of a person's tables ends; a test wants every one of them here."""
