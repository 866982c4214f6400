"""Notices come through one door: signed, fresh, small, heard once, and never believed."""

import json
import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.models import CONFIRMED, HELD
from app.core.database import db
from app.payments.demo.provider import SIGNATURE_HEADER, DemoProvider
from app.payments.models import SeenNotice
from app.payments.notices import MOST_BYTES, receive_notice, retry_unresolved
from app.payments.provider import BadSignature, NotSent
from app.payments.routes import ORIGIN_EXEMPT
from tests.payments.till import at_bank, begin, mails, outside, pay_at_bank

DOOR = "/webhooks/demo"


@pytest.fixture
def attempt(app, reservation, clock):
    """A page that is open at the bank."""
    with app.test_request_context():
        return begin(reservation, now=clock())


@pytest.fixture
def paid(attempt, clock):
    """What the bank says of a payment that was made: body and id."""
    event = pay_at_bank(attempt, now=clock())
    return json.dumps({"id": event.id, "ref": event.ref}).encode()


def send(client, line, body, *, at, headers=None):
    """Send a notice as the bank does, from a machine that is no browser."""
    return outside(client.post, DOOR, data=body, headers=headers or line.sign(body, now=at))


def heard():
    """Return how many notices are remembered."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(SeenNotice))


def test_a_signed_notice_makes_us_look(client, line, paid, reservation, clock):
    answer = send(client, line, paid, at=clock())

    assert (answer.status_code, answer.data) == (200, b"")
    assert reservation.status == CONFIRMED
    assert [verb for verb, _ in line.calls] == ["start", "fetch"]


@pytest.mark.both_databases
def test_the_same_notice_again_is_answered_and_changes_nothing(
    client, line, paid, reservation, clock
):
    answers = [send(client, line, paid, at=clock()).status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    assert heard() == 1
    assert [verb for verb, _ in line.calls].count("fetch") == 1
    assert mails(reservation) == ["confirmed"]


def test_the_same_change_under_another_id_changes_nothing(client, line, paid, reservation, clock):
    other = json.dumps({**json.loads(paid), "id": "de_other"}).encode()

    answers = [send(client, line, body, at=clock()).status_code for body in (paid, other)]

    assert answers == [200, 200]
    assert mails(reservation) == ["confirmed"]


def test_what_a_notice_says_is_not_believed(client, line, attempt, reservation, clock):
    body = json.dumps(
        {"id": "de_1", "ref": attempt.provider_ref, "state": "paid", "captured": 31230}
    ).encode()

    answer = send(client, line, body, at=clock())

    assert answer.status_code == 200
    assert reservation.status == HELD


def test_a_notice_may_come_before_we_know_the_reference(app, client, line, reservation, clock):
    with app.test_request_context():
        attempt = begin(reservation, now=clock())
    event = pay_at_bank(attempt, now=clock())
    # As it stands between the bank's answer and our second commit.
    attempt.state, attempt.provider_ref, attempt.redirect_url = "created", None, None
    db.session.commit()

    body = json.dumps({"id": event.id, "ref": event.ref}).encode()
    answer = send(client, line, body, at=clock())

    assert answer.status_code == 200
    assert (attempt.state, attempt.provider_ref) == ("paid", event.ref)
    assert reservation.status == CONFIRMED


def test_a_notice_of_nothing_we_know_is_kept_and_looked_at_again(client, line, clock, place):
    body = json.dumps({"id": "de_1", "ref": "db_unknown"}).encode()

    answer = send(client, line, body, at=clock())
    retry_unresolved(line, now=clock())

    (notice,) = db.session.scalars(sa.select(SeenNotice)).all()
    assert answer.status_code == 200
    assert (notice.refs, notice.resolved) == (["db_unknown"], False)
    assert [verb for verb, _ in line.calls] == ["fetch", "fetch"]


@pytest.mark.parametrize("fault", ["cut", "mute"])
def test_one_that_fails_half_way_is_not_acknowledged_and_works_when_it_comes_again(
    client, line, paid, reservation, clock, fault
):
    with line.broken(fault):
        failed = send(client, line, paid, at=clock())
    remembered = heard()

    again = send(client, line, paid, at=clock())

    assert (failed.status_code, remembered, again.status_code) == (503, 0, 200)
    assert reservation.status == CONFIRMED


# -- Refused -------------------------------------------------------------------------------


def _altered(line, body, now):
    return body + b" ", line.sign(body, now=now)


def _unsigned(line, body, now):
    return body, {"X-Nothing": "1"}


def _empty(line, body, now):
    return body, {SIGNATURE_HEADER: ""}


def _without_time(line, body, now):
    return body, {SIGNATURE_HEADER: line.sign(body, now=now)[SIGNATURE_HEADER].split(",")[1]}


def _other_time(line, body, now):
    signed = line.sign(body, now=now)[SIGNATURE_HEADER]
    return body, {SIGNATURE_HEADER: signed.replace("t=1", "t=2")}


def _too_old(line, body, now):
    return body, line.sign(body, now=now - timedelta(seconds=301))


def _from_the_future(line, body, now):
    return body, line.sign(body, now=now + timedelta(seconds=301))


def _not_utf8(line, body, now):
    return b"\xff\xfe", line.sign(b"\xff\xfe", now=now)


def _not_json(line, body, now):
    return b"paid!", line.sign(b"paid!", now=now)


def _not_an_object(line, body, now):
    return b"[1]", line.sign(b"[1]", now=now)


def _without_ids(line, body, now):
    return b"{}", line.sign(b"{}", now=now)


def _ids_of_another_kind(line, body, now):
    body = b'{"id": 1, "ref": {"a": 2}}'
    return body, line.sign(body, now=now)


def _too_deep(line, body, now):
    body = b"[" * 30_000
    return body, line.sign(body, now=now)


def _too_large(line, body, now):
    body = body + b" " * MOST_BYTES
    return body, line.sign(body, now=now)


def _far_too_large(line, body, now):
    body = body + b" " * 2_000_000  # more than any page of the site takes
    return body, line.sign(body, now=now)


@pytest.mark.parametrize(
    "made",
    [
        _altered, _unsigned, _empty, _without_time, _other_time, _too_old, _from_the_future,
        _not_utf8, _not_json, _not_an_object, _without_ids, _ids_of_another_kind, _too_deep,
        _too_large, _far_too_large,
    ],
)  # fmt: skip
def test_a_bad_notice_is_refused_and_leaves_no_trace(
    client, line, paid, reservation, clock, caplog, made
):
    caplog.set_level(logging.DEBUG)
    body, headers = made(line, paid, clock())

    answer = send(client, line, body, at=clock(), headers=headers)

    assert (answer.status_code, answer.data) == (400, b"")
    assert (heard(), reservation.status) == (0, HELD)
    assert "fetch" not in [verb for verb, _ in line.calls]
    ref = json.loads(paid)["ref"]
    assert ref not in caplog.text
    assert headers.get(SIGNATURE_HEADER, "?")[-20:] not in caplog.text or not headers.get(
        SIGNATURE_HEADER
    )


def test_too_much_is_refused_however_well_it_is_signed(line, paid, clock):
    body = paid + b" " * (MOST_BYTES + 1 - len(paid))

    receive_notice(line, line.sign(body[:-1], now=clock()), body[:-1], now=clock())
    with pytest.raises(BadSignature, match="too large"):
        receive_notice(line, line.sign(body, now=clock()), body, now=clock())


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_fresh(line, paid, clock, seconds):
    headers = line.sign(paid, now=clock() + timedelta(seconds=seconds))

    assert line.notice(headers, paid, now=clock()).refs == (json.loads(paid)["ref"],)


def test_old_and_new_secret_are_good_together(line, settings, paid, clock):
    old, new = b"o" * 32, b"n" * 32
    line._secrets = (new, old)
    headers = []
    for secret in (old, new, b"x" * 32):
        signer = DemoProvider(settings)
        signer._secrets = (secret,)
        headers.append(signer.sign(paid, now=clock()))

    assert line.notice(headers[0], paid, now=clock())
    assert line.notice(headers[1], paid, now=clock())
    with pytest.raises(BadSignature):
        line.notice(headers[2], paid, now=clock())


def test_only_the_notices_door_takes_forms_from_elsewhere(client, line, paid, clock, app):
    elsewhere = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    signed = {**line.sign(paid, now=clock()), **elsewhere}

    door = send(client, line, paid, at=clock(), headers=signed)
    bank = outside(client.post, "/demo-bank/db_x/pay", headers=elsewhere)
    pay = outside(client.post, "/checkout/x/pay", headers=elsewhere)

    assert (door.status_code, bank.status_code, pay.status_code) == (200, 403, 403)
    assert set(ORIGIN_EXEMPT) == {"payments.webhook"}
    assert set(app.view_functions) >= ORIGIN_EXEMPT


def test_the_door_is_only_open_for_post_and_for_providers_that_are_here(client, place):
    assert outside(client.get, DOOR).status_code == 405
    assert outside(client.post, "/webhooks/stripe", data=b"{}").status_code == 404


def test_notices_by_the_worker_are_as_good_as_any(line, attempt, reservation, clock):
    event = pay_at_bank(attempt, now=clock())
    body = json.dumps({"id": event.id, "ref": event.ref}).encode()

    with line.broken("cut"), pytest.raises(NotSent):
        receive_notice(line, line.sign(body, now=clock()), body, now=clock())
    receive_notice(line, line.sign(body, now=clock()), body, now=clock())

    assert reservation.status == CONFIRMED
    assert at_bank(attempt).state == "paid"
