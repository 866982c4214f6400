"""A device tells what must be known only where its person asked for it, and nothing else leaves."""

import base64
import json
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import http_ece
import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from app.accounts.models import Account, Disclosure, SessionRow
from app.booking.links import guest_key
from app.booking.models import Reservation
from app.config import SettingMissing, Settings
from app.consent import permissions
from app.consent.register import ON_REQUEST
from app.core.database import db
from app.core.datamap import Purpose
from app.core.egress import PUSH_HOSTS, PUSH_SERVICE, Egress, RecipientUnknown
from app.core.languages import N_
from app.core.outbox import run_due
from app.core.vault import vault
from app.policy import push, telling
from app.policy.notice_models import PushSubscription, Told
from app.policy.recipients import listed
from tests.accounts.ways import let_in, make_guest, token_on
from tests.conftest import MORNING
from tests.owner.guests import book, details, stay

NEWS = telling.matter(
    "test-news", subject=N_("There is news"), template="mail/_notice_foot.txt",
    push=N_("There is news since %(day)s."),
)  # fmt: skip


def text_of(found):
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()


class Browser:
    """A browser's half: the keys that only it has, and its address at a push service."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"sixteen bytes ok"

    @property
    def said(self):
        point = self.private.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        keys = {"p256dh": text_of(point), "auth": text_of(self.secret)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def opens(self, body):
        opened = http_ece.decrypt(
            body, private_key=self.private, auth_secret=self.secret, version="aes128gcm"
        )
        return json.loads(opened)


class Service:
    """A push service on this machine."""

    def __init__(self):
        self.took, self.status = [], 201
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.took.append((self.path, dict(self.headers), body))
                self.send_response(service.status)
                self.send_header("Location", f"{service.base}/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def service():
    """A push service that the site may reach."""
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def settings(settings, service):
    """The settings of a site that pushes, to the stand-in too."""
    return replace(settings, push_leaves=True, push_service_base=service.base)


@pytest.fixture
def guest(place, clock):
    """A browser in which somebody with an account is signed in."""
    account_id = make_guest(place, clock, "greta@post.example")
    return let_in(place, clock, place.test_client(), account_id)


def turn_on(client, browser, path="/account/notices", **more):
    """Hand over what a browser says, as the page's script does."""
    page = client.get(path)
    form = BeautifulSoup(page.data, "html5lib").select_one("[data-push] form")
    token = form.select_one("[name=csrf_token]")
    data = {"subscription": json.dumps(browser.said) if browser else "", **more}
    if token:
        data["csrf_token"] = token["value"]
    return client.post(form["action"], data=data)


def work(app, now=MORNING):
    with app.app_context():
        while run_due(now=now):
            pass


def tell(app, code="news"):
    with app.app_context():
        telling.tell(code, NEWS, url=("policy.show_privacy", {}), now=MORNING, day=date(2031, 5, 5))
        db.session.commit()
    work(app)


def devices(app):
    with app.app_context():
        return db.session.scalars(sa.select(PushSubscription.id)).all()


# -- Telling --------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C13")
def test_a_device_gets_an_encrypted_text_and_a_link_that_only_it_can_open(place, guest, service):
    browser = Browser(f"{service.base}/devices/greta")
    assert turn_on(guest, browser).status_code == 303

    tell(place)

    [(path, headers, body)] = service.took
    assert path == "/devices/greta"
    assert browser.opens(body) == {
        "title": "Haus Rohrdommel",
        "text": "There is news since 5 May 2031.",
        "url": "http://localhost/privacy?lang=en",
        "lang": "en",
        "tag": "news",
    }
    assert b"news" not in body
    assert headers["Content-Encoding"] == "aes128gcm"
    assert int(headers["TTL"]) == 7 * 86_400
    assert headers["Urgency"] == "normal"
    assert len(headers["Topic"]) == 32
    # Signed by the very key that the page gives to browsers (RFC 8292).
    assert Vapid02.verify(headers["Authorization"])
    with place.app_context():
        assert headers["Authorization"].endswith(f",k={push.public_key()}")
        assert telling.counts("news").pushed == 1
        noted = db.session.scalars(sa.select(Disclosure.recipient)).all()
        assert PUSH_SERVICE.code in noted


@pytest.mark.clause("C13")
def test_who_did_not_ask_gets_no_push_but_the_mail(place, guest, service):
    tell(place)

    assert service.took == []
    with place.app_context():
        assert telling.counts("news").told >= 1
        assert telling.counts("news").pushed == 0


def test_a_repeat_pushes_nothing_and_a_failure_is_tried_again(place, guest, service):
    browser = Browser(f"{service.base}/devices/greta")
    turn_on(guest, browser)
    service.status = 503
    tell(place)
    failed = len(service.took)
    service.status = 201
    with place.app_context():
        db.session.execute(sa.update(Told).values(not_before=MORNING))
        db.session.commit()

    work(place, MORNING.replace(hour=12))
    tell(place)
    work(place, MORNING.replace(hour=14))

    topics = {headers["Topic"] for _, headers, _ in service.took}
    assert (failed, len(service.took), len(topics)) == (1, 2, 1)


@pytest.mark.clause("C13")
@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_is_no_more_is_forgotten_with_its_permission(place, guest, service, status):
    turn_on(guest, Browser(f"{service.base}/devices/greta"))
    service.status = status

    tell(place)

    assert devices(place) == []
    with place.app_context():
        live = sa.select(Told.state).where(Told.how == "push")
        assert db.session.scalars(live).all() == ["nowhere"]
        persons = db.session.scalars(sa.select(Told.person_id)).all()
        assert not permissions.permitted(persons, Purpose.NOTICE, recipient=PUSH_SERVICE.code)


def test_a_redirect_is_not_followed(place, guest, service):
    turn_on(guest, Browser(f"{service.base}/devices/greta"))
    service.status = 307

    tell(place)

    assert [path for path, _, _ in service.took] == ["/devices/greta"]


# -- Asking for it --------------------------------------------------------------------------


@pytest.mark.clause("C02")
@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example/push",
        "https://127.0.0.1/push",
        "http://127.0.0.1:1/push",
        "http://fcm.googleapis.com/fcm/send/x",
        "https://fcm.googleapis.com:8443/fcm/send/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://user:pass@fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilpush.apple.com/x",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://[::1]/x",
        "https://fcm.googleapis.com:99999/x",
        "//fcm.googleapis.com/x",
        "",
    ],
)
def test_an_address_that_is_no_push_services_is_refused_and_nothing_is_kept(
    place, guest, service, endpoint
):
    answer = turn_on(guest, Browser(endpoint))

    assert answer.status_code == 422
    assert "isn’t one of a push service" in answer.text
    assert devices(place) == []
    with place.app_context(), pytest.raises(RecipientUnknown):
        place.extensions["egress"].post(PUSH_SERVICE, endpoint, b"", {})


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc",
        "https://updates.push.services.mozilla.com/wpush/v2/abc",
        "https://web.push.apple.com/abc",
        "https://wns2-par02p.notify.windows.com/w/?token=abc",
    ],
)
def test_the_services_of_the_great_browsers_are_known(endpoint):
    assert Egress({}, {PUSH_SERVICE.code: PUSH_HOSTS}).allows(PUSH_SERVICE, endpoint)
    assert not Egress({}).allows(PUSH_SERVICE, endpoint)


@pytest.mark.parametrize(
    "said",
    [
        "", "[]", "{}", "null", "x" * 5000, '{"endpoint": 1, "keys": []}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "AA", "auth": "AA"}}',
        '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "é", "auth": "!"}}',
    ],
)  # fmt: skip
def test_what_no_browser_hands_over_is_refused(place, guest, said):
    answer = turn_on(guest, None, subscription=said)

    assert answer.status_code == 422
    assert devices(place) == []


@pytest.mark.clause("C13")
def test_the_same_device_again_takes_its_place_and_ten_are_enough(place, guest, service):
    for _ in range(2):
        turn_on(guest, Browser(f"{service.base}/devices/same"))
    once = len(devices(place))
    answers = [
        turn_on(guest, Browser(f"{service.base}/devices/{number}")).status_code
        for number in range(push.MOST_DEVICES)
    ]

    assert once == 1
    assert answers == [303] * (push.MOST_DEVICES - 1) + [422]


@pytest.mark.clause("C13")
def test_one_click_ends_it_and_the_permission_with_the_last_device(place, guest, service):
    turn_on(guest, Browser(f"{service.base}/devices/greta"))
    page = guest.get("/account/notices")
    form = BeautifulSoup(page.data, "html5lib").select_one("[data-device] form")

    answer = guest.post(form["action"], data={"csrf_token": token_on(page)})
    again = guest.post(form["action"], data={"csrf_token": token_on(page)})
    tell(place)

    assert (answer.status_code, again.status_code) == (303, 404)
    assert devices(place) == []
    assert service.took == []
    with place.app_context():
        assert db.session.scalars(
            sa.text("SELECT count(*) FROM person_permission WHERE ended_at IS NULL")
        ).all() == [0]


@pytest.mark.clause("C13")
@pytest.mark.clause("C21")
def test_whose_last_device_another_takes_over_allows_nothing_any_more(place, clock, guest, service):
    """Who holds it now decides; a yes without a device would stand in their account for nothing."""
    device = Browser(f"{service.base}/devices/kitchen")
    turn_on(guest, device)
    other_id = make_guest(place, clock, "other@post.example")
    other = let_in(place, clock, place.test_client(), other_id)

    turn_on(other, device)

    with place.app_context():
        live = sa.text("SELECT person_id FROM person_permission WHERE ended_at IS NULL")
        allowed = db.session.scalars(live).all()
        assert allowed == [db.session.get(Account, other_id).person_id]


def test_nobody_ends_another_ones_device(place, clock, guest, service):
    turn_on(guest, Browser(f"{service.base}/devices/greta"))
    other_id = make_guest(place, clock, "other@post.example")
    other = let_in(place, clock, place.test_client(), other_id)
    token = token_on(other.get("/account/notices"))

    answer = other.post(f"/account/notices/off/{devices(place)[0]}", data={"csrf_token": token})

    assert answer.status_code == 404
    assert len(devices(place)) == 1


@pytest.mark.clause("C13")
def test_signing_out_ends_it_there_and_running_out_does_not(place, clock, guest, service):
    turn_on(guest, Browser(f"{service.base}/devices/greta"))
    with place.app_context():
        session_id = db.session.scalar(sa.select(PushSubscription.session_id))
        # As the sweep does with a session whose time is over.
        db.session.execute(sa.delete(SessionRow))
        db.session.commit()
        kept = db.session.scalar(sa.select(sa.func.count()).select_from(PushSubscription))
    account_id = make_guest(place, clock, "two@post.example")
    two = let_in(place, clock, place.test_client(), account_id)
    turn_on(two, Browser(f"{service.base}/devices/two"))

    two.post("/account/sign-out", data={"csrf_token": token_on(two.get("/account/notices"))})

    assert session_id
    assert kept == 1
    assert len(devices(place)) == 1


@pytest.mark.clause("C13")
def test_a_guest_without_an_account_asks_for_it_at_their_reservation(place, clock, service):
    with place.app_context():
        reference = book(
            stay("reed-room", date(2031, 6, 2), date(2031, 6, 4)), now=clock(),
            who=details("Ada", "ada@example.org"),
        )  # fmt: skip
        found = db.session.scalar(sa.select(Reservation).filter_by(reference=reference))
        path = f"/reservations/{reference}/notices?key={guest_key(found)}"
    client, browser = place.test_client(), Browser(f"{service.base}/devices/ada")

    answer = turn_on(client, browser, path)
    shown = client.get(answer.headers["Location"])
    tell(place)
    form = BeautifulSoup(shown.data, "html5lib").select_one("[data-device] form")
    off = client.post(form["action"])

    assert (answer.status_code, off.status_code) == (303, 303)
    assert len(service.took) == 1
    assert devices(place) == []
    assert client.get(f"/reservations/{reference}/notices?key=no").status_code == 404
    assert "Set-Cookie" not in shown.headers


def test_a_stranger_is_asked_to_sign_in_and_has_nothing_kept(place, client):
    assert client.get("/account/notices").status_code in (302, 303)


# -- What is stored, and where it goes ------------------------------------------------------


@pytest.mark.clause("C14")
def test_the_address_is_sealed_and_goes_with_its_person(place, guest, service, instance):
    turn_on(guest, Browser(f"{service.base}/devices/canary-endpoint"))

    with place.app_context():
        person_id = db.session.scalar(sa.select(PushSubscription.person_id))
        row = db.session.scalar(sa.select(PushSubscription))
        assert row.endpoint.endswith("canary-endpoint")
        db.session.rollback()
    for file in instance.glob("book.db*"):
        assert b"canary-endpoint" not in file.read_bytes()
    with place.app_context():
        vault().destroy([person_id])
        assert push.devices([]) == []
        assert push.send_to("0" * 32, lambda _: {}, now=MORNING) is False


@pytest.mark.clause("C06")
def test_the_worker_can_only_show_notices(client, place):
    answer = client.get("/push.js")

    assert answer.content_type.startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Set-Cookie" not in answer.headers
    for word in ("fetch(", "caches", "indexedDB", "importScripts", 'addEventListener("fetch"'):
        assert word not in answer.text


@pytest.mark.clause("C11")
def test_only_the_page_with_the_button_may_register_it_and_the_register_tells_of_it(
    place, guest, client
):
    page, other = guest.get("/account/notices"), client.get("/")

    assert "worker-src 'self'" in page.headers["Content-Security-Policy"]
    assert "worker-src 'none'" in other.headers["Content-Security-Policy"]
    assert "notices." in page.text
    assert "notices." not in other.text
    assert "push.js" in {one.name for one in ON_REQUEST}
    assert "push.js" in client.get("/cookies").text


@pytest.mark.clause("C02")
def test_the_list_of_recipients_has_the_push_services_where_pushes_leave(place):
    with place.test_request_context():
        hosts = [one.host for one in listed(place.extensions["egress"])]

    assert any("fcm.googleapis.com" in host for host in hosts)


@pytest.mark.clause("C06")
def test_the_demo_keeps_what_it_would_push_and_sends_nothing(place, guest, service, instance):
    turn_on(guest, Browser(f"{service.base}/devices/greta"))
    place.extensions["settings"] = replace(place.extensions["settings"], push_leaves=False)

    tell(place)

    assert service.took == []
    [kept] = (instance / "push").glob("*.json")
    assert json.loads(kept.read_text())["text"] == "There is news since 5 May 2031."


def test_settings_of_push_fit_together(tmp_path):
    given = {
        "SITE_MODE": "production", "SITE_URL": "https://reserved.example",
        "INSTANCE_DIR": str(tmp_path), "MAIL_URL": "smtps://relay.example",
        "SECRET_KEY": "s" * 32, "MASTER_KEY": "m" * 32,
    }  # fmt: skip

    without = Settings.from_env(given)
    with_key = Settings.from_env({**given, "PUSH_KEY": "p" * 32})
    demo = Settings.from_env({"INSTANCE_DIR": str(tmp_path)})
    again = Settings.from_env({"INSTANCE_DIR": str(tmp_path)})

    assert (without.push_key, without.push_leaves) == (b"", False)
    assert (with_key.push_key, with_key.push_leaves) == (b"p" * 32, True)
    assert (demo.push_key == again.push_key, demo.push_leaves) == (True, False)
    for wrong in ({"PUSH_KEY": "short"}, {"PUSH_SERVICE_BASE": "http://127.0.0.1:1"}):
        with pytest.raises(SettingMissing):
            Settings.from_env({**given, **wrong})


def test_a_site_without_a_key_says_that_mails_do_the_same(place, guest):
    place.extensions["settings"] = replace(place.extensions["settings"], push_key=b"")

    page = guest.get("/account/notices")

    assert "sends no notices to devices" in page.text
    assert "notices." not in page.text
