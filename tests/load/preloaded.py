"""granian, with the site's modules loaded before it forks its workers.

Eight workers that each load them take ten seconds of two cores; these take one. The
server is the same otherwise, and each worker makes its own app.
"""

import os

import granian.cli
import granian.server.mp

import app  # noqa: F401 (loaded for the workers to come)

if __name__ == "__main__":
    if os.environ.get("WORKERS_DIE_ON_PURPOSE"):
        # granian takes a worker that dies twice in 5.5 seconds for a loop, and gives up.
        granian.server.mp.MPServer.respawned_wrks = property(lambda _: {}, lambda *_: None)
    granian.cli.entrypoint()
