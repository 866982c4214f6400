"""An independent stand-in for Stripe: a server on this machine that our adapter calls.

It checks each call against Stripe's own description (`stripe_forms.py`), answers with
Stripe's own fixtures (`stripe_fixtures.json`), and keeps the rules that Stripe's manual
gives in words: how long a page lives, what a key repeats, how much may go back. It knows
nothing of our code. What it can't show is how Stripe itself behaves: see the README.
"""

import json
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.payments.stripe_books import Books, Refused
from tests.payments.stripe_forms import Malformed, call_for, read
from tests.payments.stripe_published import check

VERSION = "2026-10-28.endive"
KEY = "sk_test_" + "k" * 24
SECRET = "whsec_" + "w" * 24
_KEPT = 24 * 3600  # seconds that an idempotency key is kept for

# Faults: before a call is heard, or after it was done.
DROP, DROP_AFTER, LATE = "drop", "drop after", "late"
FAIL, FAIL_AFTER, HTML = "500", "500 after", "html"
BUSY, TOO_MANY, NO_KEY = "409", "429", "401"


@dataclass(frozen=True)
class Call:
    """A request as it came."""

    method: str
    path: str
    form: str
    headers: dict

    @property
    def key(self):
        """Its idempotency key."""
        return self.headers.get("Idempotency-Key")

    def __str__(self):
        return f"{self.method} {self.path} {self.form} {self.headers}"


class StandIn(Books):
    """Stripe's API on loopback, with its books, and hands to play guests and banks."""

    def __init__(self, clock, *, key=KEY, secret=SECRET):
        """Begin with empty books; `clock` is the site's, so that both agree on the time."""
        super().__init__(clock, live="_live_" in key)
        self.key, self.secret = key, secret
        self.calls = []
        self.wrong = []  # what a call did wrong, for tests that want none of it
        self._answers = {}  # by idempotency key
        self._faults = []
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.stand_in = self
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        """Stop listening."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def broken(self, fault, path="/v1/", method=None, times=None):
        """Let calls within the block end badly: those of a path, a method, so many times."""
        entry = {"fault": fault, "path": path, "method": method, "left": times}
        self._faults.append(entry)
        try:
            yield
        finally:
            self._faults.remove(entry)

    def named(self, method, path):
        """Return the calls of a method whose path ends so."""
        return [c for c in self.calls if c.method == method and c.path.endswith(path)]

    # -- One request ----------------------------------------------------------------------

    def answer(self, call):
        """Return the status and the body of an answer; None for none at all."""
        if call.path.startswith("/c/pay/"):
            return self._page(call)
        with self.lock:
            self.calls.append(call)
            fault = self._fault(call)
            if fault == DROP:
                return None
            if fault in (FAIL, BUSY, TOO_MANY, NO_KEY):
                return int(fault), _error("api_error", "Something went wrong")
            if fault == HTML:
                return 502, b"<html><h1>Bad gateway</h1></html>"
            given = self._given(call, failing=fault == FAIL_AFTER)
        if fault == LATE:
            self._over.wait(60)
        return None if fault in (DROP_AFTER, LATE) else given

    def _page(self, call):
        """Show the page on which a guest pays, for a browser; its button pays."""
        self.calls.append(call)
        session = self.things[call.path.rpartition("/")[2]]
        if call.method == "POST":
            self.pay(session["id"])
            return 303, session["success_url"].encode()
        return (
            200,
            b"<!doctype html><title>Pay</title><form method=post><button>Pay</button></form>",
        )

    def _fault(self, call):
        for entry in self._faults:
            fits = call.path.startswith(entry["path"]) and entry["method"] in (None, call.method)
            if fits and entry["left"] != 0:
                if entry["left"] is not None:
                    entry["left"] -= 1
                return entry["fault"]
        return None

    def _given(self, call, *, failing):
        try:
            self._check(call)
            known = self._known(call)
            if known is not None:
                return known
            answerer, said, names = self._read(call)
        except Refused as refusal:  # nothing of a call that isn't understood is kept
            self.wrong.append(f"{call.method} {call.path}: {refusal}")
            return refusal.status, refusal.body()
        try:
            status, body = 200, json.dumps(getattr(self, f"on_{answerer}")(*names, said)).encode()
        except Refused as refusal:
            status, body = refusal.status, refusal.body()
        if failing:
            status, body = 500, _error("api_error", "Something went wrong")
        if call.method == "POST":
            self._answers[call.key] = (call.path, call.form, self.seconds(), status, body)
        return status, body

    def _check(self, call):
        headers = call.headers
        if headers.get("Authorization") != f"Bearer {self.key}":
            raise Refused(401, "invalid_request_error", message="Invalid API Key provided")
        if headers.get("Stripe-Version") != VERSION:
            raise Refused(400, "invalid_request_error", message="not the version that was agreed")
        form = "application/x-www-form-urlencoded"
        if call.method == "POST" and headers.get("Content-Type") != form:
            raise Refused(400, "invalid_request_error", message="not a form")
        if call.method == "POST" and not 0 < len(call.key or "") <= 255:
            raise Refused(400, "invalid_request_error", message="no idempotency key")

    def _known(self, call):
        """Return what was answered under this key, were it a failure."""
        if call.method != "POST" or call.key not in self._answers:
            return None
        path, form, at, status, body = self._answers[call.key]
        if self.seconds() - at > _KEPT:
            return None
        if (path, form) != (call.path, call.form):
            raise Refused(400, "idempotency_error", message="Keys can only be used once")
        return status, body

    def _read(self, call):
        found = call_for(call.method, urlsplit(call.path).path)
        if found is None:
            raise Refused(404, "invalid_request_error", message="Unrecognized request URL")
        answerer, described, names = found
        form = urlsplit(call.path).query if call.method == "GET" else call.form
        try:
            said = read(form, described)
            check(answerer, said)
            return answerer, said, names
        except Malformed as error:
            raise Refused(
                400,
                "invalid_request_error",
                message=str(error),
                param=error.param,
                code="parameter_unknown" if "unknown" in str(error) else "parameter_invalid",
            ) from None


class _Handler(BaseHTTPRequestHandler):
    """Takes a request, and lets the stand-in answer it."""

    def _take(self):
        length = int(self.headers.get("Content-Length") or 0)
        form = self.rfile.read(length).decode()
        call = Call(self.command, self.path, form, dict(self.headers.items()))
        given = self.server.stand_in.answer(call)
        if given is None:
            self.close_connection = True
            return
        status, body = given
        with suppress(OSError):  # whoever asked has gone
            self.send_response(status)
            page = call.path.startswith("/c/pay/")
            self.send_header("Content-Type", "text/html" if page else "application/json")
            if status == 303:
                self.send_header("Location", body.decode())
            self.send_header("Request-Id", f"req_{time.monotonic_ns()}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _take  # noqa: N815 (so the library calls them)

    def log_message(self, *_):
        """Say nothing."""


def _error(kind, message):
    return json.dumps({"error": {"type": kind, "message": message}}).encode()
