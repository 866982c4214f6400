"""How each clause can be checked, at this moment: live facts for the policy's page (C06).

Each is read from what the program runs on. Registers cost nothing; what asks the database
asks once a page.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from flask import current_app, g, url_for

from app.booking.forms import DetailsForm
from app.booking.shop import NothingOnOffer, shop
from app.booking.wording import long_day
from app.consent import chain
from app.consent.register import REGISTER
from app.core.database import Base, KeysBase
from app.core.datamap import Purpose, personal_columns
from app.core.languages import LANGUAGES, gettext, ngettext
from app.core.version import VERSION
from app.guestbook import reviews_public
from app.guestbook.surveys_routes import SurveyForm
from app.policy import facts
from app.policy.checks import Line, shows
from app.policy.recipients import Listed, listed
from app.privacy import collection, purging, stated, terms  # noqa: F401 (stated registers itself)
from app.privacy.last_run import last_run
from app.privacy.retention import RULES
from app.privacy.tables import person_tables
from app.web.cookies import cookie_name
from app.web.pages import settings


def _questions(_now: datetime) -> Iterator[Line]:
    forms, personal = collection.count()
    yield Line(
        gettext(
            "Forms for visitors: %(forms)d. Fields in them that are about you: %(personal)d. "
            "Each is listed.",
            forms=forms,
            personal=personal,
        ),
        url_for("privacy.collection"),
    )


def _recipients(_now: datetime) -> Iterator[Line]:
    found = [gettext(one.name) for one in _listed()]
    said = (
        gettext("This site can send something to: %(names)s.", names=gettext(", ").join(found))
        if found
        else gettext("At this moment this site can send nothing to anybody outside.")
    )
    yield Line(said, url_for("policy.show_recipients"))


def _money(_now: datetime) -> Iterator[Line]:
    said = (
        gettext("This demonstration takes no real money.")
        if settings().demo
        else gettext("Real money is taken by the payment provider on the list, and not here.")
    )
    yield Line(said, url_for("policy.show_recipients"))


def _passwords(_now: datetime) -> Iterator[Line]:
    size = round(settings().password_memory / 1024)
    yield Line(
        gettext(
            "Each try at a password costs a thief %(size)d MiB of memory (Argon2id).", size=size
        )
    )


def _last_run(_now: datetime) -> Iterator[Line]:
    run, url = last_run(), url_for("privacy.clauses")
    if run is None:
        yield Line(gettext("No run of the tests is written down beside this copy."), url)
        return
    said = ngettext(
        "Tests last passed on %(day)s: %(num)d of them, none failed.",
        "Tests last passed on %(day)s: %(num)d of them, none failed.",
        run.passed,
        day=long_day(run.at.date()),
    )
    same = (
        gettext("They ran on these very files.")
        if run.these_files
        else gettext("The program has changed since.")
    )
    yield Line(f"{said} {same}", url)


def _needed(_now: datetime) -> Iterator[Line]:
    asked = DetailsForm.questions()
    needed = [one.label for one in asked if getattr(DetailsForm, one.name).kwargs.get("required")]
    yield Line(
        gettext(
            "Of %(all)d questions while booking, %(needed)d need an answer.",
            all=len(asked),
            needed=len(needed),
        )
    )


def _kinds(_now: datetime) -> Iterator[Line]:
    kinds = {declared.kind for _, declared in _personal()}
    yield Line(
        gettext("Kinds of personal data that the program knows: %(count)d.", count=len(kinds)),
        url_for("privacy.storage"),
    )


def _chain(_now: datetime) -> Iterator[Line]:
    head = chain.head()
    yield Line(
        gettext("Receipts in the chain: %(count)d. Its end is published.", count=head.position),
        url_for("consent.heads"),
    )


def _signal(_now: datetime) -> Iterator[Line]:
    yield Line(gettext("What machines read about your browser’s signal"), url_for("machines.gpc"))


def _cookies(_now: datetime) -> Iterator[Line]:
    names = gettext(", ").join(cookie_name(settings(), cookie.name) for cookie in REGISTER)
    yield Line(
        gettext("Cookies that may ever be set: %(names)s.", names=names), url_for("privacy.storage")
    )


def _purge(_now: datetime) -> Iterator[Line]:
    run, url = purging.last_run(), url_for("privacy.show_retention")
    yield Line(gettext("Rules by which data go: %(count)d.", count=len(RULES)), url)
    if run is None:
        yield Line(gettext("The first daily deletion is still to come."), url)
    else:
        gone = sum(run.counts.values())
        yield Line(
            gettext(
                "The last daily deletion was on %(day)s; entries deleted: %(gone)d.",
                day=long_day(run.day),
                gone=gone,
            ),
            url,
        )


def _closing(_now: datetime) -> Iterator[Line]:
    try:
        closes_on = shop().venue.closes_on
    except NothingOnOffer:
        closes_on = None
    said = (
        gettext("The last day is %(day)s.", day=long_day(closes_on))
        if closes_on
        else gettext("No closing is announced.")
    )
    yield Line(said, url_for("closing.show"))


def _sealed(_now: datetime) -> Iterator[Line]:
    found = [declared for _, declared in _personal()]
    sealed = sum(1 for one in found if not one.readable)
    yield Line(
        gettext(
            "Personal values by their column: %(sealed)d sealed, %(readable)d readable, each of "
            "these with its reason.",
            sealed=sealed,
            readable=len(found) - sealed,
        ),
        url_for("privacy.storage"),
    )
    said = (
        gettext("This site answers over https only.")
        if settings().https
        else gettext("This demonstration answers without https.")
    )
    yield Line(said, url_for("policy.security"))


def _copies(_now: datetime) -> Iterator[Line]:
    known, where, url = _backups(), terms.place(), url_for("privacy.storage", _anchor="copies")
    yield Line(
        gettext("The last copy was made on %(day)s.", day=long_day(where.day(known.book_at)))
        if known.book_at is not None
        else gettext("No copy has been made yet."),
        url,
    )
    if known.drill_at is None:
        yield Line(gettext("No restore has been rehearsed yet."), url)
        return
    said = gettext("passed") if known.drill_passed else gettext("failed; it is being looked into")
    day = long_day(where.day(known.drill_at))
    yield Line(
        gettext("The last rehearsal of a restore was on %(day)s: %(said)s.", day=day, said=said),
        url,
    )


def _holds(_now: datetime) -> Iterator[Line]:
    yield Line(gettext("Places are held for %(time)s while you pay.", time=facts.say("hold_time")))


def _survey(_now: datetime) -> Iterator[Line]:
    asked = SurveyForm.questions()
    needed = [one for one in asked if getattr(SurveyForm, one.name).kwargs.get("required")]
    yield Line(
        gettext(
            "Questions after a stay: %(all)d. Of these need an answer: %(needed)d.",
            all=len(asked),
            needed=len(needed),
        )
    )


def _partners(_now: datetime) -> Iterator[Line]:
    yield Line(
        gettext(
            "Partners that could get something, each with a yes of its own: %(count)d.",
            count=_of_clause("C21"),
        ),
        url_for("policy.show_recipients"),
    )


def _calendars(_now: datetime) -> Iterator[Line]:
    yield Line(
        gettext("Partners with whom calendars are exchanged: %(count)d.", count=_of_clause("C22")),
        url_for("policy.show_recipients"),
    )


def _reviews(_now: datetime) -> Iterator[Line]:
    shown = reviews_public.how_many()
    yield Line(gettext("Reviews that are shown: %(count)d.", count=shown), url_for("reviews.show"))


def _hands(_now: datetime) -> Iterator[Line]:
    yield Line(
        gettext("Changes of hands, announced or done: %(count)d.", count=_of_clause("C24")),
        url_for("controller.show"),
    )


def _rights(_now: datetime) -> Iterator[Line]:
    yield Line(
        gettext(
            "Tables with something of persons: %(count)d. Page, download and erasure go through "
            "all of them.",
            count=len(person_tables()),
        ),
        url_for("privacy.storage"),
    )


def _purposes(_now: datetime) -> Iterator[Line]:
    yield Line(
        gettext("Purposes that the program knows: %(count)d, and no other.", count=len(Purpose)),
        url_for("privacy.clauses"),
    )


def _languages(_now: datetime) -> Iterator[Line]:
    yield Line(gettext("Languages of this site: %(count)d.", count=len(LANGUAGES)))


def _version(_now: datetime) -> Iterator[Line]:
    yield Line(gettext("The program’s version is %(version)s.", version=VERSION))


def _versions(_now: datetime) -> Iterator[Line]:
    yield Line(
        gettext("All versions stay readable, each with its digest."),
        url_for("policy.show_privacy", _anchor="version"),
    )


def _listed() -> list[Listed]:
    if "recipients_listed" not in g:
        g.recipients_listed = listed(current_app.extensions["egress"])
    found: list[Listed] = g.recipients_listed
    return found


def _of_clause(clause: str) -> int:
    return sum(1 for one in _listed() if one.clause == clause)


def _backups() -> Any:
    if "backup_facts" not in g:
        g.backup_facts = current_app.extensions["backup_facts"]()  # of a feature above this one
    return g.backup_facts


def _personal() -> Iterable[Any]:
    return list(personal_columns(Base.metadata, KeysBase.metadata))


for _clause, _look in (
    ("C01", _questions),
    ("C02", _recipients),
    ("C03", _money),
    ("C04", _passwords),
    ("C05", _versions),
    ("C06", _last_run),
    ("C07", _needed),
    ("C08", _kinds),
    ("C09", _chain),
    ("C10", _signal),
    ("C11", _cookies),
    ("C12", _purge),
    ("C13", _closing),
    ("C14", _sealed),
    ("C16", _holds),
    ("C17", _purposes),
    ("C17", _copies),
    ("C18", _languages),
    ("C19", _version),
    ("C20", _survey),
    ("C21", _partners),
    ("C22", _calendars),
    ("C23", _reviews),
    ("C24", _hands),
    ("C25", _versions),
    ("C26", _rights),
):
    shows(_clause, _look)
