"""The register of everything stored on a visitor's device: what isn't here is never set (C11).

The cookie page and the policy are rendered from it, the gate enforces it, and a
real browser is compared with it. Scripts of ours store nothing but what `ON_REQUEST` lists.
"""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from app.accounts.sessions import SESSION
from app.core.languages import N_
from app.web.cookies import Category, Cookie

CHOICE_MONTHS = 6
"""How long a choice counts, a yes and a no alike (CNIL, guidelines of 17 September 2020)."""
# No six months are longer: 31 + 31 + 30 + 31 + 30 + 31 days.
_CHOICE_SECONDS = 184 * 86_400

CHOICE = Cookie(
    "choice",
    Category.NECESSARY,
    N_("Remembers what you answered about cookies, and under which receipt"),
    _CHOICE_SECONDS,
    clause="C09",
    needed_for=N_("keeping your answer from page to page"),
)
BASKET = Cookie(
    "basket",
    Category.NECESSARY,
    N_("Remembers the address of your basket, so that you find it again from any page"),
    2 * 86_400,
    clause="C11",
    needed_for=N_("finding your basket again from the menu"),
)
PREFERENCES = Cookie(
    "preferences",
    Category.PREFERENCES,
    N_("Remembers your language, your region, how prices are written, and light or dark"),
    _CHOICE_SECONDS,
    clause="C18",
)
STATISTICS = Cookie(
    "statistics",
    Category.STATISTICS,
    N_("A random number, under which the pages you open are noted"),
    _CHOICE_SECONDS,
    clause="C09",
)
SUGGESTIONS = Cookie(
    "suggestions",
    Category.SUGGESTIONS,
    N_("A random number, under which we note the offers you looked at"),
    _CHOICE_SECONDS,
    clause="C18",
)
REGISTER = (CHOICE, BASKET, SESSION, PREFERENCES, STATISTICS, SUGGESTIONS)


@dataclass(frozen=True, slots=True)
class Stored:
    """Something that isn't a cookie, stored because its person pressed the button for it.

    It is asked for by itself, on its own page, and is no part of any category: the law
    leaves out what somebody expressly asked for (ePrivacy Directive, Article 5(3)).
    """

    name: str  # as a browser's tools call it
    title: str  # a text for people, marked by N_, as all that follow
    purpose: str
    kept: str  # how long
    reader: str
    endpoint: str  # the page that switches it on and off
    clause: str


ON_REQUEST = (
    Stored(
        "push.js",
        N_("Notices on a device"),
        N_(
            "Shows notices on this device: a small program, and your browser’s address at its "
            "push service"
        ),
        N_("Only after you press “Tell me on this device”, until you end it or sign out there"),
        N_("This site; your browser’s push service knows the address that it gave"),
        "push.show",
        "C13",
    ),
    Stored(
        "passkey",
        N_("Passkeys"),
        N_("Signs you in: a key that your device, or what keeps your passwords, makes for it"),
        N_("Only after you press “Add a passkey on this device”, until you delete it there"),
        N_("Nobody: your device proves that it has the key, and never hands it out"),
        "accounts.security",
        "C04",
    ),
)
"""What is stored at a visitor's own request; a test compares it with a real browser."""

OF_CATEGORY = {cookie.category: cookie for cookie in (PREFERENCES, STATISTICS, SUGGESTIONS)}
"""The one cookie of each optional category: one purpose a cookie."""


@dataclass(frozen=True, slots=True)
class About:
    """What a category is, in words for people (each marked by N_), and what it touches."""

    title: str
    short: str
    purposes: tuple[str, ...]
    data: tuple[str, ...]
    kept: str
    server_months: int = 0
    """How long a line on the server is kept at most, in months; 0 where there is none."""


ACTIVITY_MONTHS = 13
"""No line of the activity log is kept for longer (CNIL allows 25 for such data)."""

_ON_OUR_SERVER = N_(
    "On our own server, until you withdraw or your choice runs out; %(months)d months at most."
)

ABOUT = {
    Category.NECESSARY: About(
        N_("Necessary"),
        N_("What you ask for doesn’t work without these. They are always on."),
        (
            N_("Keeping your answer about cookies"),
            N_("Finding your basket again"),
            N_("Staying signed in"),
        ),
        (),
        N_("On your device only as long as each line says."),
    ),
    Category.PREFERENCES: About(
        N_("Preferences"),
        N_("We remember your language, region and how pages look."),
        (N_("Showing every page in your language, your formats and your light"),),
        ("language", "region", "currency_display", "theme"),
        N_("In a cookie on your device, and nowhere else."),
    ),
    Category.STATISTICS: About(
        N_("Statistics"),
        N_("We count which pages are read, to make them better. You can read every line."),
        (
            N_("Seeing which pages help, and where people give up"),
            N_("Seeing on which kinds of devices the site must work"),
        ),
        ("page", "click", "referring_host", "device_class", "browser_family", "system_family"),
        _ON_OUR_SERVER,
        server_months=ACTIVITY_MONTHS,
    ),
    Category.SUGGESTIONS: About(
        N_("Personal suggestions"),
        N_("What you looked at comes first, next time you search."),
        (N_("Putting offers that you looked at before the others"),),
        ("offers_looked_at",),
        _ON_OUR_SERVER,
        server_months=ACTIVITY_MONTHS,
    ),
}

CLICKS = {
    "offer": N_("Opened an offer"),
    "choose": N_("Chose dates or a time"),
    "extras": N_("Opened the extras"),
    "map": N_("Opened the way to us"),
    "pay": N_("Went on to pay"),
}
"""What a template may mark as worth counting, and the words for it in a visitor's own log."""


def cookies_of(category: Category) -> tuple[Cookie, ...]:
    """Return the cookies of a category, in the order of the register."""
    return tuple(cookie for cookie in REGISTER if cookie.category == category)


@cache
def inventory(category: Category) -> str:
    """Return the digest of what a yes to a category covers, 8 hexadecimal digits.

    Over facts only: cookies, lives, kinds of data, how long they are kept. A text
    that is put better leaves it as it is; one more kind of data doesn't, and
    whoever had said yes is asked again, for this category alone.
    """
    about = ABOUT[category]
    facts = {
        "category": category.value,
        "cookies": [[cookie.name, cookie.seconds] for cookie in cookies_of(category)],
        "data": sorted(about.data),
        "months": about.server_months,
        "choice_months": CHOICE_MONTHS,
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
