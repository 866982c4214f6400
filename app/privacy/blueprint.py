"""The blueprint of the pages about one's own data."""

from flask import Blueprint

bp = Blueprint("privacy", __name__)
