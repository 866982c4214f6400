"""Every answer carries the whole set of security headers, each once, whatever went wrong (C14)."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from app import create_app
from app.core.database import db
from tests.house.routes import NOWHERE, gets, lead_somewhere, unsafe
from tests.house.visitor import Visitor

CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
# Where somebody asks for notices on a device: there alone the site's own worker may begin.
WITH_WORKER = re.compile(r"/reservations/[A-Z0-9]{8}/notices(\?.*)?|/account/notices(\?.*)?")
EXACT = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-permitted-cross-domain-policies": "none",
}
ALSO = {"content-security-policy", "permissions-policy", "cache-control"}
NEVER = {
    "server",
    "x-powered-by",
    "x-aspnet-version",
    "via",
    "access-control-allow-origin",
    "etag-x",
}


def directives(page):
    policy = page.header("Content-Security-Policy") or ""
    return dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip())


def is_with_worker(page):
    return WITH_WORKER.fullmatch(page.url) is not None


def faults(page, *, https=False):
    """Return what is wrong with a page's headers."""
    sent = Counter(name.lower() for name, _ in page.headers)
    found = [f"{name} sent {count} times" for name, count in sent.items() if count > 1]
    found += [f"no {name}" for name in (EXACT.keys() | ALSO) - sent.keys()]
    found += [f"sends {name}" for name in sent.keys() & NEVER]
    found += [
        f"{name}: {page.header(name)}"
        for name, value in EXACT.items()
        if name in sent and page.header(name) != value
    ]
    worker = {"worker-src": "'self'"} if page.status == 200 and is_with_worker(page) else {}
    if "content-security-policy" in sent and directives(page) != CSP | worker:
        found.append(f"policy: {directives(page)}")
    if ("strict-transport-security" in sent) != https:
        found.append("HSTS is not as it should be")
    return [f"{page.status} {page.url}: {fault}" for fault in found]


@pytest.mark.clause("C14")
def test_every_address_has_the_whole_set(place, visitor):
    values, _reservation = lead_somewhere(place, visitor)
    looking = Visitor(place)

    for known in (values, {**values, "key": values["basket"]}, NOWHERE):
        for query in ("", f"?key={values['guest']}"):
            for address in gets(place, known, query=query):
                looking.open(address.path)
        for address, method in unsafe(place, {**known, "reference": NOWHERE["reference"]}):
            looking.ask(method, address.path, data={})
            looking.ask("OPTIONS", address.path)
            looking.ask("HEAD", address.path)

    pages = [*visitor.seen, *looking.seen]
    # The payment provider's own origin is the one exception, on the page that leads there.
    assert {page.status for page in pages} >= {200, 303, 404, 405, 422}
    assert [fault for page in pages for fault in faults(page)] == []
    assert all(page.header("Cache-Control") for page in pages)


@pytest.mark.clause("C14")
def test_errors_have_the_whole_set(place, visitor):
    here = "/offers/reed-room/stay"
    pages = [
        visitor.open("/nothing/at/all"),
        visitor.open("/static/../app.py"),
        visitor.ask("PUT", "/"),
        visitor.ask("TRACE", "/"),
        visitor.ask("POST", here, data=b"a=" + b"x" * 1_100_000),
        visitor.ask("POST", here, data={"adults": "x" * 600_000}),
        visitor.ask("POST", here, data={f"f{n}": "" for n in range(2000)}),
        visitor.ask("POST", here, data={}, headers={"Origin": "https://evil.example"}),
        visitor.ask("POST", here, data=b"\xff\xfe=%ff%00"),
    ]

    statuses = [page.status for page in pages]
    assert statuses[:8] == [404, 404, 405, 405, 413, 422, 422, 403]
    assert [fault for page in pages for fault in faults(page)] == []
    assert not any("Traceback" in page.text or "werkzeug" in page.text for page in pages)


@pytest.mark.clause("C14")
@pytest.mark.parametrize("signed_in", [False, True])
def test_a_broken_database_gives_a_page_of_ours_with_the_whole_set(place, instance, signed_in):
    visitor = Visitor(place)
    visitor.client = place.test_client()
    if signed_in:
        visitor.client.set_cookie("session", "s" * 43, domain="localhost")
    visitor.open("/")
    with place.app_context():
        db.engine.dispose()
    for file in instance.glob("book.db*"):
        file.write_bytes(b"this is no database" * 1000)

    paths = ("/", "/search?arrive=2031-06-02&depart=2031-06-04", "/basket/" + "a" * 24)
    pages = [visitor.open(path) for path in paths]
    pages += [visitor.ask("POST", "/offers/reed-room/stay", data={"adults": "2"})]
    healthy = visitor.open("/healthz")

    assert {page.status for page in pages} == {500}
    assert {page.title for page in pages} == {"Something went wrong on our side"}
    assert [fault for page in pages for fault in faults(page)] == []
    assert visitor.open("/readyz").status == 500
    assert healthy.status == 200


@pytest.mark.clause("C14")
def test_a_page_says_how_it_may_be_kept(place, visitor):
    values, reservation = lead_somewhere(place, visitor)

    private = [
        visitor.open(path)
        for path in (
            reservation.url,
            f"/basket/{values['basket']}",
            f"/checkout/{values['key']}",
            f"/checkout/{values['key']}/pay",
            f"/reservations/{values['reference']}/calendar.ics?key={values['guest']}",
            "/reservations/AAAAAAAA",
            "/account/sign-in",
        )
    ]
    public = [visitor.open(path) for path in ("/", "/search", "/terms", "/offers/sauna")]
    static = visitor.open(f"/static/{values['name']}")

    assert {page.header("Cache-Control") for page in private} == {"no-store"}
    # A link that lies about somewhere is found by a search engine, and so is what it opens.
    assert {page.header("X-Robots-Tag") for page in private} == {"noindex, nofollow"}
    assert {page.header("X-Robots-Tag") for page in public} == {None}
    assert {page.header("Content-Encoding") for page in private} == {None}
    assert {page.header("Cache-Control") for page in public} == {"private, no-cache"}
    assert static.header("Cache-Control") == "public, max-age=31536000, immutable"


@pytest.mark.clause("C14")
def test_a_private_page_is_never_compressed_and_a_public_one_is(place):
    visitor = Visitor(place, headers={"Accept-Encoding": "br, gzip"})
    basket = visitor.ask(
        "POST", "/offers/reed-room/stay",
        data={"arrive": "2031-06-02", "depart": "2031-06-05", "adults": "2"},
    )  # fmt: skip
    basket = visitor.open(basket.header("Location"))

    assert basket.header("Content-Encoding") is None
    assert visitor.open("/nothing").header("Content-Encoding") is None
    assert visitor.open("/").header("Content-Encoding") == "br"
    assert visitor.open("/terms").header("Content-Encoding") == "br"


@pytest.mark.clause("C14")
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:80", "localhost@evil.example"]
)
def test_another_host_name_is_refused(place, visitor, host):
    page = visitor.open("/", headers={"Host": host})

    assert page.status == 400
    assert "evil" not in page.text
    assert faults(page) == []


@pytest.mark.clause("C14")
def test_over_https_everything_is_secure_and_http_leads_there(settings, place, clock):
    app = create_app(replace(settings, site_url="https://localhost"), clock=clock)
    secure, plain = Visitor(app, base="https://localhost"), Visitor(app)

    led = plain.open("/search?adults=2")
    other = plain.open("/", headers={"Host": "evil.example"})
    pages = [secure.open(path) for path in ("/", "/nothing", "/healthz", "/search?adults=0")]
    reservation = secure.book()

    assert (led.status, led.header("Location")) == (301, "https://localhost/search?adults=2")
    assert "evil" not in (other.header("Location") or "")
    assert reservation.title.startswith("You are expected")
    assert [fault for page in (*pages, *secure.seen) for fault in faults(page, https=True)] == []
    hsts = pages[0].header("Strict-Transport-Security")
    age = int(hsts.partition("max-age=")[2].partition(";")[0])
    assert age >= 365 * 86400
    assert "includeSubDomains" in hsts


@pytest.mark.clause("C14")
def test_no_page_has_a_script_or_style_that_its_policy_would_refuse(place, visitor):
    lead_somewhere(place, visitor)
    looking = Visitor(place)
    for path in ("/", "/search", "/terms", "/privacy", "/offers/reed-room", "/offers/sauna"):
        looking.open(path)

    for page in (*visitor.seen, *looking.seen):
        soup = page.soup
        assert not soup.find_all("style"), page.url
        assert not soup.find_all(style=True), page.url
        assert not [tag for tag in soup.find_all("script") if not tag.get("src")], page.url
        named = [a for tag in soup.find_all(True) for a in tag.attrs if a.startswith("on")]
        assert not named, page.url
        loaded = [str(tag.get("src") or "") for tag in soup.find_all(src=True)]
        loaded += [str(tag["href"]) for tag in soup.find_all("link", href=True)]
        assert all(one.startswith("/static/") for one in loaded), page.url
