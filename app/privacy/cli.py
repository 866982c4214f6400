"""The operators' commands about personal data: `flask --app wsgi privacy …`."""

from flask.cli import AppGroup

privacy_cli = AppGroup("privacy", help="Personal data: what goes when, and the proof of it.")
