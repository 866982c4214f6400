"""A guest without a browser and without a cookie: reads pages, fills in forms, presses again."""

import http.client
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode, urljoin, urlsplit

from tests.servers import LiveServer

PATIENCE = 20  # seconds in which a person gives up pressing again
DETAILS = {"name": "Zoë Müller", "email": "zoe@example.org", "agrees": "y"}

Broken = (ConnectionError, http.client.HTTPException)
"""A line that broke: the process at its other end has died."""


@dataclass(frozen=True)
class Form:
    """A form as it is drawn: where it leads, and what the page sends along."""

    path: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """A page, or where to go instead."""

    path: str
    status: int
    location: str
    text: str

    @property
    def words(self) -> str:
        """What the page says, as one line."""
        _, _, main = self.text.partition("<main")
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", main or self.text)).split())

    def form(self, ending: str) -> Form:
        """Return the form, or the form's button, that leads to an address with that ending.

        Of what is in it already, only what the page itself sends along: nothing is typed yet.
        """
        for tag, content in _FORM.findall(self.text):
            controls = [_attributes(control) for control in _CONTROL.findall(content)]
            actions = [_attributes(tag).get("action") or self.path]
            actions += [control["formaction"] for control in controls if "formaction" in control]
            for action in actions:
                if urlsplit(action).path.endswith(ending):
                    hidden = [control for control in controls if control.get("type") == "hidden"]
                    fields = {control["name"]: control.get("value", "") for control in hidden}
                    return Form(urljoin(self.path, action), fields)
        raise AssertionError(f"No form leads to …{ending}. The page says: {self.words[:500]}")


# Pages are read hundreds of times here, and are known to be well-formed.
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_CONTROL = re.compile(r"<(?:input|button)\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


def _attributes(tag: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(tag)}


class Guest:
    """Somebody who visits the site; `broken` counts the lines that broke."""

    def __init__(self, server: LiveServer) -> None:
        """Come to the site of that server."""
        self.server = server
        self.broken = 0

    def get(self, path: str) -> Answer:
        """Open a page; reload it where the line breaks."""
        return self._insist(lambda: self._ask("GET", path))

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form; send it again where the line breaks."""
        return self._insist(lambda: self._ask("POST", path, urlencode(fields)))

    def follow(self, answer: Answer) -> Answer:
        """Go where the answer leads, to the page at the end."""
        while answer.status in (302, 303):
            answer = self.get(answer.location)
        return answer

    def _insist(self, ask: Callable[[], Answer]) -> Answer:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except Broken:
                self.broken += 1
                if time.monotonic() > end:
                    raise
                time.sleep(0.005)

    def _ask(self, method: str, path: str, body: str | None = None) -> Answer:
        headers = {"Host": self.server.host, "Accept-Language": "en"}
        if body is not None:
            headers["Origin"] = self.server.url
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        try:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            text = answer.read().decode()
            assert not answer.headers.get_all("Set-Cookie") or method == "POST"
            return Answer(path, answer.status, answer.headers.get("Location", ""), text)
        finally:
            line.close()

    # -- The journey ----------------------------------------------------------------------

    def choose_nights(self, slug: str, arrive: str, depart: str, **more: str) -> Answer:
        """Put nights into a basket of one's own, and return its page."""
        wish = {"arrive": arrive, "depart": depart, "adults": "2", "children": "0", **more}
        return self.follow(self.post(f"/offers/{slug}/stay", wish))

    def choose_session(self, slug: str, starts_at: str, adults: int, basket: str = "") -> Answer:
        """Put seats into a basket, a new one or that of the page, and return its page."""
        query = f"?basket={basket}" if basket else ""
        wish = {"starts_at": starts_at, "adults": str(adults), "children": "0"}
        return self.follow(self.post(f"/offers/{slug}/session{query}", wish))

    def hold(self, basket: Answer) -> Answer:
        """Press the basket's button, and return what it leads to, not followed."""
        form = basket.form("/hold")
        return self.post(form.path, form.fields)

    def give_details(self, checkout: Answer) -> Answer:
        """Say who one is, and return what that leads to, not followed."""
        path = urlsplit(checkout.path).path
        form = checkout.form(path)
        return self.post(form.path, {**form.fields, **DETAILS})

    def go_to_bank(self, check_page: Answer) -> Answer:
        """Press the button that leads to the bank; not followed."""
        form = check_page.form("/pay")
        return self.post(form.path, form.fields)

    def at_bank(self, bank_page: Answer, button: str = "/pay") -> Answer:
        """Press one of the bank's buttons; not followed."""
        form = bank_page.form(button)
        return self.post(form.path, form.fields)

    def cancel(self, reservation_page: Answer) -> Answer:
        """Press the button that cancels; not followed."""
        form = reservation_page.form("/cancel")
        return self.post(form.path, form.fields)

    def pay(self, held: Answer) -> Answer:
        """Go on from a hold to the end: details, payment, confirmation. Returns the last page."""
        check_page = self.follow(self.give_details(self.follow(held)))
        bank_page = self.follow(self.go_to_bank(check_page))
        return self.follow(self.at_bank(bank_page))
