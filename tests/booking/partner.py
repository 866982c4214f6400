"""A partner on this machine: a server that hands out a calendar, and what it does wrong."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.core.calendar_door import CalendarDoor

CRLF = "\r\n"


def event(first, until, uid="x@partner.example", **more):
    """Lines of an event of days, with a guest's name in it as partners have them."""
    lines = {
        "UID": uid,
        "DTSTAMP": "20310501T000000Z",
        "DTSTART;VALUE=DATE": f"{first:%Y%m%d}",
        "DTEND;VALUE=DATE": f"{until:%Y%m%d}",
        "SUMMARY": "Reserved - Theodora Fremdgast",
        "DESCRIPTION": "Phone +49 171 5550199",
        **more,
    }
    return ["BEGIN:VEVENT", *(f"{name}:{value}" for name, value in lines.items()), "END:VEVENT"]


def calendar(*events):
    """A whole calendar of such events."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Partner//EN"]
    for one in events:
        lines += one
    return (CRLF.join([*lines, "END:VCALENDAR"]) + CRLF).encode()


class Partner:
    """A server whose answers a test sets: `content` at any path, or `answers` by path."""

    def __init__(self):
        self.content = calendar()
        self.status, self.headers = 200, {"Content-Type": "text/calendar"}
        self.answers = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, dict(self.headers)))
                status, headers, body = outer.answers.get(
                    self.path, (outer.status, outer.headers, outer.content)
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/calendar.ics?s=their-secret"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()


def open_to_this_machine(app):
    """Let an app fetch calendars from this machine, as a demonstration may."""
    app.extensions["calendar_door"] = CalendarDoor(loopback=True, seconds=3)
