"""A password is long rather than strange, never a common one, and changing it shuts every door."""

import unicodedata
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from app.accounts import mail_links
from app.accounts.models import Account, MailLink
from app.accounts.passwords import (
    LEAST_ALONE,
    LEAST_BESIDE,
    MOST,
    TooCommon,
    TooShort,
    hash_of,
    is_right,
    normalised,
    refuse_weak,
)
from app.config import USUAL_PASSWORD_MEMORY
from app.core.database import db
from tests.accounts.ways import (
    EMAIL,
    PASSWORD,
    kept,
    let_in,
    make_guest,
    make_house,
    session_cookie,
    sign_in,
    sign_in_guest,
    token_on,
)

pytestmark = pytest.mark.clause("C04")

PAGE = "/account/security/password"


def wide(text):
    """Return letters of full width, as a Chinese or Japanese keyboard may write them."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


NEW = "an otter asleep on its back"
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)


@pytest.fixture
def guest(app, clock, client):
    """The id of an account that `client` is signed in to."""
    account_id = make_guest(app, clock)
    let_in(app, clock, client, account_id)
    return account_id


def change(client, password, **more):
    data = {"csrf_token": token_on(client.get(PAGE)), "password": password, **more}
    return client.post(PAGE, data=data)


def opens(app, password, name=EMAIL):
    return sign_in_guest(app.test_client(), name, password).status_code == 303


# -- What may be one --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "second_factor", "taken"),
    [
        ("reeds at daw", False, False),
        ("reeds at dawn!", False, False),
        ("reeds at dawn!!", False, True),
        ("reedsat", True, False),
        ("reeds at", True, True),
        ("芦苇在黎明时分的湖边轻轻摇曳着呢", False, True),
        ("🦢🛶" * 4, True, False),  # one short piece, again and again
        ("🦢🛶🌾🏡🐟🌊🪵🔥", True, True),
        (" " * 15, False, False),
        (" leading and trailing ", False, True),
    ],
)
def test_length_counts_characters_whatever_they_are(password, second_factor, taken):
    try:
        refuse_weak(password, second_factor=second_factor)
    except (TooShort, TooCommon):
        assert not taken
    else:
        assert taken


@pytest.mark.parametrize(
    "password",
    ["qwertyuiopasdfgh", "QwertyUiopAsdfgh", "123456789012345", wide("qwertyuiopasdfg"),
     "aaaaaaaaaaaaaaaaaaaa", "abcdefghijklmnopqrst", "abcabcabcabcabcabc"],
)  # fmt: skip
def test_what_everybody_chooses_is_refused(password):
    with pytest.raises(TooCommon):
        refuse_weak(password, second_factor=False)


@pytest.mark.parametrize(
    "password", ["Haus Rohrdommel 1", "greta.gans-fischer!", "!!greta gans fischer"]
)
def test_what_everybody_knows_of_the_person_is_refused(password):
    known = ("Haus Rohrdommel", "greta.gans-fischer@post.example", "greta", "Greta Gans-Fischer")

    with pytest.raises(TooCommon):
        refuse_weak(password, second_factor=False, known=known)


def test_a_name_within_a_longer_password_is_no_harm():
    refuse_weak("greta rows to the island", second_factor=False, known=("Greta", "Greta Gans"))


@given(TEXTS)
@example("ﬁne Å ½ " + wide("full"))
def test_however_a_keyboard_composes_a_password_it_is_the_same(text):
    forms = {normalised(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC")}

    assert len(forms) == 1
    assert normalised(normalised(text)) == normalised(text)


@settings(max_examples=5)
@given(TEXTS)
@example("Ångström – ﬁsh ½")
def test_a_password_composed_otherwise_is_right(text):
    made = hash_of(unicodedata.normalize("NFC", text))

    assert is_right(unicodedata.normalize("NFD", text), made)
    assert is_right(unicodedata.normalize("NFKD", text), made)


@settings(max_examples=6)
@given(TEXTS)
@example(PASSWORD + " ")
@example(PASSWORD[:-1])
@example(PASSWORD.upper())
@example("")
def test_any_other_password_is_wrong(text):
    assume(normalised(text) != normalised(PASSWORD))

    assert not is_right(text, kept(PASSWORD))


def test_nothing_is_cut_off_the_end_of_a_long_password():
    long = "wide water " * 23 + "end"

    made = hash_of(long)

    assert len(long) == MOST
    assert is_right(long, made)
    assert not is_right(long[:-1] + "x", made)
    assert not is_right(long[:72], made)


def test_a_fresh_installation_hashes_with_what_was_measured():
    assert hash_of(PASSWORD).startswith(f"$argon2id$v=19$m={USUAL_PASSWORD_MEMORY},t=2,p=1$")


def test_a_hash_made_with_other_parameters_is_renewed_at_the_next_sign_in(app, clock, client):
    account_id = make_guest(app, clock)
    former = hash_of(PASSWORD)  # outside the site, with the usual parameters
    with app.app_context():
        db.session.get(Account, account_id).password = former
        db.session.commit()

    sign_in_guest(client)

    with app.app_context():
        renewed = db.session.get(Account, account_id).password
    assert "$m=256," in renewed
    assert is_right(PASSWORD, renewed)
    assert sign_in_guest(app.test_client()).status_code == 303


def test_nobody_has_the_password_of_an_account_without_one():
    assert not is_right("", None)
    assert not is_right(PASSWORD, None)


# -- Changing it ------------------------------------------------------------------------------


def test_a_new_password_opens_the_account_and_the_old_one_no_longer_does(app, client, guest):
    answer = change(client, NEW)

    assert (answer.status_code, answer.location) == (303, "/account/security?done=password_changed")
    assert "Your password is changed" in client.get(answer.location).text
    assert opens(app, NEW)
    assert not opens(app, PASSWORD)


def test_all_other_sessions_end_and_the_present_one_gets_a_new_cookie(app, clock, client, guest):
    others = [let_in(app, clock, app.test_client(), guest) for _ in range(2)]
    old = app.test_client()
    old.set_cookie("session", session_cookie(client), domain="localhost")

    change(client, NEW)

    statuses = [one.get("/account/security").status_code for one in (client, old, *others)]
    assert statuses == [200, 303, 303, 303]


def test_a_mailed_way_in_no_longer_opens_and_the_person_is_told(app, clock, client, guest):
    with app.app_context():
        account = db.session.get(Account, guest)
        mail_links.send(account, mail_links.WAY_IN, to=EMAIL, now=clock())
        db.session.commit()

    change(client, NEW)

    with app.app_context():
        links = [(link.purpose, link.news) for link in db.session.query(MailLink)]
    assert links == [("told", "password_changed")]


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "choose a password"),
        ("short", "15 characters or more"),
        ("x" * (MOST + 1), "256 characters at most"),
        ("qwertyuiopasdfghjkl", "Many people choose this one"),
        ("greta@post.example", "Many people choose this one"),
        ("4111 1111 1111 1111", "card number"),
    ],
)
def test_a_weak_one_is_refused_beside_the_field_and_never_shown_again(
    app, client, guest, password, said
):
    answer = change(client, password)

    assert answer.status_code == 422
    assert said in answer.text
    field = BeautifulSoup(answer.text, "html.parser").find("input", id="password")
    assert not field["value"]
    assert opens(app, PASSWORD)


def test_the_longest_password_is_taken_whole(app, client, guest):
    longest = ("wide water " * 24)[:MOST]

    assert change(client, longest).status_code == 303
    assert opens(app, longest)
    assert not opens(app, longest[:-1])


def test_beside_a_second_factor_eight_characters_are_enough(app, clock, client):
    member = make_house(app, clock)
    let_in(app, clock, client, member.account_id, strong=True)

    too_short, enough = change(client, "reedsat"), change(client, "reeds at")

    assert f"{LEAST_BESIDE} characters or more" in too_short.text
    assert enough.status_code == 303
    assert LEAST_ALONE > LEAST_BESIDE


def test_nobody_changes_it_who_has_not_just_shown_who_they_are(app, clock, client, guest):
    token = token_on(client.get(PAGE))
    clock.move(timedelta(minutes=10))

    shown = client.get(PAGE)
    sent = client.post(PAGE, data={"csrf_token": token, "password": NEW})
    stranger = app.test_client().get(PAGE)

    assert shown.location == sent.location == "/account/confirm?next=/account/security/password"
    assert stranger.location == "/account/sign-in?next=/account/security/password"
    assert opens(app, PASSWORD)


def test_more_fields_than_asked_for_change_nothing(app, client, guest):
    change(client, NEW, role="owner", account_id="1", totp="AAAA", username="admin")

    with app.app_context():
        account = db.session.get(Account, guest)
        assert (account.role, account.totp, account.username) == ("guest", None, None)


def test_somebody_without_a_name_to_sign_in_with_is_told_so(app, clock, client):
    page = sign_in(app, clock, client).get(PAGE)

    assert "you have neither yet" in page.text
    assert 'href="/account/profile"' in page.text


def test_password_managers_find_the_page(client, guest):
    led = client.get("/.well-known/change-password")
    nothing = client.get(
        "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    )

    assert (led.status_code, led.location) == (303, PAGE)
    assert nothing.status_code == 404
    page = client.get(PAGE).text
    assert page.count('autocomplete="new-password"') == 1
    assert 'autocomplete="username" value="greta@post.example"' in page
