"""The activity log in plain words: pages by their route, clicks, and what they were made with."""

from collections.abc import Sequence
from datetime import datetime

from babel.dates import format_date

from app.consent.models import ActivityLine, PersonPermission
from app.consent.permissions import (
    ACCOUNT,
    ARCHIVED,
    CHANGED,
    CHECKOUT,
    ERASED,
    HANDED_OVER,
    RESERVATION,
    REWRITTEN,
)
from app.consent.register import CLICKS
from app.core.languages import N_, current_locale, gettext
from app.web.agents import OTHER

PAGES = {
    "/": N_("The first page"),
    "/search": N_("What is free"),
    "/offers/<slug>": N_("A room or a tour"),
    "/pictures/<string(length=64):digest>-<int(max=9999):width>.webp": N_("A picture"),
    "/basket": N_("The basket"),
    "/basket/<key>": N_("The basket"),
    "/checkout/<key>": N_("The details for a reservation"),
    "/checkout/<key>/pay": N_("Check and pay"),
    "/checkout/<key>/return": N_("Back from paying"),
    "/reservations/<reference>": N_("A reservation"),
    "/reservations/<reference>/arrival": N_("How to arrive"),
    "/reservations/<reference>/wishes": N_("Wishes for a stay"),
    "/reservations/<reference>/reminders": N_("The mail before arrival"),
    "/reservations/<reference>/receipt": N_("A receipt"),
    "/reservations/<reference>/invoices/<invoice_number>": N_("An invoice"),
    "/reservations/<reference>/invoices/<invoice_number>.pdf": N_("An invoice"),
    "/reservations/<reference>/messages": N_("Messages about a reservation"),
    "/account/messages/<reference>": N_("Messages about a reservation"),
    "/is-this-real": N_("Is this request real?"),
    "/contact": N_("Contact"),
    "/terms": N_("Terms"),
    "/terms/versions/<int(max=9999):number>": N_("A version of the terms"),
    "/terms/versions/<int(max=9999):number>/changes": N_("What changed in the terms"),
    "/privacy/versions/<int(max=9999):number>/changes": N_("What changed in the privacy policy"),
    "/privacy": N_("Privacy policy"),
    "/closing": N_("What happens if we close"),
    "/closing/certificate.json": N_("The certificate of the closing"),
    "/closing/certificate.sig": N_("The certificate of the closing"),
    "/privacy/incidents": N_("If something goes wrong"),
    "/account/incidents": N_("What went wrong with data of yours"),
    "/data/<key>/incidents": N_("What went wrong with data of yours"),
    "/privacy/controller": N_("Who is responsible for your data"),
    "/account/controller": N_("Who gets your data"),
    "/data/<key>/controller": N_("Who gets your data"),
    "/reservations/<reference>/controller": N_("Who gets your data"),
    "/account/controller/no": N_("Who gets your data"),
    "/data/<key>/controller/no": N_("Who gets your data"),
    "/reservations/<reference>/controller/no": N_("Who gets your data"),
    "/account/controller/take-back": N_("Who gets your data"),
    "/data/<key>/controller/take-back": N_("Who gets your data"),
    "/reservations/<reference>/controller/take-back": N_("Who gets your data"),
    "/privacy/retention": N_("How long we keep what"),
    "/privacy/clauses": N_("What we promise, point by point"),
    "/privacy/recipients": N_("Who receives data"),
    "/privacy/collection": N_("What we ask, field by field"),
    "/privacy/storage": N_("What is stored, and where"),
    "/security": N_("How it is kept safe"),
    "/privacy/versions/<int(max=9999):number>": N_("A version of the privacy policy"),
    "/feeds/<token>.ics": N_("A partner’s calendar"),
    "/cookies": N_("Cookies"),
    "/cookies/log": N_("The activity log"),
    "/preferences": N_("Language, region and light"),
    "/cookies/heads": N_("The heads of the chain of receipts"),
    "/cookies/notices/<digest>": N_("A cookie question as it was"),
    "/account/sign-in": N_("Signing in"),
    "/account/enter/<token>": N_("Signing in"),
    "/account/sign-in/<ticket>": N_("Signing in"),
    "/account/signed-out": N_("Signed out"),
    "/account/register": N_("Opening an account"),
    "/account/register/sent": N_("Opening an account"),
    "/account/verify/<token>": N_("Opening an account"),
    "/account/invited/<token>": N_("An invitation"),
    "/account/way-in": N_("A link to get in"),
    "/account/way-in/sent": N_("A link to get in"),
    "/account/way-in/<token>": N_("A link to get in"),
    "/account/confirm": N_("Asking again who it is"),
    "/account/not-me/<token>": N_("Taking an account back"),
    "/account/secured": N_("Taking an account back"),
    "/account": N_("Your account"),
    "/account/profile": N_("Your details"),
    "/account/email": N_("Changing an address"),
    "/account/email/<token>": N_("Changing an address"),
    "/account/claim/<token>": N_("Adding earlier reservations"),
    "/account/security": N_("Password and devices"),
    "/account/security/password": N_("Password and devices"),
    "/account/security/codes": N_("Password and devices"),
    "/account/readings": N_("Who opened your details"),
    "/account/activity": N_("The activity log of an account"),
    "/account/permissions": N_("What you allow"),
    "/survey/<key>": N_("Questions after a stay"),
    "/reviews": N_("What guests say"),
    "/reviews/<key>": N_("What a guest says"),
    "/reservations/<reference>/reviews/<int(max=2147483647):line_id>": N_("Writing a review"),
    "/reservations/<reference>/reviews/<int(max=2147483647):line_id>/look": N_("Writing a review"),
    "/account/notices": N_("Notices on a device"),
    "/reservations/<reference>/notices": N_("Notices on a device"),
    "/push.js": N_("What shows notices on a device"),
    "/account/data": N_("Your data"),
    "/account/data/details/<reference>": N_("Your data"),
    "/account/data/limits": N_("What your data are used for"),
    "/data/<key>": N_("Your data"),
    "/data/<key>/details/<reference>": N_("Your data"),
    "/data/<key>/limits": N_("What your data are used for"),
    "/account/data/download": N_("Taking your data along"),
    "/data/<key>/download": N_("Taking your data along"),
    "/account/data/download/<int:export_id>.zip": N_("Taking your data along"),
    "/data/<key>/download/<int:export_id>.zip": N_("Taking your data along"),
    "/account/data/erase": N_("Erasing your data"),
    "/data/<key>/erase": N_("Erasing your data"),
    "/erasures/<token>": N_("How far an erasure is"),
    "/account/data/requests": N_("Your requests"),
    "/data/<key>/requests": N_("Your requests"),
    "/reservations/<reference>/data": N_("Your data"),
    "/checkout/<key>/data": N_("Your data"),
}
"""What the page behind each route is called. Two routes may be one page to a reader."""

_DEVICES = {
    "phone": N_("phone"),
    "tablet": N_("tablet"),
    "desktop": N_("computer"),
}


_GIVEN = {
    CHECKOUT: N_("%(day)s: you said yes while booking."),
    RESERVATION: N_("%(day)s: you said yes on the page of a reservation."),
    ACCOUNT: N_("%(day)s: you said yes in your account."),
}
_ENDED = {
    RESERVATION: N_("%(day)s: you took it back on the page of a reservation."),
    ACCOUNT: N_("%(day)s: you took it back in your account."),
    CHANGED: N_("%(day)s: it ended, because what you had said yes to was changed."),
    ARCHIVED: N_("%(day)s: it ended, because we don’t work together any more."),
    REWRITTEN: N_("%(day)s: it ended, because you changed what you wrote."),
    ERASED: N_("%(day)s: it ended, because you asked to be erased."),
    HANDED_OVER: N_("%(day)s: it ended, because somebody else became responsible for your data."),
}
_TAKEN_BACK = N_("%(day)s: you took it back.")


def permission_lines(history: Sequence[PersonPermission]) -> list[str]:
    """Return what became of a permission, a sentence each, the latest first."""
    turns = [(one.given_at, _GIVEN[one.how]) for one in history]
    turns += [
        (one.ended_at, _ENDED.get(one.ended_how, _TAKEN_BACK)) for one in history if one.ended_at
    ]
    turns.sort(key=lambda turn: turn[0], reverse=True)
    return [gettext(words, day=_day(at)) for at, words in turns]


def _day(at: datetime) -> str:
    return format_date(at.date(), "long", locale=current_locale())


def page_word(rule: str) -> str:
    """Return what the page behind a route is called; the route itself, where it has no name."""
    return gettext(PAGES[rule]) if rule in PAGES else rule


def click_word(name: str) -> str:
    """Return what a declared click was."""
    return gettext(CLICKS[name]) if name in CLICKS else name


def device_word(device: str) -> str:
    """Return what a class of device is called."""
    return gettext(_DEVICES[device]) if device in _DEVICES else gettext("other device")


def browser_word(browser: str) -> str:
    """Return a browser's name, which is the same everywhere."""
    return gettext("other browser") if browser == OTHER else browser


def system_word(system: str) -> str:
    """Return an operating system's name."""
    return gettext("other system") if system == OTHER else system


def line_word(line: ActivityLine) -> str:
    """Return what a line of the log says was done."""
    if line.kind == "click":
        return gettext("Click: %(what)s", what=click_word(line.what))
    return gettext("Page: %(page)s", page=page_word(line.what))


def tools_word(line: ActivityLine) -> str:
    """Return what a line of the log says it was done with, such as "phone, Firefox, Android"."""
    return gettext(
        "%(device)s, %(browser)s, %(system)s",
        device=device_word(line.device),
        browser=browser_word(line.browser),
        system=system_word(line.system),
    )
