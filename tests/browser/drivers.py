"""Firefox and WebKit, as Debian has them, driven by the little that a test of Back needs.

Playwright brings engines of its own makers' making and switches their memory of pages
off; these are the browsers that people have, as they come.
"""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.conftest import lacking
from tests.servers import free_port

STARTS_WITHIN = 30  # seconds
_QUIET = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}


class Engine:
    """A browser with one window. `command` is an engine's own; the rest is shared."""

    process: subprocess.Popen[bytes]

    def open(self, url: str) -> None:
        """Go to an address and wait for its page."""
        raise NotImplementedError

    def run(self, script: str) -> Any:
        """Run a script in the page and return its value."""
        raise NotImplementedError

    def back(self) -> None:
        """Press Back."""
        raise NotImplementedError

    def text(self) -> str:
        """Return what the page shows."""
        return str(self.run("return document.body.innerText"))

    def press(self, selector: str) -> None:
        """Press a button, and wait until the address has changed and its page is there."""
        before = self.run("return location.href")
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        until = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < until:
            with suppress(OSError, RuntimeError):  # between two pages there is none to ask
                if (
                    self.run("return [location.href, document.readyState]")
                    not in (
                        [before, "complete"],
                        [before, "interactive"],
                        [before, "loading"],
                    )
                    and self.run("return document.readyState") == "complete"
                ):
                    return
        raise AssertionError(f"{selector} leads nowhere from {before}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()


class Firefox(Engine):
    """Firefox, spoken to by its own protocol (Marionette)."""

    def __init__(self, folder: Path) -> None:
        """Start it with a profile of its own below `folder`."""
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        if program is None:
            lacking("Firefox is not on this machine")
        profile, port = folder / "firefox", free_port()
        profile.mkdir()
        wishes = {**_QUIET, "marionette.port": port}
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in wishes.items())
        )
        self.process = subprocess.Popen(
            [program, "--headless", "--marionette", "--no-remote", "--profile", str(profile)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._socket = _connect(port)
        self._stream = self._socket.makefile("rb")
        self._count = 0
        self._hear()
        self._say("WebDriver:NewSession", capabilities={})

    def open(self, url: str) -> None:
        """Go to an address and wait for its page."""
        self._say("WebDriver:Navigate", url=url)

    def run(self, script: str) -> Any:
        """Run a script in the page and return its value."""
        return self._say("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def back(self) -> None:
        """Press Back."""
        self._say("WebDriver:Back")

    def __exit__(self, *error: object) -> None:
        self._stream.close()
        self._socket.close()
        super().__exit__(*error)

    def _say(self, name: str, **values: Any) -> Any:
        self._count += 1
        text = json.dumps([0, self._count, name, values]).encode()
        self._socket.sendall(b"%d:%b" % (len(text), text))
        _, _, error, result = self._hear()
        if error:
            raise RuntimeError(error["message"])
        return result

    def _hear(self) -> Any:
        length = b""
        while (sign := self._stream.read(1)) != b":":
            length += sign
        return json.loads(self._stream.read(int(length)))


class WebKit(Engine):
    """WebKitGTK's small browser, spoken to by WebDriver; it needs a screen, if a made-up one."""

    def __init__(self, folder: Path) -> None:
        """Start its driver, on a screen that nobody sees."""
        browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
        driver, screen = shutil.which("WebKitWebDriver"), shutil.which("xvfb-run")
        if not (browsers and driver and screen):
            lacking("WebKitGTK, its driver, or xvfb is not on this machine")
        port = free_port()
        self.process = subprocess.Popen(
            [screen, "-a", driver, f"--port={port}"],
            env={**os.environ, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _connect(port).close()
        self._base = f"http://127.0.0.1:{port}/session"
        options = {"binary": str(browsers[-1]), "args": ["--automation"]}
        wishes = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        self._base += "/" + self._say("POST", "", capabilities=wishes)["sessionId"]

    def open(self, url: str) -> None:
        """Go to an address and wait for its page."""
        self._say("POST", "/url", url=url)

    def run(self, script: str) -> Any:
        """Run a script in the page and return its value."""
        return self._say("POST", "/execute/sync", script=script, args=[])

    def back(self) -> None:
        """Press Back."""
        self._say("POST", "/back")

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._say("DELETE", "")
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, 15)
        super().__exit__(*error)

    def _say(self, method: str, path: str, **values: Any) -> Any:
        request = urllib.request.Request(
            self._base + path,
            method=method,
            data=json.dumps(values).encode() if method == "POST" else None,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=STARTS_WITHIN) as answer:
            return json.load(answer)["value"]


def _connect(port: int) -> socket.socket:
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=STARTS_WITHIN)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
