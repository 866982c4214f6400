"""What brings the site up for real names only what there is, and notes nothing about anybody.

These tests read the files; deploy/README.md says what was tried with them, and how.
"""

import re
import shutil
import subprocess
from configparser import ConfigParser
from itertools import pairwise
from pathlib import Path

import pytest

from app import create_app
from app.cli import register_commands
from app.config import Settings
from app.continuity.copies import DEBIAN
from tests.architecture.source import ROOT

DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "units"
SANDBOX = UNITS / "reserved-.service.d" / "sandbox.conf"
SCRIPTS = ("install", "upgrade", "reserved", "new-certificate", "steps.sh")
SERVICES = sorted(UNITS.glob("*.service"))
NAMES = [path.stem for path in SERVICES]
OWN_SECRETS = {"SECRET_KEY": "a" * 40, "MASTER_KEY": "b" * 40, "PUSH_KEY": "c" * 40}


class Unit(ConfigParser):
    """A unit's file, in which a name may stand several times."""

    def __init__(self, path):
        super().__init__(strict=False, interpolation=None, comment_prefixes=("#",))
        self.optionxform = str
        text = path.read_text().replace("\\\n", " ")
        self.lines = [line for line in text.splitlines() if "=" in line and line[0] != "#"]
        self.read_string(text)

    def all(self, name):
        return [line.partition("=")[2] for line in self.lines if line.startswith(f"{name}=")]


def directives(name):
    """Return the lines of a configuration without comments."""
    lines = (line.split("#")[0].strip() for line in (DEPLOY / name).read_text().splitlines())
    return [" ".join(line.split()) for line in lines if line]


# -- Units ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SERVICES, ids=NAMES)
def test_every_service_has_a_user_of_its_own_and_its_own_limits(path):
    unit = Unit(path)["Service"]

    assert "User" in unit or unit.get("DynamicUser") == "yes"
    assert unit.get("User", "reserved") != "root"
    # The sandbox is read after the unit: a list that it emptied could not be filled again.
    assert "CapabilityBoundingSet" in unit
    assert "RestrictAddressFamilies" in unit
    assert unit["CapabilityBoundingSet"] in ("", "CAP_NET_BIND_SERVICE")
    assert unit.get("Restart") == "always" or unit["Type"] == "oneshot"


def test_the_sandbox_holds_for_every_service():
    sandbox = Unit(SANDBOX)["Service"]

    expected = {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "LimitCORE": "0",
        "UMask": "0077",
        "LogNamespace": "reserved",
    }
    assert {name: sandbox[name] for name in expected} == expected
    assert all(name.startswith("reserved-") for name in NAMES)
    assert not {"CapabilityBoundingSet", "RestrictAddressFamilies"} & set(sandbox)


@pytest.mark.parametrize("path", SERVICES, ids=NAMES)
def test_what_units_start_is_there(path, tmp_path):
    app = create_app(Settings.from_env({"INSTANCE_DIR": str(tmp_path)}))
    register_commands(app)

    for command in Unit(path).all("ExecStart"):
        words = command.split()
        if "flask" not in words:
            continue
        found, rest = app.cli, words[words.index("wsgi") + 1 :]
        for word in rest:
            if word.startswith("-"):
                assert word in [one for option in found.params for one in option.opts], command
            else:
                found = found.commands[word]


def test_the_server_starts_as_bin_run_starts_it():
    [command] = Unit(UNITS / "reserved-web.service").all("ExecStart")
    usual = (ROOT / "bin" / "run").read_text().replace("\\\n", " ")
    words = re.search(r"apart -m granian (.*) &", usual)[1].split()

    given = set(pairwise(command.split()))

    own = {"--host", "--port", "--workers"}
    for option, value in pairwise(words):
        if option.startswith("--") and option not in own:
            assert option in command.split()
            assert value.startswith("--") or (option, value) in given


def test_timers_have_their_services_and_the_target_has_all():
    wanted = " ".join(Unit(UNITS / "reserved.target").all("Wants")).split()
    there = {path.name for path in UNITS.iterdir() if path.is_file()}

    assert set(wanted) <= there
    for timer in UNITS.glob("*.timer"):
        assert timer.name in wanted
        assert f"{timer.stem}.service" in there
    running = {path.name for path in SERVICES if "oneshot" not in path.read_text()}
    assert running <= set(wanted)


# -- Settings -------------------------------------------------------------------------------


def test_the_settings_that_install_writes_are_accepted_by_a_production_start():
    text = (DEPLOY / "install").read_text()
    written = dict(re.findall(r"^ +quoted ([A-Z_]+) (.+)", text, re.MULTILINE))
    values = {
        "$STATE": "/var/lib/reserved",
        "$BACKUPS": "/var/backups/reserved",
        "${SITE_URL%/}": "https://house.example",
        "$MAIL_URL": "smtps://us:hush@relay.example:465",
    }
    given = {name: value.strip('"') for name, value in written.items()}
    environ = {name: values.get(value, value) for name, value in given.items()}
    environ |= OWN_SECRETS | {"STRIPE_SECRET_KEY": "", "STRIPE_WEBHOOK_SECRET": ""}

    settings = Settings.from_env(environ)

    assert settings.mode == "production"
    assert settings.proxy_hops == 1
    assert settings.database_url != settings.keys_database_url
    known = (ROOT / "app" / "config.py").read_text()
    # The last three are read by the unit of the web and by install itself.
    unknown = {name for name in written if f'"{name}"' not in known}
    assert unknown == {"WEB_WORKERS", "LISTEN", "TLS"}


def test_secrets_are_for_root_only_and_in_no_file_that_others_read():
    text = (DEPLOY / "install").read_text()
    plain, _, secret = text.partition('put 644 "$ETC/settings"')

    for name in ("SECRET_KEY", "MASTER_KEY", "PUSH_KEY", "MAIL_URL", "STRIPE_SECRET_KEY"):
        assert f"quoted {name} " not in plain
        assert f"quoted {name} " in secret.split('put 600 "$ETC/secrets"')[0]


# -- Nothing about anybody ------------------------------------------------------------------


@pytest.mark.clause("C09")
def test_the_proxy_logs_no_request_and_believes_no_visitor():
    lines = directives("nginx.conf")

    assert [line for line in lines if "access_log" in line] == ["access_log off;"]
    assert [line for line in lines if "error_log" in line] == ["error_log stderr emerg;"]
    assert not [line for line in lines if line.startswith("log_format")]
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in lines
    assert "proxy_set_header X-Forwarded-Host @AUTHORITY@;" in lines
    assert 'proxy_set_header Forwarded "";' in lines
    assert "proxy_max_temp_file_size 0;" in lines
    assert "proxy_cache_key $uri;" in lines
    kept = [line.split()[1] for line in lines if re.match(r"\w+_(temp|cache)_path ", line)]
    assert kept
    assert all(path.startswith("/run/") for path in kept)


@pytest.mark.clause("C09")
def test_the_database_logs_nobody():
    settings = dict(line.split(" = ") for line in directives("postgresql.conf"))

    expected = {
        "listen_addresses": "''",
        "log_connections": "off",
        "log_disconnections": "off",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
    assert {name: settings[name] for name in expected} == expected
    assert "%h" not in settings["log_line_prefix"]
    assert "%r" not in settings["log_line_prefix"]


@pytest.mark.clause("C09")
def test_the_journal_ends_and_the_queue_keeps_nothing():
    journal, queue = directives("journald.conf"), directives("queue.conf")

    assert "MaxRetentionSec=14day" in journal
    assert "ForwardToSyslog=no" in journal
    assert "port 0" in queue
    assert 'save ""' in queue
    assert "appendonly no" in queue


@pytest.mark.postgres
def test_postgresql_knows_every_setting(tmp_path):
    program = next(iter(sorted(DEBIAN.glob("*/bin/postgres"), reverse=True)), None)
    program = program or shutil.which("postgres")
    if program is None:
        pytest.skip("PostgreSQL's server is not here.")

    # As whoever it may run: it describes a setting without starting.
    listed = subprocess.run(
        [program, "--describe-config"], capture_output=True, text=True, check=True
    ).stdout
    known = {line.split("\t")[0] for line in listed.splitlines()}

    assert {line.split(" = ")[0] for line in directives("postgresql.conf")} <= known


# -- Scripts --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_read_without_fault(name):
    path = DEPLOY / name

    subprocess.run(["sh", "-n", path], check=True)

    assert name == "steps.sh" or path.stat().st_mode & 0o111
    assert name == "steps.sh" or path.read_text().startswith("#!/bin/sh\n")
    if shutil.which("shellcheck"):
        done = subprocess.run(
            ["shellcheck", "-x", name], cwd=DEPLOY, capture_output=True, text=True, check=False
        )
        assert not done.returncode, done.stdout


def test_scripts_change_nothing_for_whoever_is_not_root_or_asks_for_help():
    for name in ("install", "upgrade"):
        done = subprocess.run(
            ["sh", DEPLOY / name, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert f"deploy/{name}" in done.stdout
        text = (DEPLOY / name).read_text()
        assert text.index("\nneed_root\n") < text.index("mktemp -d")


def test_every_file_that_is_put_somewhere_is_here():
    for name in ("install", "upgrade", "steps.sh"):
        for found in re.findall(r"\$HERE/([\w./-]+)", (DEPLOY / name).read_text()):
            assert (DEPLOY / found).exists(), found


def test_the_ways_in_the_files_are_those_of_the_readme():
    readme = (DEPLOY / "README.md").read_text()

    for path in ("/etc/reserved/settings", "/etc/reserved/secrets", "/var/backups/reserved"):
        assert path in readme
    assert "deploy/" in (ROOT / "README.md").read_text()
    for script in ("install", "upgrade"):
        assert f"deploy/{script}" in readme
    assert Path(DEPLOY / "back-shortly.html").read_text().count("<p") == 4
