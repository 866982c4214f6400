"""The worker's round, done by a process that dies by `kill -9` at the step that it is told.

Reads numbers, one a line, and for each forks a child that does what the worker does every
minute, to its end or to that step; writes a line when the child is gone.
"""

import os
import sys

from app.core import worker
from app.core.worker import tidy
from tests.load.mortal import app, clock, doom
from tests.load.preloaded import let_go, rehearse, share_templates

# Deleting by date, copies and reminders begin anew in the next round, whatever they had done:
# there is nothing to do twice. They have tests of their own, and hundreds of steps.
ELSEWHERE = ("app.continuity", "app.privacy", "app.payments.compared")


def sweep(at: int) -> None:
    """Do what is due, until step `at`; to the end, if it is 0 or never reached."""
    doom.begin(at)
    with app.app_context():
        tidy(clock())
    doom.end()


if __name__ == "__main__":
    worker._periodic[:] = [
        work for work in worker._periodic if not work.__module__.startswith(ELSEWHERE)
    ]
    share_templates(app)
    rehearse(app)
    sweep(0)
    let_go(app)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                sweep(int(line))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        print("gone", flush=True)
