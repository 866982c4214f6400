"""The pages of accounts; importing them puts them on the blueprint."""

from app.accounts.blueprint import bp
from app.accounts.routes import (
    confirming,
    passkeys,
    profile,
    registering,
    security,
    signing,
    ways_back,
)

__all__ = [
    "bp",
    "confirming",
    "passkeys",
    "profile",
    "registering",
    "security",
    "signing",
    "ways_back",
]
