"""What a WSGI server and the `flask` command run."""

import os

from app import create_app

app = create_app()

if os.environ.get("FLASK_RUN_FROM_CLI"):
    # A server's workers are lighter by a dozen megabytes without the commands.
    from app.cli import register_commands

    register_commands(app)
