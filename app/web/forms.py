"""The base of every form: what is typed is sifted once, before anything looks at it.

A form of the site refuses hidden characters and texts without end, never keeps
a payment card number (C03), says why it asks (C01), and speaks the language of
the page. Forms shown before there is a session are guarded by the request's
`Origin`; with a session, by a token too. Nothing here writes to the session of
a visitor who isn't signed in.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, NamedTuple

from flask import current_app, has_request_context, request, session
from flask_wtf import FlaskForm
from flask_wtf.csrf import _FlaskFormCSRF
from flask_wtf.form import SUBMIT_METHODS
from markupsafe import Markup, escape
from werkzeug.datastructures import CombinedMultiDict
from wtforms import PasswordField, ValidationError
from wtforms.csrf.core import CSRFTokenField
from wtforms.fields import Field, FieldList, FormField
from wtforms.validators import StopValidation
from wtforms.widgets import HiddenInput, Input
from wtforms.widgets.core import clean_key

from app.core.cards import LEAST_DIGITS, holds_card_number
from app.core.languages import N_, gettext, ngettext
from app.core.text import InvisibleCharacter, clean, without_direction_marks

MOST_CHARACTERS = 200  # of a text whose field says nothing else
MOST_VALUES = 100  # of one field; a browser sends one, or one a ticked box

# What WTForms would say, in our words. Whatever it may add later shows in English.
_WORDS = {
    "This field is required.": N_("Please fill this in."),
    "Not a valid choice.": N_("Please choose one from the list."),
    "Not a valid choice": N_("Please choose one from the list."),
    "Invalid Choice: could not coerce.": N_("Please choose one from the list."),
    "Not a valid integer value.": N_("Please enter a whole number."),
    "Invalid input.": N_("Please check this."),
}
_FROM_REQUEST: Any = object()
_FORMS: list[type["Form"]] = []


def attributes(**values: Any) -> Markup:
    """Return HTML attributes as WTForms writes them, five times as fast.

    Names are the program's own; values are escaped, whatever they are.
    """
    written = []
    for name, value in sorted(values.items()):
        if value is True:
            written.append(clean_key(name))
        elif value is not False:
            # What is markup already may hold quotes, which end an attribute.
            text = str(escape(value)).replace('"', "&quot;")
            written.append(f'{clean_key(name)}="{text}"')
    return Markup(" ".join(written))  # noqa: S704 (escaped above)


# WTForms keeps the function with the widget, for others to take its place.
setattr(Input, "html_params", staticmethod(attributes))  # noqa: B010 (its stubs call it fixed)


class Problem(NamedTuple):
    """One line of the summary above a form; `field_id` is empty if no field is to blame."""

    field_id: str
    text: str


class Question(NamedTuple):
    """One thing a form asks, as the public list of collection points shows it (C01)."""

    form: str
    name: str
    label: Any
    why: Any
    collects: tuple[str, ...] | None  # None: the field does not say, which a test refuses


class _Translations:
    """WTForms' own messages, through our catalogues."""

    def gettext(self, message: str) -> str:
        return gettext(_WORDS.get(message, message))

    def ngettext(self, singular: str, plural: str, num: int) -> str:
        return ngettext(singular, plural, num)


_TRANSLATIONS = _Translations()


class _TokenField(CSRFTokenField):
    machine_made = True


class _SessionToken(_FlaskFormCSRF):
    """Flask-WTF's token, refused in words that say what to do."""

    field_class = _TokenField

    def validate_csrf_token(self, form: "Form", field: Field) -> None:
        try:
            super().validate_csrf_token(form, field)
        except ValidationError as error:
            raise ValidationError(
                gettext("This page has been open for a while. Please send it once more.")
            ) from error


class Required:
    """Nothing goes on without an answer; `message` asks for it by name."""

    field_flags: ClassVar[dict[str, bool]] = {"required": True}

    def __init__(self, message: Any = None) -> None:
        self.message = message

    def __call__(self, form: Any, field: Any) -> None:
        """Stop the checks of a field that is empty, or could not be read."""
        if field.errors:
            raise StopValidation
        if field.data is None or field.data is False or field.data == "":
            raise StopValidation(str(self.message or gettext("Please fill this in.")))


class NotRequired:
    """An empty answer is an answer: the other checks are left out."""

    def __call__(self, form: Any, field: Any) -> None:
        """Stop the checks of a field that is empty, or could not be read."""
        if field.errors or field.data is None or field.data == "":
            raise StopValidation


class Asked:
    """What every field of ours says of itself, beside what WTForms knows of it."""

    most = MOST_CHARACTERS
    lines = False  # whether line breaks may stand in it
    copied = False  # often copied from address books, with direction marks around it
    machine_made = False  # a value of ours that comes back
    attributes: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        label: Any = None,
        validators: Any = (),
        *,
        why: Any = "",
        collects: tuple[str, ...] | None = None,
        required: Any = False,
        most: int | None = None,
        autocomplete: str | None = None,
        render_kw: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.why = why
        self.collects = collects
        if most is not None:
            self.most = most
        attributes = dict(self.attributes)
        if autocomplete is not None:
            attributes["autocomplete"] = autocomplete
        if render_kw:
            attributes.update(render_kw)
        first = Required(None if required is True else required) if required else NotRequired()
        super().__init__(
            label,  # type: ignore[call-arg]  # the next class is a field of WTForms
            [first, *validators],
            render_kw=attributes,
            **kwargs,
        )


class Sifted:
    """Posted values of which a form's own have been looked through already."""

    def __init__(self, given: Any, sifted: dict[str, list[Any]]) -> None:
        self.given = given
        self.sifted = sifted

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)

    def getlist(self, name: str) -> list[Any]:
        """Return the values of a field, or an empty list."""
        found: list[Any] = self.sifted[name] if name in self.sifted else self.given.getlist(name)
        return found


class Form(FlaskForm):
    """A form of the site, filled from the posted request.

    Each field's texts are cleaned and measured before the field reads them, and
    a card number is thrown away on sight. A field may say of itself: `most`
    (characters), `lines`, `machine_made` (a value of ours, not looked through),
    `copied` (direction marks are dropped), `excuses(text)` (not a card number).
    """

    class Meta(FlaskForm.Meta):
        """How WTForms builds these forms."""

        csrf_class = _SessionToken

        @property
        def csrf(self) -> bool:
            """A token only where somebody is signed in: it lives in their session."""
            return has_request_context() and bool(getattr(session, "is_kept", False))

        @property
        def csrf_time_limit(self) -> int:
            """As long as the session, unless configured otherwise; in seconds."""
            return current_app.config.get("WTF_CSRF_TIME_LIMIT") or 400 * 86_400

        def get_translations(self, form: Any) -> _Translations:
            """Return the words of the library's own messages, in the page's language."""
            return _TRANSLATIONS

    is_part = False  # of other forms, whose pages ask for it

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.is_part:
            _FORMS.append(cls)

    def __init__(self, formdata: Any = _FROM_REQUEST, **kwargs: Any) -> None:
        if formdata is _FROM_REQUEST:
            formdata = self.sent()
        super().__init__(formdata=formdata, **kwargs)

    def sent(self) -> Any:
        """Return what the request sent to this form, or None for a form just opened.

        Only form fields count, JSON does not; a POST of nothing is still a POST.
        """
        if not (has_request_context() and request.method in SUBMIT_METHODS):
            return None
        if request.files:
            return CombinedMultiDict([request.files, request.form])
        return request.form

    def is_submitted(self) -> bool:
        """Say whether the form was sent to be acted on, and not only to be drawn anew."""
        return bool(super().is_submitted()) and not any(getattr(f, "redraws", False) for f in self)

    def process(self, formdata: Any = None, *args: Any, **kwargs: Any) -> None:
        """Sift what was sent, then let the fields read it."""
        self._refused: dict[str, str] = {}
        if formdata is not None:
            formdata = Sifted(formdata, self._sift(formdata))
        super().process(formdata, *args, **kwargs)

    def validate(self, extra_validators: Any = None) -> bool:
        """Say whether all that was sent may be used; each field has its errors after."""
        fine = super().validate(extra_validators)
        for name, problem in self._refused.items():
            self._fields[name].errors = [problem]  # and not that it is empty as well
        for field in self._fields.values():
            if isinstance(field.widget, HiddenInput) and field.errors:
                # Nobody sees the field, so what is wrong with it concerns the whole form.
                self.form_errors.append(field.errors[0])
                field.errors = []
        return fine and not self._refused and not self.form_errors

    @property
    def problems(self) -> list[Problem]:
        """The first problem of each field, and those of the form, for the summary above it."""
        found = [Problem("", str(error)) for error in self.form_errors]
        for field in self._fields.values():
            inner = getattr(field, "problems", None)
            if inner is not None:
                found += inner
            elif field.errors:
                found.append(Problem(field.id, str(field.errors[0])))
        return found

    @classmethod
    def questions(cls) -> list[Question]:
        """Return what this form asks, in order, without what only machines fill in."""
        return list(_questions_of(cls))  # type: ignore[arg-type]  # a class is its own key

    def _sift(self, given: Any) -> dict[str, list[Any]]:
        sifted: dict[str, list[Any]] = {}
        for name, field in self._fields.items():
            if isinstance(field, FieldList):
                # It makes its fields from what was sent; this one is as they will be.
                one = field.unbound_field.bind(form=None, name="", _meta=self.meta)
                for key in given:
                    if key.startswith(f"{field.name}-") and not isinstance(one, FormField):
                        sifted[key] = [self._sift_text(name, one, v) for v in given.getlist(key)]
            elif field.name in given and not getattr(field, "machine_made", False):
                sifted[field.name] = [
                    self._sift_text(name, field, value) if isinstance(value, str) else value
                    for value in given.getlist(field.name)[:MOST_VALUES]
                ]
        return sifted

    def _sift_text(self, name: str, field: Field, text: str) -> str:
        """Return `text` as the field may read it; a reason to refuse it goes to `_refused`."""
        most = getattr(field, "most", MOST_CHARACTERS)
        # A little more than is shown again, so that no card number hides on the cut.
        kept = text[: 2 * most + 80]
        if isinstance(field, PasswordField):
            tidy = kept  # every character of a password counts
        else:
            if getattr(field, "copied", False):
                kept = without_direction_marks(kept)
            try:
                tidy = clean(kept, lines=getattr(field, "lines", False))
            except InvisibleCharacter as error:
                self._refused[name] = error.say()
                return ""

        if _may_hold_card(tidy) and holds_card_number(tidy) and not _excused(field, tidy):
            self._refused[name] = gettext(
                "This looks like a card number. Please don’t type it here: the payment page "
                "is the only place for it, and we have deleted it."
            )
            return ""
        if len(tidy) > most or len(text) > 2 * most + 80:
            self._refused[name] = gettext(
                "Please keep this to %(most)d characters at most.", most=most
            )
            return tidy[: 2 * most]
        return tidy


@cache
def _questions_of(form: type[Form]) -> tuple[Question, ...]:
    unbound = [
        (name, getattr(form, name))
        for name in dir(form)
        if not name.startswith("_") and hasattr(getattr(form, name), "_formfield")
    ]
    unbound.sort(key=lambda pair: pair[1].creation_counter)
    return tuple(
        Question(
            form=form.__name__,
            name=name,
            label=(field.args or (field.kwargs.get("label", ""),))[0],
            why=field.kwargs.get("why", ""),
            collects=field.kwargs.get("collects", getattr(field.field_class, "collects", None)),
        )
        for name, field in unbound
        if not getattr(field.field_class, "machine_made", False)
    )


class QueryForm(Form):
    """A form that asks by its address (`?adults=2`): open to everyone, and forgiving.

    A value that is missing or empty is the field's default; a wrong one stays
    where it was typed, with a message beside it.
    """

    class Meta(Form.Meta):
        """No token: nothing is changed by asking."""

        csrf = False

    def sent(self) -> Any:
        """Return the query of the address, or None where there is none."""
        return request.args if has_request_context() and request.args else None

    def is_submitted(self) -> bool:
        """Say whether the address asks for anything of this form."""
        return has_request_context() and any(f.name in request.args for f in self)


class EmptyForm(Form):
    """A single button that changes something."""


def all_forms() -> tuple[type[Form], ...]:
    """Return every form class of the site that has been imported, in that order."""
    return tuple(form for form in _FORMS if form.__module__.startswith("app."))


def _may_hold_card(text: str) -> bool:
    return len(text) >= LEAST_DIGITS


def _excused(field: Field, text: str) -> bool:
    excuses = getattr(field, "excuses", None)
    return excuses is not None and bool(excuses(text))
