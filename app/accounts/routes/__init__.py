"""The pages of accounts; importing them puts them on the blueprint."""

from app.accounts.blueprint import bp
from app.accounts.routes import signing

__all__ = ["bp", "signing"]
