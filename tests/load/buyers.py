"""One process of buyers: each has a form filled in and a line open, and all press at once.

Run by `tests.load.crowd`, with nothing of the site and nothing but the standard library.
Reads a line of JSON, [[port, host, address, path, body], …]; writes "ready" once every line
is open; waits for a line; sends; writes a line of JSON, [[status, location, text, seconds], …].
Status 0 is a line that broke.
"""

import http.client
import json
import sys
import threading
import time

PATIENCE = 60  # seconds that a buyer waits for an answer

Order = tuple[int, str, str, str, str]
Answer = tuple[int, str, str, float]


def buy(order: Order, gate: threading.Barrier, answers: list[Answer], place: int) -> None:
    """Open a line, wait for the others, and press."""
    port, host, address, path, body = order
    headers = {
        "Host": host,
        "Origin": f"http://{host}",
        "X-Forwarded-For": address,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    line.connect()
    gate.wait()  # all lines are open
    gate.wait()  # go
    began = time.monotonic()
    try:
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        text = answer.read().decode()
        said = answer.status, answer.headers.get("Location", ""), text
    except (OSError, http.client.HTTPException) as error:
        said = 0, "", repr(error)
    finally:
        line.close()
    answers[place] = (*said, time.monotonic() - began)


def main() -> None:
    """Be as many buyers as there are orders."""
    orders = [tuple(order) for order in json.loads(sys.stdin.readline())]
    answers: list[Answer] = [(0, "", "no answer", 0.0)] * len(orders)
    gate = threading.Barrier(len(orders) + 1)
    threads = [
        threading.Thread(target=buy, args=(order, gate, answers, place), daemon=True)
        for place, order in enumerate(orders)
    ]
    for thread in threads:
        thread.start()
    gate.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    gate.wait()
    for thread in threads:
        thread.join()
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
