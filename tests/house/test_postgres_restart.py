"""When PostgreSQL restarts, one page at most says “not just now”, and all goes on (C19).

To a connection, a restart is what its end by an administrator is: the same message, the same
code (57P01). While a database takes no connections, it is as one that isn't there.
"""

from contextlib import closing, contextmanager

import psycopg
import pytest
import sqlalchemy as sa

from app.core.database import db
from app.core.heartbeat import beat, last_beat
from app.core.outbox import Job
from app.core.worker import tidy
from tests.accounts.ways import sign_in

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("database", ["postgresql"], indirect=True),
]

END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)"


@pytest.fixture
def server(cluster, database):
    """The server, as its administrator sees it: `server.ends()`, `with server.down(): …`."""
    names = [sa.make_url(url).database for url in (database.url, database.keys_url)]

    class Server:
        def _do(self, *statements):
            url = cluster.url("postgres")
            with closing(psycopg.connect(url, autocommit=True)) as connection:
                for statement, values in statements:
                    connection.execute(statement, values)

        def ends(self):
            self._do((END, [names]))

        @contextmanager
        def down(self):
            allowed = 'ALTER DATABASE "{}" ALLOW_CONNECTIONS {}'
            self._do(*((allowed.format(name, "false"), None) for name in names), (END, [names]))
            try:
                yield
            finally:
                self._do(*((allowed.format(name, "true"), None) for name in names))

    return Server()


def test_after_a_restart_the_second_request_is_answered_at_the_latest(place, visitor, server):
    basket = visitor.choose_stay()
    server.ends()
    statuses = [visitor.open("/").status for _ in range(3)]
    server.ends()
    first = visitor.send(basket.form("/hold"), go_on=False)
    held = visitor.send((first if first.status == 503 else basket).form("/hold"))

    assert statuses[1:] == [200, 200]
    assert statuses[0] in (200, 503)
    assert first.status in (303, 503)
    assert "You are expected" in visitor.pay(visitor.tell(held)).words


def test_while_it_is_down_pages_say_so_and_nobody_is_signed_out(place, clock, visitor, server):
    owner = sign_in(place, clock, place.test_client())
    basket = visitor.choose_stay()

    with server.down():
        asked = [owner.get("/owner/").status_code, visitor.open("/").status]
        posted = visitor.send(basket.form("/hold"), go_on=False)
        machines = [visitor.open(path).status for path in ("/healthz", "/readyz")]

    assert asked == [503, 503]
    assert (posted.status, posted.header("Retry-After")) == (503, "60")
    assert machines == [200, 503]
    # One connection of each pool may still be a dead one.
    assert 200 in {owner.get("/owner/").status_code for _ in range(2)}
    assert visitor.send(posted.form("/hold")).status == 200


def test_the_worker_goes_on_with_what_was_left(context, clock, server):
    now = clock()
    db.session.add(Job(topic="nothing", payload={}, created_at=now, not_before=now, attempts=0))
    db.session.commit()

    with server.down():
        tidy(now)
    tidy(now)
    beat(now)

    assert db.session.scalars(sa.select(Job.attempts)).all() == [1]
    assert last_beat() == now
