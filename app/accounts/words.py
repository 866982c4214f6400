"""What is said of accounts: devices, roles, and what happened."""

from app.accounts.models import GUEST, OWNER, READER, STAFF
from app.accounts.readings import DETAIL, DETAILS, PURPOSES, WHAT, Shown
from app.core.languages import N_, gettext, ngettext
from app.web.agents import OTHER

ROLE_WORDS = {
    GUEST: N_("guest"),
    READER: N_("may read"),
    STAFF: N_("staff"),
    OWNER: N_("owner"),
}

READERS = {
    READER: N_("Somebody who may read for the house"),
    STAFF: N_("Somebody of the staff"),
    OWNER: N_("The owner"),
}
"""Who opened a person's details, as the first words of a sentence that tells them."""

NEWS = {
    "signed_in": N_("Somebody signed in to your account"),
    "password_changed": N_("The password of your account was changed"),
    "username_changed": N_("The user name of your account was changed"),
    "codes_on": N_("Signing in to your account now takes a code as well"),
    "codes_off": N_("Signing in to your account no longer takes a code"),
    "recovery_codes": N_("Your account has new recovery codes"),
    "recovery_code_used": N_("Somebody signed in to your account with a recovery code"),
    "passkey_added": N_("A passkey was added to your account"),
    "passkey_removed": N_("A passkey was removed from your account"),
    "email_changed": N_("The e-mail address of your account was changed"),
    "role_changed": N_("What you may do in the owner’s pages was changed"),
    "secured": N_("Your account was secured"),
    "access_ended": N_("Your access to the owner’s pages has ended"),
    "access_back": N_("You may use the owner’s pages again"),
}
"""What a person is told of, by its code: the subject of the mail."""


def device_words(code: str | None) -> str:
    """Return what a device is called, such as "Firefox on Linux", from `device_code`'s."""
    browser, _, system = (code or "").partition(",")
    known_browser = bool(browser) and browser != OTHER
    known_system = bool(system) and system != OTHER
    if known_browser and known_system:
        return gettext("%(browser)s on %(system)s", browser=browser, system=system)
    if known_browser or known_system:
        return browser if known_browser else system
    return gettext("a device that doesn’t say what it is")


def role_word(role: str) -> str:
    """Return what a role is called."""
    return gettext(ROLE_WORDS[role])


def reading_words(shown: Shown) -> str:
    """Return who opened what, as a sentence; "3 times" is said where it was more than once."""
    who, what = gettext(READERS[shown.role]), _what_words(shown)
    if shown.times == 1:
        return gettext("%(who)s opened %(what)s.", who=who, what=what)
    return ngettext(
        "%(who)s opened %(what)s, %(num)d time that day.",
        "%(who)s opened %(what)s, %(num)d times that day.",
        shown.times,
        who=who,
        what=what,
    )


def _what_words(shown: Shown) -> str:
    """Return what was opened, and what for where that was asked."""
    what = gettext(DETAILS[shown.detail] if shown.what == DETAIL else WHAT[shown.what])
    if not shown.purpose:
        return what
    purpose = gettext(PURPOSES[shown.purpose])
    if not shown.reason:
        return gettext("%(what)s, %(purpose)s", what=what, purpose=purpose)
    return gettext(
        "%(what)s, %(purpose)s (“%(reason)s”)", what=what, purpose=purpose, reason=shown.reason
    )
