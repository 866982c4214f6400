"""A guest whom somebody asks for money finds out what they really owe, and nobody else does."""

import re
from pathlib import Path

import pytest

from app.core.database import db
from app.core.datamap import Kind
from app.core.languages import current_locale
from app.core.money import format_money
from app.core.vault import vault
from app.payments.claims import CHECKING
from app.payments.reconcile import reconcile
from tests.payments.till import TOTAL, begin, pay_at_bank

ADDRESS = "/is-this-real"


def ask(visitor, reference, email):
    """Ask the page, and return its status and what it says under the heading."""
    answer = visitor.press(ADDRESS, data={"reference": reference, "email": email})
    found = re.search(r'class="notice__title">(.*?)<', answer.text)
    return answer.status_code, found[1] if found else ""


@pytest.fixture
def guest(reservation):
    """What the guest of the held room knows."""
    vault().index(reservation.person_id, Kind.EMAIL, reservation.person.email)
    db.session.commit()
    return reservation.reference, reservation.person.email


@pytest.mark.clause("C17")
def test_a_held_booking_owes_its_total_and_not_a_cent_else(visitor, guest):
    status, said = ask(visitor, *guest)

    assert status == 200
    assert format_money(TOTAL, "EUR", current_locale()) in said


@pytest.mark.clause("C17")
def test_a_paid_booking_owes_nothing(visitor, reservation, guest, clock):
    attempt = begin(reservation, now=clock())
    pay_at_bank(attempt, now=clock())
    reconcile(now=clock())

    _, said = ask(visitor, *guest)

    assert said.startswith("Nothing")


@pytest.mark.clause("C14")
def test_whoever_knows_only_one_of_the_two_learns_nothing(visitor, guest):
    reference, email = guest

    wrong = [
        ask(visitor, reference, "somebody.else@example.org"),
        ask(visitor, "ABCDEFGH", email),
        ask(visitor, "ABCDEFGH", "somebody.else@example.org"),
    ]

    assert len(set(wrong)) == 1
    assert wrong[0][0] == 200


def test_a_reference_is_read_as_people_write_it(visitor, guest):
    reference, email = guest

    assert ask(visitor, f" {reference.lower()} ", email.upper()) == ask(visitor, reference, email)


def test_guessing_ends_soon(visitor, guest):
    for _ in range(CHECKING.burst):
        assert ask(visitor, "ABCDEFGH", guest[1])[0] == 200

    assert ask(visitor, *guest)[0] == 429


def test_what_is_missing_is_asked_for_beside_its_field(visitor, place):
    answer = visitor.press(ADDRESS, data={"reference": "", "email": "nobody"})

    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 2
    assert 'value="nobody"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.clause("C17")
@pytest.mark.parametrize(
    "letter",
    [
        path
        for path in sorted(Path("templates/mail").glob("[a-z]*.txt"))
        # Those that go to the house or to a partner are no guest's.
        if path.name not in ("dispute.txt", "message_house.txt", "partner.txt", "rights_house.txt")
    ],
    ids=str,
)
def test_every_mail_leads_to_the_page(letter):
    # Mails about an account or about one's data say it in words of their own, and one that
    # asks for money says it in the middle of it.
    about = letter.name.partition("_")[0]
    feet = (
        {"account": "_account_foot", "data": "_data_foot"}
        | dict.fromkeys(("erasure", "rights"), "_data_foot")
        | dict.fromkeys(("closing", "controller", "incident", "version"), "_notice_foot")
    )
    about = about.removesuffix(".txt")
    text = letter.read_text()

    if letter.name == "asked.txt":
        assert "{{ check_url }}" in text
    elif letter.name == "closing_released.txt":  # about one reservation, as those of bookings
        assert '{% include "mail/_request.txt" %}' in text
    else:
        assert f'{{% include "mail/{feet.get(about, "_request")}.txt" %}}' in text


def test_the_foot_of_mails_about_accounts_leads_there_too():
    assert 'url_for("claims.check"' in Path("templates/mail/_account_foot.txt").read_text()
