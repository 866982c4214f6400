"""Where a request comes from, as far as the site knows it: a network, by a name of the day."""

from datetime import datetime

from flask import current_app, request

from app.core.limits import network_pseudonym


def network(now: datetime) -> str:
    """Return today's pseudonym of the network that the request came from."""
    secret: bytes = current_app.extensions["network_secret"]
    return network_pseudonym(secret, request.remote_addr or "", now=now)
