"""Settings have a safe default in the demo, none in production, and secrets tell nobody (D12)."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from app import create_app
from app.config import SettingMissing, Settings
from app.core.egress import MAIL_RELAY
from tests.servers import ROOT, surroundings

PRODUCTION = {
    "SITE_MODE": "production",
    "SITE_URL": "https://reserved.example",
    "SECRET_KEY": "a" * 32 + "secret one",
    "MASTER_KEY": "b" * 32 + "secret two",
    "MAIL_URL": "smtps://user:pass-word@relay.example:465",
}


def production(tmp_path, **others):
    values = {**PRODUCTION, "INSTANCE_DIR": str(tmp_path / "instance"), **others}
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.clause("C14")
@pytest.mark.parametrize("missing", ["SECRET_KEY", "MASTER_KEY", "SITE_URL", "MAIL_URL"])
@pytest.mark.parametrize("value", [None, ""])
def test_production_refuses_to_start_without_a_setting_and_names_it(tmp_path, missing, value):
    with pytest.raises(SettingMissing, match=f"^{missing} "):
        Settings.from_env(production(tmp_path, **{missing: value}))

    assert not (tmp_path / "instance").exists()


@pytest.mark.clause("C14")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "tiny-value"),
        ("MASTER_KEY", "x" * 31),
        ("SITE_URL", "http://reserved.example"),
        ("SITE_URL", "reserved.example"),
        ("SITE_URL", "ftp://reserved.example"),
        ("SITE_MODE", "Production"),
        ("SITE_MODE", ""),
        ("PORT", "8000x"),
        ("PORT", "99999999"),
        ("PORT", "-1"),
        ("PROXY_HOPS", "one"),
        ("PASSWORD_MEMORY_KIB", "19455"),
        ("BACKUP_DAYS", "0"),
        ("BACKUP_DAYS", "a month"),
        ("KEYS_BACKUP_DAYS", "-1"),
        ("KEYS_BACKUP_DAYS", "31"),
        ("MAIL_URL", "relay.example:465"),
        ("MAIL_URL", "https://relay.example"),
    ],
)
def test_a_wrong_setting_is_named_and_a_secret_is_not_shown(tmp_path, name, value):
    with pytest.raises(SettingMissing) as caught:
        Settings.from_env(production(tmp_path, **{name: value}))

    assert name in str(caught.value)
    assert "KEY" not in name or value not in str(caught.value)


SHARED = "postgresql://reserved@db.example/book"


@pytest.mark.clause("C14")
@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("MASTER_KEY", {"MASTER_KEY": PRODUCTION["SECRET_KEY"]}),
        ("FLASK_DEBUG", {"FLASK_DEBUG": "1"}),
        ("STRIPE_LOG", {"STRIPE_LOG": "debug"}),
        ("DATABASE_URL", {"DATABASE_URL": SHARED}),
        ("DATABASE_URL", {"DATABASE_URL": f"{SHARED}?sslmode=prefer"}),
        ("DATABASE_URL", {"DATABASE_URL": "postgresql:///book?host=db.example"}),
        ("KEYS_DATABASE_URL", {"KEYS_DATABASE_URL": SHARED}),
        (
            "KEYS_DATABASE_URL",
            {
                "DATABASE_URL": f"{SHARED}?sslmode=require",
                "KEYS_DATABASE_URL": "postgresql://other@db.example:5432/book?sslmode=verify-full",
            },
        ),
        ("REDIS_URL", {"REDIS_URL": "redis://:pass@queue.example:6379/0"}),
    ],
)
def test_production_refuses_what_is_unsafe_by_its_name(tmp_path, name, others):
    with pytest.raises(SettingMissing, match=f"^{name} ") as caught:
        Settings.from_env(production(tmp_path, **others))

    assert "pass" not in str(caught.value)
    assert PRODUCTION["SECRET_KEY"] not in str(caught.value)


@pytest.mark.clause("C14")
@pytest.mark.parametrize(
    "others",
    [
        {
            "DATABASE_URL": "postgresql://reserved@/book?host=/run/postgresql",
            "KEYS_DATABASE_URL": "postgresql://reserved@/keys?host=/run/postgresql",
            "REDIS_URL": "unix:///run/queue.sock",
        },
        {
            "DATABASE_URL": f"{SHARED}?sslmode=verify-full",
            "KEYS_DATABASE_URL": "postgresql://reserved@localhost/keys",
            "REDIS_URL": "rediss://:pass@queue.example:6379/0",
        },
        {"REDIS_URL": "redis://localhost:6379/0", "FLASK_DEBUG": "0"},
    ],
)
def test_sockets_this_machine_and_encrypted_ways_are_safe(tmp_path, others):
    assert Settings.from_env(production(tmp_path, **others)).mode == "production"


@pytest.mark.clause("C14")
def test_a_start_without_a_secret_fails_with_one_line_and_no_trace(tmp_path):
    environ = production(tmp_path, MASTER_KEY=None)

    done = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        cwd=ROOT, env=surroundings(environ), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.startswith("MASTER_KEY is not set")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.clause("C14")
def test_settings_show_no_secret(tmp_path):
    settings = Settings.from_env(production(tmp_path))

    shown = repr(settings) + str(settings)

    for secret in ("secret one", "secret two", "pass-word"):
        assert secret not in shown
    with pytest.raises(AttributeError):
        settings.mode = "demo"


@pytest.mark.clause("C14")
@pytest.mark.parametrize("name", ["DATABASE_URL", "KEYS_DATABASE_URL", "REDIS_URL"])
def test_the_password_in_an_address_is_not_shown_either(tmp_path, name):
    address = "rediss" if name == "REDIS_URL" else "postgresql"
    address += "://reserved:pass-word-of-it@db.example/book?sslmode=verify-full"

    settings = Settings.from_env(production(tmp_path, **{name: address}))

    assert "pass-word-of-it" not in repr(settings)


@pytest.mark.clause("C14")
def test_the_demo_makes_its_secrets_once_for_its_owner_only(tmp_path):
    environ = {"INSTANCE_DIR": str(tmp_path / "instance")}

    with ThreadPoolExecutor(8) as pool:  # servers that start together
        made = list(pool.map(lambda _: Settings.from_env(environ), range(16)))

    assert len({(one.secret_key, one.master_key) for one in made}) == 1
    assert made[0].secret_key != made[0].master_key
    assert len(made[0].secret_key) == 64
    folder = tmp_path / "instance"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    names = ("secret_key", "master_key", "push_key")
    assert modes == {f"{name}.secret": 0o600 for name in names}


def test_the_demo_needs_nothing_and_listens_to_this_machine(tmp_path):
    settings = Settings.from_env({"INSTANCE_DIR": str(tmp_path)})

    assert (settings.mode, settings.demo, settings.https) == ("demo", True, False)
    assert settings.site_url == "http://localhost:8000"
    assert settings.database_url == f"sqlite:///{tmp_path}/book.db"
    assert settings.keys_database_url == f"sqlite:///{tmp_path}/keys.db"
    assert settings.proxy_hops == 0


@pytest.mark.clause("C14")
def test_production_answers_to_its_own_name_only(tmp_path):
    settings = Settings.from_env(production(tmp_path))

    assert settings.hosts == ["reserved.example"]
    assert settings.https


@pytest.mark.parametrize(
    "given", ["postgres://u@h/b", "postgresql://u@h/b", "postgresql+psycopg://u@h/b"]
)
def test_a_postgresql_address_may_be_written_as_hosters_do(tmp_path, given):
    settings = Settings.from_env({"INSTANCE_DIR": str(tmp_path), "DATABASE_URL": given})

    assert settings.database_url == "postgresql+psycopg://u@h/b"


@pytest.mark.clause("C14")
def test_what_flask_would_leave_open_is_set(app):
    config = app.config

    assert config["MAX_CONTENT_LENGTH"] == 1_000_000
    assert config["MAX_FORM_MEMORY_SIZE"] <= 500_000
    assert config["MAX_FORM_PARTS"] <= 300
    assert config["TRUSTED_HOSTS"]
    assert config["PROPAGATE_EXCEPTIONS"] is False
    assert app.debug is False
    assert config["SQLALCHEMY_ENGINE_OPTIONS"]["hide_parameters"] is True


@pytest.mark.clause("C06")
def test_production_has_no_demo_bank_and_only_the_recipients_it_was_given(tmp_path):
    app = create_app(Settings.from_env(production(tmp_path)))

    rules = [rule.rule for rule in app.url_map.iter_rules()]

    assert not [rule for rule in rules if "demo" in rule]
    assert app.extensions["egress"].recipients() == [MAIL_RELAY.code]
