"""What a WSGI server and the `flask` command run."""

from app import create_app

app = create_app()
