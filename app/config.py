"""Settings, read once from the environment and frozen.

In demo mode a missing secret is made on the first start, in a file that only
its owner can read. In production a secret has no default: the start fails and
names the variable.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DEMO, PRODUCTION = "demo", "production"
USUAL_PASSWORD_MEMORY = 47_104  # KiB, measured (README)
LEAST_PASSWORD_MEMORY = 19_456  # KiB, with two turns (OWASP Password Storage Cheat Sheet)
LEAST_NOTICE = 30  # days that the policy promises; a setting may only lengthen it
LONGEST_HORIZON = 30  # days that a backup of keys may stay: within a month all is gone for good

NEAR = ("localhost", "127.0.0.1", "::1")
ENCRYPTED = ("require", "verify-ca", "verify-full")  # of PostgreSQL's ways to connect


class SettingMissing(SystemExit):
    """A setting is missing or wrong; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an installation decides. Secrets stay out of its repr."""

    site_url: str
    mode: str
    instance_dir: Path
    # Their addresses hold passwords too.
    database_url: str = field(repr=False)
    keys_database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    port: int
    proxy_hops: int
    password_memory: int  # KiB that hashing a password takes
    backup_dir: Path
    backup_days: int  # how long a backup of the book stays
    keys_backup_days: int  # how long one of the keys does: the horizon of what was erased
    secret_key: bytes = field(repr=False)
    master_key: bytes = field(repr=False)
    mail_url: str = field(repr=False, default="")
    stripe_secret_key: str = field(repr=False, default="")
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False, default=())
    stripe_api_base: str = ""
    calendar_loopback: bool = False  # partners' calendars may lie on this machine, by http
    # What web push is signed with; empty where it isn't offered.
    push_key: bytes = field(repr=False, default=b"")
    push_leaves: bool = False  # whether what is pushed goes out; else the demo keeps it as files
    push_service_base: str = ""
    policy_notice_days: int = (
        LEAST_NOTICE  # at least so long a new policy is known before it counts
    )
    # Where recipients are, by their codes on the list: what a program can't know by itself.
    recipient_countries: tuple[tuple[str, str], ...] = ()
    testing: bool = False

    @property
    def demo(self) -> bool:
        """Whether this is the demonstration: made-up place, no real money."""
        return self.mode == DEMO

    @property
    def stripe_live(self) -> bool:
        """Whether Stripe's key moves real money."""
        return "_live_" in self.stripe_secret_key

    @property
    def https(self) -> bool:
        """Whether visitors reach the site over https."""
        return self.site_url.startswith("https://")

    @property
    def hosts(self) -> list[str]:
        """The host names that requests may carry."""
        host = urlsplit(self.site_url).hostname or ""
        return [host, "127.0.0.1", "localhost", "[::1]"] if self.demo else [host]

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings.

        Raises SettingMissing, naming the variable, where one is missing or wrong.
        """
        mode = env.get("SITE_MODE", DEMO)
        if mode not in (DEMO, PRODUCTION):
            raise SettingMissing("SITE_MODE must be demo or production.")
        port = _whole(env, "PORT", 8000)
        instance = Path(env.get("INSTANCE_DIR", "instance")).absolute()
        site_url = env.get("SITE_URL", "" if mode == PRODUCTION else f"http://localhost:{port}")
        if not site_url:
            raise SettingMissing(
                "SITE_URL is not set: the address at which visitors find the site."
            )
        if urlsplit(site_url).scheme not in ("http", "https") or not urlsplit(site_url).hostname:
            raise SettingMissing("SITE_URL must be a whole address such as https://example.org.")
        if mode == PRODUCTION and not site_url.startswith("https://"):
            raise SettingMissing("SITE_URL must begin with https:// in production.")
        if mode == PRODUCTION:
            _refuse_unsafe(env)
        stripe_key, stripe_secrets, stripe_base = _stripe(env, mode)
        push_key, push_base = _push(env, mode, instance)
        return cls(
            site_url=site_url.rstrip("/"),
            mode=mode,
            instance_dir=instance,
            database_url=_database(env, "DATABASE_URL", instance / "book.db"),
            keys_database_url=_database(env, "KEYS_DATABASE_URL", instance / "keys.db"),
            redis_url=env.get("REDIS_URL", ""),
            port=port,
            proxy_hops=_whole(env, "PROXY_HOPS", 0),
            password_memory=_password_memory(env),
            backup_dir=Path(env.get("BACKUP_DIR") or instance / "backups").absolute(),
            backup_days=_days(env, "BACKUP_DAYS", 35, 3650),
            keys_backup_days=_days(env, "KEYS_BACKUP_DAYS", 7, LONGEST_HORIZON),
            secret_key=_secret(env, "SECRET_KEY", mode, instance),
            master_key=_secret(env, "MASTER_KEY", mode, instance),
            mail_url=_mail(env, mode),
            stripe_secret_key=stripe_key,
            stripe_webhook_secrets=stripe_secrets,
            stripe_api_base=stripe_base,
            calendar_loopback=_calendar_loopback(env, mode),
            push_key=push_key,
            push_leaves=bool(env.get("PUSH_KEY")),
            push_service_base=push_base,
            recipient_countries=_countries(env),
        )


def _refuse_unsafe(env: Mapping[str, str]) -> None:
    """Raise SettingMissing for what is never safe where the site is real, by its name."""
    if env.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"):
        raise SettingMissing("FLASK_DEBUG is for developers: its pages show the program's inside.")
    if env.get("STRIPE_LOG"):
        raise SettingMissing("STRIPE_LOG is for developers: it writes what is sent into the log.")
    if env.get("SECRET_KEY") and env.get("SECRET_KEY") == env.get("MASTER_KEY"):
        raise SettingMissing("MASTER_KEY is the same as SECRET_KEY: give it a value of its own.")
    book, keys = env.get("DATABASE_URL", ""), env.get("KEYS_DATABASE_URL", "")
    if book and _place(book) == _place(keys):
        raise SettingMissing(
            "KEYS_DATABASE_URL leads to the book: give the keys their own database."
        )
    for name, url in (("DATABASE_URL", book), ("KEYS_DATABASE_URL", keys)):
        if not (_is_near(url) or _said(url, "sslmode") in ENCRYPTED):
            raise SettingMissing(f"{name} crosses a network in the open: add ?sslmode=verify-full.")
    # Who can write into the queue can have the worker run what they like.
    queue = env.get("REDIS_URL", "")
    if not (_is_near(queue) or queue.startswith("rediss://")):
        raise SettingMissing(
            "REDIS_URL crosses a network in the open: let it begin with rediss://."
        )


def _place(url: str) -> tuple[str, str, str]:
    """Return where a database is: by its host or socket, its port and its name."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition("@")[2].partition(":")
    return host or _said(url, "host"), port or _said(url, "port") or "5432", parts.path


def _said(url: str, name: str) -> str:
    """Return what the query of an address says under a name; "" if nothing."""
    return parse_qs(urlsplit(url).query).get(name, [""])[0]


def _is_near(url: str) -> bool:
    """Whether an address leads to a file, a socket or a port of this very machine."""
    host = urlsplit(url).hostname or _said(url, "host")
    return host in ("", *NEAR) or host.startswith("/")


def _mail(env: Mapping[str, str], mode: str) -> str:
    """Return the address of the mail relay; "" in a demonstration without one."""
    url = env.get("MAIL_URL", "")
    if not url and mode == PRODUCTION:
        raise SettingMissing("MAIL_URL is not set: without a relay no guest gets a mail.")
    if url and not (urlsplit(url).scheme in ("smtp", "smtps") and urlsplit(url).hostname):
        raise SettingMissing("MAIL_URL must be like smtps://user:password@relay.example:465.")
    return url


def _push(env: Mapping[str, str], mode: str, instance: Path) -> tuple[bytes, str]:
    """Return what web push is signed with, and another address of a push service.

    The demo makes a key of its own; what it pushes stays here, unless it was given one.
    Raises SettingMissing where another address is set outside a demonstration.
    """
    base = env.get("PUSH_SERVICE_BASE", "").rstrip("/")
    if base and mode == PRODUCTION:
        raise SettingMissing("PUSH_SERVICE_BASE is for tests: browsers name their own services.")
    if not env.get("PUSH_KEY") and mode == PRODUCTION:
        return b"", ""
    return _secret(env, "PUSH_KEY", mode, instance), base


def _calendar_loopback(env: Mapping[str, str], mode: str) -> bool:
    """Return whether partners' calendars may lie on this machine: never where it is real."""
    wanted = env.get("CALENDAR_LOOPBACK", "")
    if wanted not in ("", "0", "1") or (wanted == "1" and mode != DEMO):
        raise SettingMissing("CALENDAR_LOOPBACK is for demonstrations: 1 there, or not set.")
    return wanted == "1"


def _countries(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the recipients' countries, as in "mail relay=DE, stripe=IE" (ISO 3166-1 alpha-2)."""
    found = []
    for part in filter(None, map(str.strip, env.get("RECIPIENT_COUNTRIES", "").split(","))):
        code, _, country = (one.strip() for one in part.partition("="))
        if not (code and len(country) == 2 and country.isalpha() and country.isupper()):
            raise SettingMissing(
                "RECIPIENT_COUNTRIES must be like mail relay=DE, stripe=IE: who, and two letters."
            )
        found.append((code, country))
    return tuple(found)


def _stripe(env: Mapping[str, str], mode: str) -> tuple[str, tuple[str, ...], str]:
    """Return Stripe's key, the secrets of its notices, and another address for its API.

    Raises SettingMissing where they don't fit together: real money never meets a
    demonstration, and play money never a real booking.
    """
    key = env.get("STRIPE_SECRET_KEY", "").strip()
    secrets_ = tuple(filter(None, map(str.strip, env.get("STRIPE_WEBHOOK_SECRET", "").split(","))))
    base = env.get("STRIPE_API_BASE", "").rstrip("/")
    if not key:
        if secrets_ or base:
            raise SettingMissing("STRIPE_SECRET_KEY is not set, but other settings of Stripe are.")
        return "", (), ""
    kind, _, rest = key.partition("_")
    if kind not in ("sk", "rk") or not rest.startswith(("test_", "live_")):
        raise SettingMissing("STRIPE_SECRET_KEY must be a secret or restricted key of Stripe.")
    live = rest.startswith("live_")
    if live and mode == DEMO:
        raise SettingMissing("STRIPE_SECRET_KEY is live: a demonstration takes no real money.")
    if not live and mode == PRODUCTION:
        raise SettingMissing("STRIPE_SECRET_KEY is for tests: production needs a live key.")
    if live and base:
        raise SettingMissing("STRIPE_API_BASE is for tests: a live key goes to Stripe alone.")
    if not secrets_:
        raise SettingMissing("STRIPE_WEBHOOK_SECRET is not set: notices couldn't be believed.")
    return key, secrets_, base


def _whole(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise SettingMissing(f"{name} must be a whole number.")
    return int(text)


def _days(env: Mapping[str, str], name: str, default: int, most: int, least: int = 1) -> int:
    """Return a number of days, from the least to the most that is allowed."""
    days = _whole(env, name, default)
    if not least <= days <= most:
        raise SettingMissing(f"{name} must be from {least} to {most}.")
    return days


def _password_memory(env: Mapping[str, str]) -> int:
    """Return the memory of a password's hash, in KiB: never less than OWASP's minimum."""
    kib = _whole(env, "PASSWORD_MEMORY_KIB", USUAL_PASSWORD_MEMORY)
    if kib < LEAST_PASSWORD_MEMORY:
        raise SettingMissing(f"PASSWORD_MEMORY_KIB must be {LEAST_PASSWORD_MEMORY} or more.")
    return kib


def _database(env: Mapping[str, str], name: str, default: Path) -> str:
    """Return a database's address, in the form that names our PostgreSQL driver."""
    url = env.get(name) or f"sqlite:///{default}"
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def _secret(env: Mapping[str, str], name: str, mode: str, instance: Path) -> bytes:
    """Return a secret of at least 32 bytes."""
    text = env.get(name, "")
    if not text and mode == DEMO:
        text = _own_secret(instance, name)
    if not text:
        raise SettingMissing(f"{name} is not set. Make one with: openssl rand -hex 32")
    if len(text) < 32:
        raise SettingMissing(f"{name} is too short: give at least 32 characters.")
    return text.encode()


def _own_secret(instance: Path, name: str) -> str:
    """Return the demo's secret from its file, made on the first start for its owner only."""
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = instance / f"{name.lower()}.secret"
    if not path.exists():
        # Written whole under another name, then linked: two processes that start
        # together read the same secret, and neither reads half of one.
        draft = instance / f".{name.lower()}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
