"""The forms of an account's security: a new password, a first code, a device's answer."""

from typing import Any

from wtforms.validators import StopValidation

from app.accounts.passkeys import LONGEST_ANSWER
from app.core.languages import gettext
from app.core.languages import lazy_gettext as _l
from app.web.forms import Form
from app.web.hidden_fields import HiddenField
from app.web.secret_fields import CodeField, PasswordField


class TokenField(HiddenField):
    """A text of ours, or of a script of ours, that comes back; it may have been tampered with."""

    def pre_validate(self, _form: Any) -> None:
        """Refuse what no page of ours sends. Raises StopValidation."""
        if not self.data.isascii() or len(self.data) > self.most:
            raise StopValidation(gettext("Please check this."))


class NewPasswordForm(Form):
    """Choose a password. It is asked for once: browsers keep it, and a mailed link replaces it."""

    password = PasswordField(
        _l("New password"),
        required=_l("Please choose a password."),
        why=_l("You sign in with it. We keep a hash, from which nobody can read it."),
        collects=("account.password",),
        autocomplete="new-password",
    )


class FirstCodeForm(Form):
    """Show that the app has the secret."""

    code = CodeField(
        _l("The code that the app shows"),
        required=_l("Please enter the code that the app shows."),
        why=_l("It shows that the app is set up, before signing in depends on it."),
        collects=(),
        render_kw={"inputmode": "numeric"},
    )
    ticket = TokenField(collects=())


class PasskeyForm(Form):
    """What a device answered. A script fills it in and sends it."""

    credential = TokenField(collects=(), most=LONGEST_ANSWER)
    ticket = TokenField(collects=())
    step = TokenField(collects=())  # of somebody who has shown their password already
    next = TokenField(collects=(), most=500)
