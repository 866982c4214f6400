"""Addresses within the site, written once for as long as the process lives.

A page has some thirty-five links, most of them on every page, and `url_for` spends
40 µs on each. Addresses that name nobody are therefore kept: those without values,
and those of offers, months and parties. What could lead to a person (a reference,
a token, a number) is written anew each time and remembered nowhere.
"""

from typing import Any

from flask import Flask, current_app, g, request, url_for

_NAMES_NOBODY = frozenset(
    ("_anchor", "slug", "month", "starts_at", "arrive", "depart", "adults", "children")
)
_MOST = 4096  # addresses a process; then it begins again


def address(endpoint: str, **values: Any) -> str:
    """Return what `url_for` returns, from memory where the address names nobody."""
    carried = g.get("carried")
    if carried is None or endpoint[0] == "." or not values.keys() <= _NAMES_NOBODY:
        return url_for(endpoint, **values)
    known: dict[tuple[object, ...], str] = current_app.extensions["addresses"]
    # What visitors chose by an address goes along in every link (`web.languages`).
    key = (endpoint, *values.items(), "", *carried.items(), request.script_root)
    found = known.get(key)
    if found is None:
        if len(known) >= _MOST:
            known.clear()
        found = known[key] = url_for(endpoint, **values)
    return found


def init_app(app: Flask) -> None:
    """Let templates write their links so."""
    app.extensions["addresses"] = {}
    app.jinja_env.globals["url_for"] = address
