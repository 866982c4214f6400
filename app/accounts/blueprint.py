"""The blueprint of everything below /account that accounts themselves answer for."""

from flask import Blueprint

bp = Blueprint("accounts", __name__, url_prefix="/account")
