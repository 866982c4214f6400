"""Settings that are unsafe or missing, by their names: no value of a secret is shown."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from app.config import DEMO, LEAST_PASSWORD_MEMORY, NEAR, Settings
from app.core.languages import N_, gettext

URGENT, ADVICE = "urgent", "advice"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_WORDS = {
    "demo": N_("This is the demonstration: the demo bank takes no real money."),
    "demo_secret": N_(
        "It was made for the demonstration and lies in a file beside the data. In production, "
        "give it from elsewhere."
    ),
    "same_secret": N_("It is the same as SECRET_KEY. Give each a value of its own."),
    "same_database": N_(
        "The keys are in the book’s database: whoever copies one has the other. Give the keys a "
        "database of their own."
    ),
    "no_mail": N_("Mails aren’t sent, but put into a folder."),
    "mail_open": N_("Mails go to this machine’s own relay without encryption."),
    "no_push": N_(
        "Notices to browsers aren’t offered. To offer them, make a key: openssl rand -hex 32"
    ),
    "no_countries": N_(
        "The public list of recipients doesn’t say in which countries they are, beyond what this "
        "software knows."
    ),
    "no_payments": N_("No payment provider is set: guests can’t pay here."),
    "no_proxy": N_(
        "The site is reached over https, but believes no proxy. If one stands before it, every "
        "visitor has its address, and limits meet everybody at once."
    ),
    "not_https": N_("Visitors reach the site without encryption."),
    "readable": N_("Others on this machine can read this folder. Its owner alone should."),
    "same_disk": N_("Backups lie on the same disk as the data. Keep copies elsewhere."),
    "memory": N_("Passwords are hashed with less memory than OWASP’s least."),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at, by the name of its setting."""

    setting: str
    code: str
    level: str

    def words(self) -> str:
        """Return what is to be said of it."""
        return gettext(_WORDS[self.code])


def checks(settings: Settings) -> list[Check]:
    """Return what is unsafe or missing; what would stop the start can't be seen here.

    In the demonstration all of it is advice: nothing real is at stake.
    """
    found = [*_secrets(settings), *_reached(settings), *_kept(settings)]
    if settings.demo:
        return [Check("SITE_MODE", "demo", ADVICE)] + [
            Check(one.setting, one.code, ADVICE) for one in found
        ]
    return found


def _secrets(settings: Settings) -> list[Check]:
    found = []
    if settings.demo:
        found += [
            Check(name, "demo_secret", URGENT)
            for name in ("SECRET_KEY", "MASTER_KEY")
            if (settings.instance_dir / f"{name.lower()}.secret").exists()
        ]
    if settings.secret_key == settings.master_key:
        found.append(Check("MASTER_KEY", "same_secret", URGENT))
    if settings.password_memory < LEAST_PASSWORD_MEMORY:
        found.append(Check("PASSWORD_MEMORY_KIB", "memory", URGENT))
    return found


def _reached(settings: Settings) -> list[Check]:
    found = []
    if not settings.https:
        found.append(Check("SITE_URL", "not_https", URGENT))
    elif not settings.proxy_hops:
        found.append(Check("PROXY_HOPS", "no_proxy", URGENT))
    relay = urlsplit(settings.mail_url)
    if not settings.mail_url:
        found.append(Check("MAIL_URL", "no_mail", URGENT))
    elif relay.scheme != "smtps" and relay.hostname in NEAR:
        found.append(Check("MAIL_URL", "mail_open", ADVICE))
    if not settings.stripe_secret_key and settings.mode != DEMO:
        found.append(Check("STRIPE_SECRET_KEY", "no_payments", URGENT))
    if not settings.push_key:
        found.append(Check("PUSH_KEY", "no_push", ADVICE))
    if not settings.recipient_countries and settings.mode != DEMO:
        found.append(Check("RECIPIENT_COUNTRIES", "no_countries", ADVICE))
    return found


def _kept(settings: Settings) -> list[Check]:
    found = []
    book, keys = make_url(settings.database_url), make_url(settings.keys_database_url)
    if (book.host, book.port, book.database) == (keys.host, keys.port, keys.database):
        found.append(Check("KEYS_DATABASE_URL", "same_database", URGENT))
    if _open_to_others(settings.instance_dir):
        found.append(Check("INSTANCE_DIR", "readable", URGENT))
    # Where this installation makes backups.
    backups: Any = getattr(settings, "backup_dir", None)
    if isinstance(backups, Path):
        if _open_to_others(backups):
            found.append(Check("BACKUP_DIR", "readable", URGENT))
        if _same_disk(backups, settings.instance_dir):
            found.append(Check("BACKUP_DIR", "same_disk", ADVICE))
    return found


def _open_to_others(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & _OTHERS)
    except OSError:
        return False


def _same_disk(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_dev == other.stat().st_dev
    except OSError:
        return False
