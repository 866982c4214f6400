"""Commands about the installation itself: `flask --app wsgi system …`."""

from flask.cli import AppGroup

system_cli = AppGroup("system", help="The installation: its trail, its upgrades.")
