"""Who of the house may open what: each of the owner's views says the least role it needs.

    @bp.get("/people")
    @needs(OWNER)
    def people(): …

What says nothing opens for owners alone. Templates ask `may_use(endpoint)`, so that
nobody is shown a button that they can't use.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER
from app.accounts.sessions import ask_the_house, current_account, has_proved_lately, may
from app.accounts.words import role_word
from app.core.clock import utcnow
from app.core.languages import gettext
from app.web.errors import error_page

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[P, ResponseReturnValue]

LEAST_ROLE = "least_role"
"""The name under which a view keeps the role that it needs."""


def needs(role: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Open a view to those who have a role, or one above it."""

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, LEAST_ROLE, role)
        return view

    return declare


def least_role(endpoint: str) -> str:
    """Return the least role that an endpoint needs."""
    role: str = getattr(current_app.view_functions[endpoint], LEAST_ROLE, OWNER)
    return role


def may_use(endpoint: str) -> bool:
    """Tell whether whoever is signed in has the role that an endpoint needs."""
    account = current_account()
    return account is not None and may(account, least_role(endpoint))


def only_the_house() -> ResponseReturnValue | None:
    """Return the answer to whoever may not open the address at hand; None for who may."""
    g.private = True
    refused = ask_the_house()
    account = current_account()
    if refused is not None or account is None:
        return refused
    g.ways_on = [(url_for("owner.today"), gettext("Today"))]
    if may_use(str(request.endpoint)):
        return None
    # The standard words of a 403 are about forms from elsewhere.
    return error_page(
        403,
        gettext(
            "Your role in this house is: %(role)s. An owner can change that.",
            role=role_word(account.role),
        ),
        gettext("This isn’t part of your role"),
    )


def ask_again(back: str) -> ResponseReturnValue | None:
    """Return the way to prove once more who one is, and `back`; None for who just did."""
    if has_proved_lately(now=utcnow()):
        return None
    return redirect(url_for("accounts.confirm", next=back), 303)


def sensitive(page: str) -> Callable[[View[P]], View[P]]:
    """Open a view to owners who proved just now who they are.

    A form that was sent too late has no page of its own to come back to: it leads to the
    endpoint `page`.
    """

    def declare(view: View[P]) -> View[P]:
        @needs(OWNER)
        @wraps(view)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            is_page = request.method in ("GET", "HEAD")
            back = request.full_path.removesuffix("?") if is_page else url_for(page)
            return ask_again(back) or view(*args, **kwargs)

        return wrapped

    return declare
