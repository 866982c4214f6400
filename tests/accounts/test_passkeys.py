"""A passkey opens its own account, here, once for each challenge, and nothing else does."""

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, MailLink, Passkey, RecoveryCode, Ticket
from app.accounts.passkeys import ASKING, MOST
from app.accounts.tickets import LIFE
from app.core.database import db
from tests.accounts.authenticator import Authenticator
from tests.accounts.ways import (
    is_in,
    let_in,
    make_guest,
    make_house,
    session_cookie,
    sign_in_guest,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

SECURITY = "/account/security"
ASK, IN = "/account/sign-in/passkey/options", "/account/sign-in/passkey"
CONFIRM = "/account/confirm/passkey"


@pytest.fixture
def device():
    """A device that counts how often it was used."""
    return Authenticator()


@pytest.fixture
def guest(app, clock, client):
    """The id of an account that `client` is signed in to."""
    account_id = make_guest(app, clock)
    let_in(app, clock, client, account_id)
    return account_id


def token(client):
    return token_on(client.get(SECURITY))


def ask_for_new(client):
    answer = client.post(f"{SECURITY}/passkeys/options", data={"csrf_token": token(client)})
    assert answer.status_code == 200, answer.text
    return answer.json


def send_new(client, credential, ticket):
    data = {"csrf_token": token(client), "credential": credential, "ticket": ticket}
    return client.post(f"{SECURITY}/passkeys", data=data)


def add(client, device):
    asked = ask_for_new(client)
    answer = send_new(client, device.make(asked["options"]), asked["ticket"])
    assert answer.status_code in (200, 303), answer.text
    return answer


def ask(client, **more):
    answer = client.post(ASK, data=more)
    assert answer.status_code == 200, answer.text
    return answer.json


def come_in(client, device, *, step="", **more):
    asked = ask(client, step=step)
    given = {"credential": device.answer(asked["options"]), "ticket": asked["ticket"]}
    return client.post(IN, data={**given, "step": step, **more})


def only_key(app):
    with app.app_context():
        return db.session.scalars(sa.select(Passkey)).one()


def told(app):
    """Return what the person was told of by mail, in order."""
    with app.app_context():
        return list(db.session.scalars(sa.select(MailLink.news).order_by(MailLink.id)))


def main(answer):
    return answer.text.split("<main")[1].split("</main>")[0]


# -- A new one --------------------------------------------------------------------------------


def test_a_passkey_is_added_and_opens_the_account(app, clock, client, guest, device):
    first = add(client, device)
    kept = only_key(app)
    stranger = app.test_client()

    answer = come_in(stranger, device)

    assert first.status_code == 200
    assert kept.account_id == guest
    assert (answer.status_code, answer.location) == (303, "/account")
    assert stranger.get(SECURITY).status_code == 200
    assert only_key(app).used_at == clock()


def test_the_first_one_brings_recovery_codes_and_a_mail_the_second_only_a_mail(
    app, client, guest, device
):
    first = add(client, device)
    second = add(client, Authenticator())

    assert first.text.count("<code") == 10
    assert told(app) == ["passkey_added", "passkey_added"]
    assert (second.status_code, second.location) == (303, f"{SECURITY}?done=passkey_added")
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(RecoveryCode)) == 10


def test_the_question_tells_a_device_nothing_of_the_person_but_a_name(client, guest, device):
    asked = ask_for_new(client)["options"]

    assert asked["rp"]["id"] == "localhost"
    assert asked["user"]["name"] == "greta@post.example"
    assert len(asked["user"]["id"]) == 43
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["authenticatorSelection"]["residentKey"] == "preferred"
    assert asked["attestation"] == "none"


def test_a_device_that_has_one_is_not_asked_for_another(client, guest, device):
    add(client, device)

    asked = ask_for_new(client)["options"]

    assert len(asked["excludeCredentials"]) == 1


@pytest.mark.parametrize(
    "bend",
    [
        {"origin": "https://localhost"},
        {"origin": "http://localhost:8000"},
        {"origin": "http://localhost.evil.example"},
        {"challenge": "bm90IG91ciBjaGFsbGVuZ2U"},
        {"type": "webauthn.get"},
    ],
)
def test_an_answer_to_another_question_adds_nothing(app, client, guest, device, bend):
    asked = ask_for_new(client)

    answer = send_new(client, device.make(asked["options"], **bend), asked["ticket"])

    assert answer.status_code == 409
    assert "couldn’t be added" in answer.text
    with app.app_context():
        assert db.session.scalar(sa.select(Passkey)) is None


@pytest.mark.parametrize("bend", [{"verified": False}, {"rp_id": "evil.example"}])
def test_a_device_that_did_not_ask_its_person_adds_nothing(app, client, guest, device, bend):
    vars(device).update(bend)
    asked = ask_for_new(client)

    answer = send_new(client, device.make(asked["options"]), asked["ticket"])

    assert answer.status_code == 409
    with app.app_context():
        assert db.session.scalar(sa.select(Passkey)) is None


SHORT = (
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "AA", '
    '"attestationObject": "AA", "authenticatorData": "A", "signature": "%", "userHandle": "A"}}'
)


@pytest.mark.parametrize(
    "nonsense",
    ["", "{}", "[]", "null", "7", "[" * 9_000, '{"id":', "\x00", "é", "x" * 20_000, SHORT],
)
def test_nonsense_is_refused_calmly_everywhere(client, guest, app, nonsense):
    asked, stranger = ask_for_new(client), app.test_client()

    added = send_new(client, nonsense, asked["ticket"])
    entered = stranger.post(IN, data={"credential": nonsense, "ticket": ask(stranger)["ticket"]})

    assert added.status_code == 409
    assert entered.status_code == 422
    assert session_cookie(stranger) is None


def test_a_challenge_is_for_one_answer_one_account_and_ten_minutes(
    app, clock, client, guest, device
):
    other = let_in(app, clock, app.test_client(), make_guest(app, clock, "otto@post.example"))
    asked = ask_for_new(client)
    made = device.make(asked["options"])

    elsewhere = send_new(other, made, asked["ticket"])
    asked = ask_for_new(client)
    made = device.make(asked["options"])
    once = send_new(client, made, asked["ticket"])
    again = send_new(client, made, asked["ticket"])
    asked = ask_for_new(client)
    made = device.make(asked["options"])
    clock.move(LIFE)
    let_in(app, clock, client, guest)
    late = send_new(client, made, asked["ticket"])

    assert [a.status_code for a in (elsewhere, once, again, late)] == [409, 200, 409, 409]
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Passkey)) == 1


def test_nobody_can_add_the_passkey_of_another_account(app, clock, client, guest, device):
    add(client, device)
    thief = let_in(app, clock, app.test_client(), make_guest(app, clock, "otto@post.example"))
    asked, known = ask_for_new(thief), device.keys[0].credential_id

    # The same id over a key of the thief's own: what a made-up device can say.
    answer = send_new(thief, Authenticator().make(asked["options"], known), asked["ticket"])

    assert answer.status_code == 409
    assert only_key(app).account_id == guest


def test_there_are_ten_at_most(client, guest):
    for _ in range(MOST):
        add(client, Authenticator())

    answer = client.post(f"{SECURITY}/passkeys/options", data={"csrf_token": token(client)})

    assert answer.status_code == 409
    assert "data-passkey=" not in client.get(SECURITY).text


# -- Coming in --------------------------------------------------------------------------------


def test_a_passkey_alone_counts_as_two_factors(app, clock, client, device):
    member = make_house(app, clock)
    let_in(app, clock, client, member.account_id)
    add(client, device)
    fresh = app.test_client()

    answer = come_in(fresh, device)

    assert (answer.status_code, answer.location) == (303, "/owner/")
    assert is_in(fresh)


def test_it_leads_where_somebody_wished_to_go_and_nowhere_else(app, client, guest, device):
    add(client, device)

    there = come_in(app.test_client(), device, next="/account/profile")
    elsewhere = come_in(app.test_client(), device, next="https://evil.example/")

    assert there.location == "/account/profile"
    assert elsewhere.location == "/account"


@pytest.mark.parametrize(
    "bend",
    [
        {"origin": "https://localhost"},
        {"origin": "http://evil.example"},
        {"challenge": "bm90IG91ciBjaGFsbGVuZ2U"},
        {"type": "webauthn.create"},
    ],
)
def test_an_answer_given_to_somebody_else_opens_nothing(app, client, guest, device, bend):
    add(client, device)
    stranger = app.test_client()
    asked = ask(stranger)

    given = {"credential": device.answer(asked["options"], **bend), "ticket": asked["ticket"]}
    answer = stranger.post(IN, data=given)

    assert answer.status_code == 422
    assert session_cookie(stranger) is None


@pytest.mark.parametrize("bend", [{"verified": False}, {"rp_id": "evil.example"}, {"counter": 0}])
def test_a_device_that_is_not_sure_of_its_person_or_counts_back_opens_nothing(
    app, client, guest, device, bend
):
    add(client, device)
    vars(device).update(bend)
    if "counter" in bend:
        device.counts = False
    stranger = app.test_client()

    answer = come_in(stranger, device)

    assert answer.status_code == 422
    assert session_cookie(stranger) is None


def test_a_synchronised_passkey_never_counts_and_opens_the_account_each_time(app, client, guest):
    device = Authenticator(counts=False)
    add(client, device)

    answers = [come_in(app.test_client(), device).status_code for _ in range(2)]

    assert answers == [303, 303]


@pytest.mark.parametrize("counts", [True, False])
def test_a_copied_answer_opens_nothing_a_second_time(app, client, guest, counts):
    device = Authenticator(counts=counts)
    add(client, device)
    asked = ask(client_one := app.test_client())
    given = {"credential": device.answer(asked["options"]), "ticket": asked["ticket"]}

    first = client_one.post(IN, data=given)
    again = app.test_client().post(IN, data=given)
    fresh = app.test_client()
    elsewhere = fresh.post(IN, data={**given, "ticket": ask(fresh)["ticket"]})

    assert [a.status_code for a in (first, again, elsewhere)] == [303, 422, 422]


def test_a_signature_by_another_key_opens_nothing(app, client, guest, device):
    add(client, device)
    other = Authenticator()
    other.make({"user": {"id": "AA"}, "challenge": "AA"})
    real, made_up = device.keys[0], other.keys[0]
    other.keys = [made_up._replace(credential_id=real.credential_id, handle=real.handle)]
    other.counter = 100

    assert come_in(app.test_client(), other).status_code == 422


def test_a_handle_of_another_account_opens_nothing(app, client, guest, device):
    add(client, device)
    device.keys = [device.keys[0]._replace(handle=b"somebody else")]

    assert come_in(app.test_client(), device).status_code == 422


@pytest.mark.parametrize("column", ["suspended_at", "verified_at"])
def test_an_account_that_may_not_come_in_is_refused_in_the_same_words_as_a_stranger(
    app, clock, client, guest, device, column
):
    add(client, device)
    stranger = Authenticator()
    stranger.make({"user": {"id": "AA"}, "challenge": "AA"})
    with app.app_context():
        account = db.session.get(Account, guest)
        setattr(account, column, clock() if column == "suspended_at" else None)
        db.session.commit()

    barred = come_in(app.test_client(), device)
    unknown = come_in(app.test_client(), stranger)

    assert (barred.status_code, unknown.status_code) == (422, 422)
    assert main(barred) == main(unknown)


def test_asking_is_limited_by_network(app):
    statuses = [app.test_client().post(ASK).status_code for _ in range(ASKING.burst + 1)]

    assert statuses == [200] * ASKING.burst + [429]


def test_a_question_from_another_site_is_not_answered(app):
    answer = app.test_client().post(ASK, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    with app.app_context():
        assert db.session.scalar(sa.select(Ticket)) is None


# -- As the second step, and once more ----------------------------------------------------------


def step_of(answer):
    assert answer.status_code == 303
    return answer.location.partition("?")[0].rpartition("/")[2]


def test_it_is_a_second_factor_for_somebody_with_a_password(app, client, guest, device):
    add(client, device)
    fresh = app.test_client()

    step = step_of(sign_in_guest(fresh))
    asked = ask(fresh, step=step)
    answer = come_in(fresh, device, step=step)
    again = app.test_client().post(ASK, data={"step": step})

    assert [one["id"] for one in asked["options"]["allowCredentials"]]
    assert answer.status_code == 303
    assert fresh.get(SECURITY).status_code == 200
    assert again.status_code == 409


def test_the_passkey_of_another_account_is_no_second_factor(app, clock, client, guest, device):
    add(client, device)
    own = Authenticator()
    other = make_guest(app, clock, "otto@post.example")
    add(let_in(app, clock, app.test_client(), other), own)
    thief = app.test_client()
    step = step_of(sign_in_guest(thief))

    answer = come_in(thief, own, step=step)

    assert answer.status_code == 422
    assert session_cookie(thief) is None


def test_a_challenge_for_nobody_is_none_for_the_second_step(app, client, guest, device):
    add(client, device)
    fresh = app.test_client()
    step, asked = step_of(sign_in_guest(fresh)), ask(fresh)

    given = {"credential": device.answer(asked["options"]), "ticket": asked["ticket"]}
    answer = fresh.post(IN, data={**given, "step": step})

    assert answer.status_code == 422


def test_it_shows_again_who_somebody_is_and_changes_the_cookie(app, clock, client, guest, device):
    add(client, device)
    old, page = session_cookie(client), token(client)
    asked = client.post(ASK, data={"csrf_token": page}).json
    given = {"credential": device.answer(asked["options"]), "ticket": asked["ticket"]}

    answer = client.post(CONFIRM, data={**given, "csrf_token": page, "next": "/account/profile"})
    copied = app.test_client()
    copied.set_cookie("session", old, domain="localhost")

    assert (answer.status_code, answer.location) == (303, "/account/profile")
    assert session_cookie(client) != old
    assert client.get(SECURITY).status_code == 200
    assert copied.get(SECURITY).status_code == 303


def test_the_passkey_of_another_account_shows_nothing(app, clock, client, guest, device):
    add(client, device)
    own = Authenticator()
    other = let_in(app, clock, app.test_client(), make_guest(app, clock, "otto@post.example"))
    add(other, own)
    page = token(client)
    asked = client.post(ASK, data={"csrf_token": page}).json

    given = {"credential": own.answer(asked["options"]), "ticket": asked["ticket"]}
    answer = client.post(CONFIRM, data={**given, "csrf_token": page})

    assert answer.status_code == 422


# -- Taking one away --------------------------------------------------------------------------


def remove(client, number):
    return client.post(f"{SECURITY}/passkeys/{number}/remove", data={"csrf_token": token(client)})


def test_a_removed_passkey_opens_nothing_and_its_recovery_codes_go(app, client, guest, device):
    add(client, device)

    answer = remove(client, only_key(app).id)

    assert answer.location == f"{SECURITY}?done=passkey_removed"
    assert told(app) == ["passkey_added", "passkey_removed"]
    assert come_in(app.test_client(), device).status_code == 422
    with app.app_context():
        assert db.session.scalar(sa.select(RecoveryCode)) is None


def test_nobody_removes_the_passkey_of_another(app, clock, client, guest, device):
    add(client, device)
    other = let_in(app, clock, app.test_client(), make_guest(app, clock, "otto@post.example"))

    assert remove(other, only_key(app).id).status_code == 404
    assert remove(other, 9999).status_code == 404
    assert come_in(app.test_client(), device).status_code == 303


def test_whoever_runs_the_place_keeps_a_last_factor(app, clock, client, device):
    member = make_house(app, clock)
    let_in(app, clock, client, member.account_id, strong=True)
    add(client, device)
    with app.app_context():
        account = db.session.get(Account, member.account_id)
        account.totp = account.totp_at = None
        db.session.commit()

    answer = remove(client, only_key(app).id)

    assert answer.status_code == 409
    assert "needs a second factor" in answer.text
    assert come_in(app.test_client(), device).status_code == 303
