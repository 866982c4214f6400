"""Whoever says or reads a letter a second keeps nobody else waiting, without a proxy too (C19)."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.load.books import Books
from tests.load.guests import Guest
from tests.load.live import PreloadedServer

SLOW, ORDINARY = 10, 10
PAGE = "/privacy/collection"  # one of the longest


def _call(server: PreloadedServer, said: bytes) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.settimeout(20)
    line.connect(("127.0.0.1", server.port))
    line.sendall(said)
    return line


def _slowly(lines: list[socket.socket], act: Callable[[socket.socket], object]) -> threading.Event:
    """Do a little at each line, ten times a second, until told to stop."""
    enough = threading.Event()

    def go_on() -> None:
        while not enough.wait(0.1):
            for line in lines:
                act(line)

    threading.Thread(target=go_on, daemon=True).start()
    return enough


@pytest.mark.clause("C19")
def test_ordinary_requests_are_answered_beside_slow_ones(
    serve: Callable[..., PreloadedServer],
) -> None:
    server = serve(workers=1)
    guest, host = Guest(server), server.host.encode()
    asked = b"GET " + PAGE.encode() + b" HTTP/1.1\r\nHost: " + host + b"\r\n"
    talkers = [_call(server, asked + b"X-Slow: ") for _ in range(SLOW)]
    readers = [_call(server, asked + b"\r\n") for _ in range(SLOW)]
    stop = _slowly(talkers, lambda line: line.send(b"a"))
    stop_too = _slowly(readers, lambda line: line.recv(64))

    answers = [guest.get("/").status for _ in range(ORDINARY)]
    stop.set()
    stop_too.set()

    assert answers == [200] * ORDINARY
    assert guest.broken == 0
    # None of them was thrown out for being slow: who reads slowly may have a slow line.
    talkers[0].sendall(b"\r\nConnection: close\r\n\r\n")
    assert b"200 OK" in talkers[0].recv(64)
    for line in (*talkers, *readers):
        line.close()


def _begin_a_form(server: PreloadedServer, path: str) -> socket.socket:
    """Send all of a form but its end, which never comes."""
    head = f"POST {path} HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: 1000\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    return _call(server, f"{head}{kind}adults=2&".encode())


def _wait_until_read(server: PreloadedServer, lines: list[socket.socket]) -> None:
    """Wait until the server has taken in all that was said at each line, as the kernel tells."""
    waiting = {f"{line.getsockname()[1]:04X}" for line in lines}
    end = time.monotonic() + 20
    while waiting and time.monotonic() < end:
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        waiting -= {
            there[-4:]
            for _, here, there, _, queues, *_ in rows
            if here.endswith(f":{server.port:04X}") and queues.endswith(":00000000")
        }
        time.sleep(0.01)
    assert not waiting


@pytest.mark.clause("C19")
def test_a_form_that_never_ends_keeps_nobody_from_booking(
    serve: Callable[..., PreloadedServer], books: Books
) -> None:
    """Read in the middle of a unit of work, it would keep SQLite's write lock."""
    server = serve(workers=1)
    guest = Guest(server)
    basket = guest.choose_nights("boathouse", *books.nights(40, 2))
    path = basket.form("/hold").path

    slow = _begin_a_form(server, path)
    _wait_until_read(server, [slow])
    held = guest.hold(basket)
    slow.close()

    assert held.status == 303
    assert books.statuses() == {"held": 1}


@pytest.mark.clause("C19")
def test_many_forms_that_never_end_keep_nobody_from_reading(
    serve: Callable[..., PreloadedServer], books: Books
) -> None:
    server = serve(workers=1)
    guest = Guest(server)
    basket = guest.choose_nights("boathouse", *books.nights(40, 2))

    slow = [_begin_a_form(server, basket.form("/hold").path) for _ in range(SLOW)]
    _wait_until_read(server, slow)
    answers = [guest.get("/").status for _ in range(ORDINARY)]
    refused = guest.hold(basket)
    for line in slow:
        line.close()

    assert answers == [200] * ORDINARY
    assert refused.status == 503
    end = time.monotonic() + 10
    while (held := guest.hold(basket)).status == 503 and time.monotonic() < end:
        time.sleep(0.05)
    assert held.status == 303
