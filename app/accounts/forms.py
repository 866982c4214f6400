"""What is asked at the door: to sign in, to open an account, to find a way back in."""

from app.accounts import names, passwords
from app.core.languages import lazy_gettext as _l
from app.web.fields import (
    CheckboxField,
    EmailField,
    TextField,
    TrapField,
)
from app.web.forms import Form
from app.web.secret_fields import CodeField, PasswordField

_PLAIN_TYPING = {"spellcheck": "false", "autocapitalize": "none"}
_LONGEST_NAME = EmailField.most
_EITHER = {"enterkeyhint": "go"}


class SignInForm(Form):
    """A name and a password. Names of any shape are taken: a wrong one opens nothing."""

    name = TextField(
        _l("User name or e-mail"),
        required=_l("Please enter your user name or your e-mail address."),
        why=_l("To find your account. It isn’t kept if there is none."),
        collects=(),
        most=_LONGEST_NAME,
        autocomplete="username webauthn",
        render_kw=_PLAIN_TYPING,
    )
    password = PasswordField(
        _l("Password"),
        required=_l("Please enter your password."),
        why=_l("To be sure that it is you."),
        collects=(),
        most=passwords.MOST,
        autocomplete="current-password",
        render_kw=_EITHER,
    )


class CodeForm(Form):
    """The second step: a code from an app, or one of those kept for a lost device."""

    code = CodeField(
        _l("Code"),
        required=_l("Please enter a code."),
        why=_l("To be sure that it is you, even if somebody has learnt your password."),
        collects=(),
    )


class RegisterForm(Form):
    """What an account needs to be opened."""

    email = EmailField(
        _l("E-mail"),
        required=_l("Please enter your e-mail address."),
        why=_l("The link that opens your account goes there, and you can sign in with it."),
        collects=("person.email",),
    )
    username = TextField(
        _l("User name"),
        why=_l("If you would rather sign in with a name. Without it, you use your e-mail address."),
        collects=("account.username",),
        most=names.MOST,
        autocomplete="off",
        render_kw=_PLAIN_TYPING,
    )
    password = PasswordField(
        _l("Password"),
        required=_l("Please choose a password."),
        why=_l("So that nobody but you gets in. Not even we can read it."),
        collects=("account.password",),
        most=passwords.MOST,
        autocomplete="new-password",
        render_kw=_EITHER,
    )
    agrees = CheckboxField(
        _l("I agree"),
        required=_l("Please tick this if you agree; without it there is no account."),
        collects=(),
    )
    website = TrapField(_l("Please leave this empty"))


class OpenForm(Form):
    """The password of an account that was asked for, once more, from its address's mailbox.

    Whoever types a stranger's address into the form for an account chooses a password that
    the stranger doesn't know; with the button alone, the stranger would open it for them.
    """

    password = PasswordField(
        _l("The password you chose"),
        required=_l("Please enter the password that you chose."),
        why=_l("So that nobody but you can have chosen it."),
        collects=("account.password",),
        most=passwords.MOST,
        autocomplete="current-password",
        render_kw=_EITHER,
    )


class InvitedForm(Form):
    """The password of somebody whom the owner invited; a second factor follows."""

    password = PasswordField(
        _l("Password"),
        required=_l("Please choose a password."),
        why=_l("So that nobody but you gets in. Not even we can read it."),
        collects=("account.password",),
        most=passwords.MOST,
        autocomplete="new-password",
        render_kw=_EITHER,
    )


class WayInForm(Form):
    """Whose account a link is wanted for."""

    name = TextField(
        _l("User name or e-mail"),
        required=_l("Please enter your user name or your e-mail address."),
        why=_l("If there is an account, a link goes to its address."),
        collects=(),
        most=_LONGEST_NAME,
        autocomplete="username",
        render_kw={**_PLAIN_TYPING, **_EITHER},
    )


class ConfirmForm(Form):
    """One proof more of somebody signed in; either field will do."""

    password = PasswordField(
        _l("Password"),
        why=_l("Before what is sensitive we make sure that it is still you."),
        collects=(),
        most=passwords.MOST,
        autocomplete="current-password",
        render_kw=_EITHER,
    )
    code = CodeField(
        _l("Code"),
        why=_l("Instead of the password: from your app, or a recovery code."),
        collects=(),
    )
