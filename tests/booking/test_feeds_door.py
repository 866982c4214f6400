"""The door to calendars opens to the outside only, to the very address that was looked at.

Whatever a name, a redirect or a spelling leads to: nothing inside is asked, and nobody slow,
unproven or endless is waited for.
"""

import socket
import ssl
import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.core.calendar_door import CalendarDoor, NotFetched, is_outside
from tests.booking.partner import Partner, calendar

INSIDE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255",  # noqa: S104
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::", "::1",
    "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2002:7f00:1::", "2001::1",
    "2001:db8::1", "fec0::1", "nonsense", "",
]  # fmt: skip


@pytest.fixture
def partner():
    found = Partner()
    yield found
    found.close()


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_never_opened(address):
    opened = []
    door = CalendarDoor(resolve=lambda *_: [address], connect=lambda *a: opened.append(a))

    assert not is_outside(address)
    with pytest.raises(NotFetched) as refused:
        door.fetch("https://calendar.example/x.ics")
    assert refused.value.code == "inside"
    assert opened == []


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_an_address_outside_may_be_opened(address):
    assert is_outside(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://calendar.example/", "ftp://calendar.example/", "file:///etc/passwd", "gopher://x",
        "https://", "https:///x", "//calendar.example", "https://user:pass@calendar.example/",
        "https://calendar.example:99999/", "https://calendar.example/\r\nHost: x", "https://kal\u00e9/",
        "https://calendar.example/a b", "javascript:alert(1)", "", "https://" + "x" * 1000,
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/",
    ],
)  # fmt: skip
def test_only_whole_addresses_by_https_are_taken(address):
    with pytest.raises(NotFetched) as refused:
        CalendarDoor().check(address)
    assert refused.value.code == "address"


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]", "0x7f.1", "2130706433", "localhost"])
def test_this_machine_by_any_spelling_is_inside(address):
    # By https, so that the words pass; what they resolve to doesn't.
    with pytest.raises(NotFetched) as refused:
        CalendarDoor(seconds=2).fetch(f"https://{address}/")
    assert refused.value.code in ("inside", "unreachable")


def plain_door(partner, resolve, **more):
    """A door for a world in which the partner has a public address, and speaks without TLS."""
    opened = []

    def connect(address, seconds):
        opened.append(address)
        return socket.create_connection(("127.0.0.1", partner.port), seconds)

    class Line(socket.socket):
        def do_handshake(self):
            pass

    class NoTls:
        def wrap_socket(self, line, **_):
            sealed = Line(fileno=line.detach())
            sealed.settimeout(3)
            return sealed

    return CalendarDoor(resolve=resolve, connect=connect, tls=NoTls, seconds=3, **more), opened


def test_the_line_is_opened_to_the_very_address_that_was_looked_at(partner):
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])  # a name that changes its mind
    door, opened = plain_door(partner, lambda *_: next(answers))

    assert door.fetch("https://rebinding.example/x.ics").startswith(b"BEGIN")
    assert opened == [("93.184.216.34", 443)]
    assert next(answers) == ["127.0.0.1"]  # it was asked once


def test_one_address_inside_among_others_spoils_them_all(partner):
    door, opened = plain_door(partner, lambda *_: ["93.184.216.34", "10.0.0.1"])

    with pytest.raises(NotFetched) as refused:
        door.fetch("https://both.example/x.ics")
    assert (refused.value.code, opened) == ("inside", [])


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("https://inside.example/", "inside"),
        ("http://outside.example/", "address"),
        ("file:///etc/passwd", "address"),
        ("https://127.0.0.1/", "inside"),
        ("//inside.example/x", "inside"),
    ],
)
def test_each_redirect_is_looked_at_like_the_first_address(partner, target, code):
    names = {"outside.example": ["93.184.216.34"], "inside.example": ["192.168.0.1"],
             "127.0.0.1": ["127.0.0.1"]}  # fmt: skip
    door, opened = plain_door(partner, lambda host, _port: names[host])
    partner.answers["/start"] = (302, {"Location": target}, b"")

    with pytest.raises(NotFetched) as refused:
        door.fetch("https://outside.example/start")
    assert refused.value.code == code
    assert len(opened) == 1


def test_three_redirects_are_followed_and_a_fourth_is_not(partner):
    door, _opened = plain_door(partner, lambda *_: ["93.184.216.34"])
    for number in range(5):
        partner.answers[f"/{number}"] = (301, {"Location": f"/{number + 1}"}, b"")
    partner.answers["/5"] = (200, {}, calendar())

    assert door.fetch("https://outside.example/2") == calendar()
    with pytest.raises(NotFetched) as refused:
        door.fetch("https://outside.example/1")
    assert refused.value.code == "redirects"


def test_a_server_that_only_drips_is_cut_off():
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip():
        line, _ = listener.accept()
        with line:
            line.sendall(b"HTTP/1.1 200 OK\r\n")
            while not stop.wait(0.05):
                try:
                    line.sendall(b"X-Slow: 1\r\n")
                except OSError:
                    return

    threading.Thread(target=drip, daemon=True).start()
    door = CalendarDoor(loopback=True, seconds=0.5)

    with pytest.raises(NotFetched) as refused:
        door.fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    stop.set()
    listener.close()

    # As many headers as that are too many, or they took too long: whichever came first.
    assert refused.value.code in ("slow", "unreachable")


def test_a_certificate_that_proves_nothing_is_refused(tmp_path, partner):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        line, _ = listener.accept()
        try:
            context.wrap_socket(line, server_side=True).close()
        except OSError:
            line.close()

    threading.Thread(target=serve, daemon=True).start()
    with pytest.raises(NotFetched) as refused:
        CalendarDoor(loopback=True, seconds=3).fetch(
            f"https://localhost:{listener.getsockname()[1]}/"
        )
    listener.close()

    assert refused.value.code == "certificate"


def self_signed(folder):
    """A certificate that nobody vouches for, and its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(ZoneInfo("UTC"))
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
