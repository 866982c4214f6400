"""Every form sifts what is typed: nothing hidden, nothing endless, and never a card number."""

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from wtforms import PasswordField, SelectField, StringField
from wtforms.fields import FieldList

import app.booking.forms  # noqa: F401 (so that its forms are on the list)
from app.core.languages import LANGUAGES, use_language
from app.web.choice_fields import ChoiceField, ListField
from app.web.fields import (
    CheckboxField,
    CountryField,
    DateField,
    EmailField,
    LinesField,
    PhoneField,
    TextField,
    TitleField,
    TrapField,
    WeChatField,
    WholeNumberField,
    country_names,
)
from app.web.forms import Form, QueryForm, all_forms
from app.web.hidden_fields import HiddenNumberField

CARD = "4242 4242 4242 4242"
PHONE_LIKE_CARD = "+49 1512 3456789"


class KeptSession(SecureCookieSession):
    """The session of somebody signed in."""

    is_kept = True


class Everything(Form):
    """One field of each kind."""

    name = TextField("Name", required="Please enter your name.", why="To greet you.")
    note = LinesField("Note", most=500)
    email = EmailField("E-mail")
    country = CountryField("Country")
    phone = PhoneField("Phone", country_from="country")
    title = TitleField("Title")
    wechat_id = WeChatField("WeChat ID")
    day = DateField("Day")
    guests = WholeNumberField("Guests", low=1, high=20, default=2)
    agrees = CheckboxField("I agree")
    refund = HiddenNumberField("Refund", low=0, high=10**12)
    plain = StringField("A field of WTForms itself")
    choice = SelectField("Choice", choices=["a", "b"], default="a")
    password = PasswordField("Password")
    website = TrapField("Leave empty")


ASKED = "Please say which one."


class Choosing(Form):
    """One of a few, and one of a list."""

    way = ChoiceField("Way", choices=["a", "b"], required=ASKED)
    language = ListField("Language", choices=["en", "de"], required=ASKED)


class Search(QueryForm):
    """Asked by the address."""

    day = DateField("Day")
    guests = WholeNumberField("Guests", low=1, high=20, default=2)


@pytest.fixture
def site() -> Iterator[Flask]:
    """Yield a site of nothing but a secret."""
    flask = Flask("site", static_folder=None)
    flask.config.update(SECRET_KEY="of a test", WTF_CSRF_TIME_LIMIT=None)
    with use_language("en"):
        yield flask


@pytest.fixture
def kept_site(site: Flask) -> Flask:
    """Return a site whose visitor is signed in."""

    class Kept(SecureCookieSessionInterface):
        session_class = KeptSession

    site.session_interface = Kept()
    return site


def posted(site: Flask, **typed: Any) -> Everything:
    """Return the form after it was sent with a name, and what else is given."""
    with site.test_request_context("/", method="POST", data={"name": "Anna", **typed}):
        form = Everything()
        form.validate_on_submit()
        return form


def errors(form: Form, name: str) -> list[str]:
    return [str(error) for error in form[name].errors]


def test_a_plain_answer_is_taken(site: Flask) -> None:
    form = posted(site, name="  Anna   Müller ", note="One\r\nTwo", day="2031-05-05", guests="3")

    assert not form.problems
    assert form.name.data == "Anna Müller"
    assert form.note.data == "One\nTwo"
    assert form.day.data == date(2031, 5, 5)
    assert form.guests.data == 3


# -- Tokens -------------------------------------------------------------------------------


def test_a_visitor_gets_no_token_and_no_session(site: Flask) -> None:
    with site.test_request_context("/"):
        form = Everything()
        str(form.hidden_tag())

        assert "csrf_token" not in form
        assert not session.modified
        assert not session.accessed or not dict(session)


def test_somebody_signed_in_needs_the_token(kept_site: Flask) -> None:
    with kept_site.test_request_context("/"):
        token = Everything().csrf_token.current_token
        kept = dict(session)

    def send(**typed: str) -> Everything:
        with kept_site.test_request_context("/", method="POST", data={"name": "Anna", **typed}):
            session.update(kept)
            form = Everything()
            form.validate_on_submit()
            return form

    assert not send(csrf_token=token).problems
    for wrong in ({}, {"csrf_token": "x"}, {"csrf_token": token + "x"}):
        problems = send(**wrong).problems
        assert [problem.field_id for problem in problems] == [""]
        assert "once more" in problems[0].text


def test_a_form_outside_a_request_has_no_token(site: Flask) -> None:
    with site.app_context():
        assert "csrf_token" not in Everything()


# -- What is typed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["name", "note", "email", "title", "wechat_id", "plain", "day", "guests", "country"]
)
@pytest.mark.parametrize("hidden", ["Anna\x00", "\x1b[31mAnna", "Anna\ufff9x"])
def test_hidden_characters_are_refused_beside_the_field(
    site: Flask, name: str, hidden: str
) -> None:
    form = posted(site, **{name: hidden})

    assert len(errors(form, name)) == 1
    assert "seen" in errors(form, name)[0]
    assert hidden not in str(form[name]())


@pytest.mark.parametrize("name", ["name", "note", "title", "plain"])
def test_a_text_that_reads_otherwise_than_it_is_stored_is_refused(site: Flask, name: str) -> None:
    assert "seen" in errors(posted(site, **{name: "Anna \u202etxet"}), name)[0]


@pytest.mark.parametrize("name", ["Ada \U0001f468\u200d\U0001f469\u200d\U0001f467", "שרה", "محمد"])
def test_emoji_and_right_to_left_names_are_welcome(site: Flask, name: str) -> None:
    form = posted(site, name=name)

    assert form.name.data == name
    assert 'dir="auto"' in form.name()


def test_marks_that_address_books_add_are_dropped(site: Flask) -> None:
    form = posted(site, phone="\u202a+49 3831 123456\u202c", email="\u2068anna@example.org\u2069")

    assert not form.problems
    assert form.phone.data == "+493831123456"
    assert form.email.data == "anna@example.org"


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "note",
        "email",
        "phone",
        "title",
        "wechat_id",
        "day",
        "guests",
        "country",
        "plain",
        "password",
        "choice",
        "agrees",
    ],
)
@pytest.mark.parametrize("text", ["a" * 100_000, "é" * 100_000, "4 2 " * 25_000, "<>" * 50_000])
def test_a_text_without_end_is_refused_quickly_and_not_shown_again(
    site: Flask, name: str, text: str
) -> None:
    start = time.process_time()
    form = posted(site, **{name: text})
    shown = str(form[name]())
    took = time.process_time() - start

    assert errors(form, name)
    assert len(shown) < 10_000  # the names of all countries fill nine of them
    assert took < 1


def test_a_long_text_says_how_long_it_may_be_and_keeps_its_beginning(site: Flask) -> None:
    form = posted(site, name="x" * 201)

    assert errors(form, "name") == ["Please keep this to 200 characters at most."]
    assert form.name.data == "x" * 201
    assert len(posted(site, name="x" * 5000).name.data) == 400


@pytest.mark.parametrize(
    "data",
    [{"name": ["Anna", "Berta"]}, {"name[]": "Berta", "name[0]": "Carla", "name": "Anna"}],
)
def test_the_first_of_several_values_counts(site: Flask, data: dict[str, Any]) -> None:
    with site.test_request_context("/", method="POST", data=data):
        form = Everything()

        assert form.validate_on_submit()
        assert form.name.data == "Anna"


@pytest.mark.parametrize("body", ["[]", "[1]", '{"name": ["Anna"]}', "null", "{"])
def test_json_is_not_a_form(site: Flask, body: str) -> None:
    with site.test_request_context("/", method="POST", data=body, content_type="application/json"):
        form = Everything()

        assert not form.validate_on_submit()
        assert errors(form, "name") == ["Please enter your name."]


def test_a_post_of_nothing_is_no_yes_to_what_was_there_before(site: Flask) -> None:
    with site.test_request_context("/", method="POST"):
        form = Everything(data={"name": "Anna", "agrees": True})

        assert not form.validate_on_submit()
        assert form.agrees.data is False


def test_what_only_robots_fill_in_refuses_the_form_kindly(site: Flask) -> None:
    form = posted(site, website="https://example.org")

    assert [problem.field_id for problem in form.problems] == [""]
    assert "example.org" not in form.website()
    assert 'tabindex="-1"' in form.website()


# -- Card numbers -------------------------------------------------------------------------


@pytest.mark.clause("C03")
@pytest.mark.parametrize(
    "name",
    [
        "name",
        "note",
        "email",
        "phone",
        "title",
        "wechat_id",
        "day",
        "guests",
        "country",
        "plain",
        "password",
        "choice",
    ],
)
@pytest.mark.parametrize("card", [CARD, "4242-4242-4242-4242", "4242424242424242"])
def test_a_card_number_is_refused_in_any_field_and_thrown_away(
    site: Flask, name: str, card: str
) -> None:
    form = posted(site, **{name: card})

    assert len(errors(form, name)) == 1
    assert errors(form, name)[0].startswith("This looks like a card number.")
    kept = repr((form.data, [field.raw_data for field in form], str(form[name]())))
    assert "4242" not in kept


@pytest.mark.clause("C03")
def test_a_card_number_is_not_shown_where_a_long_text_is_cut(site: Flask) -> None:
    for before in range(355, 405):
        form = posted(site, name="x" * before + " " + CARD + " " + "x" * 1000)

        assert "4242" not in repr(form.name.raw_data)


@pytest.mark.clause("C03")
def test_a_telephone_number_may_look_like_a_card(site: Flask) -> None:
    # Thirteen digits that begin like a Visa card's; one in ten passes its check digit.
    numbers = [f"49 151 2345678{last}" for last in range(10)]

    alike = [number for number in numbers if errors(posted(site, name=number), "name")]
    form = posted(site, phone=f"+{alike[0]}")

    assert len(alike) == 1
    assert not form.problems
    assert form.phone.data == f"+{alike[0].replace(' ', '')}"


@pytest.mark.clause("C03")
def test_a_card_number_in_a_list_of_fields_is_thrown_away(site: Flask) -> None:
    class Many(Form):
        names = FieldList(TextField("Name"), min_entries=1)

    with site.test_request_context("/", method="POST", data={"names-0": CARD, "names-1": "Anna"}):
        form = Many()

        assert not form.validate()
        assert form.names.data == ["", "Anna"]


# -- Kinds of answers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Anna@EXAMPLE.org", "Anna@example.org"),
        ("anna@bücher.example", "anna@bücher.example"),
        ("anna@xn--bcher-kva.example", "anna@bücher.example"),
        ("用户@例子.公司", "用户@例子.公司"),
        (" anna@example.org ", "anna@example.org"),
    ],
)
def test_an_address_is_normalised(site: Flask, typed: str, kept: str) -> None:
    form = posted(site, email=typed)

    assert not form.problems
    assert form.email.data == kept


@pytest.mark.parametrize(
    "typed", ["anna", "anna@", "@example.org", "a b@example.org", "anna@localhost", "a@b@c.org"]
)
def test_a_wrong_address_stays_beside_its_message(site: Flask, typed: str) -> None:
    form = posted(site, email=typed)

    assert "name@example.org" in errors(form, "email")[0]
    assert f'value="{typed}"' in form.email()


def test_a_number_is_one_of_the_country_that_was_chosen(site: Flask) -> None:
    form = posted(site, phone="138 1234 5678", country="CN")

    assert form.phone.data == "+8613812345678"


@pytest.mark.parametrize(("country", "named"), [("CN", "China"), ("", "begin with +")])
def test_a_wrong_number_stays_beside_its_message(site: Flask, country: str, named: str) -> None:
    form = posted(site, phone="12 34", country=country)

    assert named in errors(form, "phone")[0]
    assert 'value="12 34"' in form.phone()


@pytest.mark.parametrize("typed", ["anna_2031", "@anna-mueller", "wxid_a1b2c3d4"])
def test_a_wechat_id_is_taken(site: Flask, typed: str) -> None:
    form = posted(site, wechat_id=typed)

    assert not form.problems
    assert form.wechat_id.data == typed.removeprefix("@")


@pytest.mark.parametrize("typed", ["anna", "1anna_2031", "anna müller", "a" * 21, "微信微信微信"])
def test_what_is_no_wechat_id_is_told_the_rule(site: Flask, typed: str) -> None:
    assert "6 to 20" in errors(posted(site, wechat_id=typed), "wechat_id")[0]


@pytest.mark.parametrize("typed", ["13812345678", "+86 138 1234 5678"])
def test_a_number_linked_to_wechat_is_told_why_it_does_not_do(site: Flask, typed: str) -> None:
    assert "begins with a letter" in errors(posted(site, wechat_id=typed), "wechat_id")[0]
    assert "number" in errors(posted(site, wechat_id=typed), "wechat_id")[0]


@pytest.mark.parametrize("typed", ["de", "DE", "Germany", "germany"])
def test_a_country_is_its_two_letters(site: Flask, typed: str) -> None:
    form = posted(site, country=typed)

    assert form.country.data == "DE"
    assert '<option value="DE" selected>Germany</option>' in form.country()


@pytest.mark.parametrize("typed", ["EU", "ZZ", "XX", "DEU", "<b>", "'; drop table"])
def test_what_is_no_country_is_refused(site: Flask, typed: str) -> None:
    assert errors(posted(site, country=typed), "country")


def test_countries_are_named_and_sorted_for_their_readers() -> None:
    from app.core.languages import BY_CODE

    lists = {code: country_names(BY_CODE[code].locale) for code in LANGUAGES}
    german = list(lists["de"].values())

    assert {len(names) for names in lists.values()} == {250}  # 249 of ISO 3166-1, and Kosovo
    assert lists["zh"]["DE"] == "德国"
    assert german.index("Österreich") < german.index("Pakistan")
    assert german.index("Ägypten") < german.index("Albanien")
    # 阿 (a) before 德 (de) before 中 (zhong), by sound.
    chinese = "".join(name[0] for name in lists["zh"].values())
    assert chinese.index("阿") < chinese.index("德") < chinese.index("中")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("2031-02-30", "28 February 2031"),
        ("30/02/2031", "28 February 2031"),
        ("1899-01-01", "1900 to 2200"),
        ("9999-01-01", "1900 to 2200"),
        ("99999-01-01", "31/12/2026"),
        ("next Friday", "31/12/2026"),
        ("9" * 30, "31/12/2026"),
    ],
)
def test_a_wrong_date_stays_beside_its_message(site: Flask, typed: str, message: str) -> None:
    form = posted(site, day=typed)

    assert message in errors(form, "day")[0]
    assert form.day.data is None
    assert typed in form.day()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("0", "from 1 to 20"),
        ("21", "from 1 to 20"),
        ("-1", "from 1 to 20"),
        ("9" * 30, "from 1 to 20"),
        ("9" * 40, "from 1 to 20"),
        ("2.5", "whole number"),
        ("1e3", "whole number"),
        ("1_0", "whole number"),
        ("0x10", "whole number"),
        ("two", "whole number"),
        ("NaN", "whole number"),
    ],
)
def test_a_wrong_number_of_guests_is_told_its_bounds(site: Flask, typed: str, message: str) -> None:
    form = posted(site, guests=typed)

    assert message in errors(form, "guests")[0]
    assert form.guests.data is None
    assert typed in form.guests()


def test_digits_of_other_scripts_count(site: Flask) -> None:
    assert posted(site, guests="\u0663").guests.data == 3
    assert posted(site, guests="").guests.data == 2


@pytest.mark.parametrize("typed", ["-1", "1" * 30, "abc", "1" * 100_000, "12.5", "\x00"])
def test_a_hidden_number_that_was_tampered_with_concerns_the_whole_form(
    site: Flask, typed: str
) -> None:
    form = posted(site, refund=typed)

    assert [problem.field_id for problem in form.problems] == [""]
    assert form.problems[0].text.startswith("Please enter ")
    assert form.refund.data is None
    assert len(form.refund()) < 100


def test_a_choice_that_is_not_offered_is_refused_in_our_words(site: Flask) -> None:
    form = posted(site, choice="c")

    assert errors(form, "choice") == ["Please choose one from the list."]


@pytest.mark.parametrize("field", ["way", "language"])
def test_where_nothing_was_chosen_the_field_asks_in_its_own_words(site: Flask, field: str) -> None:
    said = []
    for typed in ({}, {field: "elsewhere"}):
        with site.test_request_context("/", method="POST", data=typed):
            form = Choosing()
            form.validate_on_submit()
            said.append(errors(form, field))

    assert said == [[ASKED], ["Please choose one from the list."]]


def test_fields_tell_browsers_and_keyboards_what_they_are_for(site: Flask) -> None:
    form = posted(site)

    for name, attributes in {
        "email": ('type="email"', 'autocomplete="email"', 'inputmode="email"', "spellcheck"),
        "phone": ('type="tel"', 'autocomplete="tel"', 'inputmode="tel"', "enterkeyhint"),
        "guests": ('type="number"', 'inputmode="numeric"', 'min="1"', 'max="20"'),
        "day": ('type="date"', 'min="1900-01-01"', 'max="2200-12-31"'),
        "country": ('autocomplete="country"',),
        "title": ('autocomplete="honorific-prefix"',),
        "name": ("required",),
    }.items():
        for attribute in attributes:
            assert attribute in str(form[name]()), name
    assert form.name.why == "To greet you."


# -- Asking by the address ----------------------------------------------------------------


def test_a_search_without_values_has_its_defaults(site: Flask) -> None:
    for path in ("/", "/?guests=", "/?utm=1"):
        with site.test_request_context(path):
            form = Search()

            assert form.validate()
            assert form.guests.data == 2


def test_a_search_keeps_what_was_typed_wrong(site: Flask) -> None:
    with site.test_request_context("/?day=2031-02-30&guests=many&guests=2"):
        form = Search()

        assert form.is_submitted()
        assert not form.validate()
        assert "2031-02-30" in form.day()
        assert "many" in form.guests()
        assert len(form.problems) == 2


def test_a_search_never_asks_for_a_token(kept_site: Flask) -> None:
    with kept_site.test_request_context("/?guests=3"):
        form = Search()

        assert form.validate()
        assert "csrf_token" not in form


# -- Every form ---------------------------------------------------------------------------


@pytest.mark.clause("C01")
def test_every_question_about_a_person_says_why_it_is_asked() -> None:
    questions = [question for form in all_forms() for question in form.questions()]

    undeclared = [(q.form, q.name) for q in questions if q.collects is None]
    unexplained = [(q.form, q.name) for q in questions if q.collects and not str(q.why)]

    assert len(questions) > 15
    assert undeclared == []
    assert unexplained == []


def test_forms_of_tests_are_not_on_the_list() -> None:
    assert Everything not in all_forms()
    assert all(form.__module__.startswith("app.") for form in all_forms())
