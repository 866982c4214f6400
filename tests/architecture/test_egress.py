"""Whatever leaves this machine leaves by one door: no other module can open a connection."""

import ast

import pytest

from tests.architecture.source import Source, sources

# Modules that can open a connection, by the first words of their names.
WAYS_OUT = (
    "aiohttp",
    "asyncio",
    "ftplib",
    "grpc",
    "http.client",
    "httplib2",
    "httpx",
    "imaplib",
    "nntplib",
    "poplib",
    "pycurl",
    "pywebpush",
    "requests",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "stripe",
    "telnetlib",
    "trio",
    "urllib.request",
    "urllib3",
    "webbrowser",
    "websockets",
    "xmlrpc",
)

DOORS = {
    "app/core/egress.py": "the door: it knows the recipients",
    "app/core/calendar_door.py": "the door's side entrance, for partners' calendars alone",
    "app/payments/stripe/client.py": "Stripe's own client, led to the address that the door gave",
}
"""The modules that may open a connection, and why."""

PROGRAMS = {
    "app/continuity/copies.py": "PostgreSQL's own programs, on the databases that are ours anyway"
}
"""The modules that may start another program, and which."""


def is_way_out(imported):
    """Say whether what is imported can open a connection."""
    if imported in ("http", "urllib"):
        return True  # a whole package, of which some parts reach out
    return any(imported == way or imported.startswith(f"{way}.") for way in WAYS_OUT)


def faults(files):
    """Return the places where a module outside of DOORS could reach out."""
    return [
        f"{source.at(node)}: {imported}"
        for source in files
        if source.name not in DOORS
        for node, imported in source.imports()
        if is_way_out(imported)
    ]


@pytest.mark.clause("C02")
@pytest.mark.clause("C21")
def test_no_module_but_the_door_can_open_a_connection():
    assert faults(sources("app", "migrations")) == []


@pytest.mark.clause("C02")
@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("import socket", True),
        ("import urllib.request", True),
        ("import urllib", True),
        ("from urllib.request import urlopen", True),
        ("from urllib import request", True),
        ("from http.client import HTTPSConnection", True),
        ("import requests", True),
        ("def late():\n    import smtplib", True),
        ("from urllib.parse import urlsplit", False),
        ("from flask import request", False),
        ("from app.privacy import requests", False),
    ],
)
def test_a_way_out_is_found_wherever_it_is_imported(tmp_path, monkeypatch, line, caught):
    monkeypatch.setattr("tests.architecture.source.ROOT", tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "feature.py").write_text(line + "\n")
    files = [Source(tmp_path / "app" / "feature.py")]

    assert bool(faults(files)) is caught


@pytest.mark.clause("C02")
def test_a_module_that_is_asked_for_by_name_is_no_way_around():
    # importlib and __import__ would hide from the tests above what they bring in.
    wrong = []
    for source in sources("app"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("__import__", "eval", "exec") or called.endswith("import_module"):
                    wrong.append(f"{source.at(node)}: {called}(…)")

    assert wrong == []


@pytest.mark.clause("C02")
def test_no_module_starts_another_program_unsaid():
    # A program that is started could send what the door would refuse.
    wrong = [
        f"{source.at(node)}: {imported}"
        for source in sources("app")
        if source.name not in PROGRAMS
        for node, imported in source.imports()
        if imported.split(".")[0] in ("subprocess", "multiprocessing", "pty")
        or imported in ("os.system", "os.popen")
    ]

    assert wrong == []


@pytest.mark.clause("C02")
def test_every_door_is_there_and_reaches_out():
    # One that doesn't any more leaves the list.
    known = {source.name: source for source in sources("app")}

    for name in DOORS:
        assert any(is_way_out(imported) for _, imported in known[name].imports()), name
