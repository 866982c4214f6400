"""The blueprint of everything below /account that accounts themselves answer for."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

bp = Blueprint("accounts", __name__, url_prefix="/account")


def useless_link() -> ResponseReturnValue:
    """Answer to a mailed link that was used, ran out, or never was one."""
    return render_template("account/useless-link.html"), 410
