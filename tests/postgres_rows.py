"""The rows of a PostgreSQL database: taken out, and put into one that a test has used.

Copying a database takes half a second, most of it for its five hundred files; emptying one and
putting rows back takes some milliseconds. So each process keeps a pair of databases and puts
every test before the same rows. Where a test has altered tables, the database is made anew.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

# Changes with every change of a table, an index, a column, a trigger or a function: each writes
# its row of the catalogue anew. Rows of ours, VACUUM and setval() don't.
_SHAPE = """
SELECT md5(string_agg(said, ' ' ORDER BY said)) FROM (
    SELECT oid || ':' || xmin AS said FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i', 'v', 'S')
    UNION ALL SELECT t.oid || ':' || t.xmin FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT oid || ':' || xmin FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT oid || ':' || xmin FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT a.attrelid || '.' || a.attnum || ':' || a.xmin FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
) AS catalogue
"""

# Every table that has rows, in one statement a table: statistics would be late.
_EMPTY = """
DO $$
DECLARE one text;
BEGIN
    FOR one IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
               WHERE schemaname = 'public' LOOP
        EXECUTE 'DELETE FROM ' || one;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences
WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


@dataclass(frozen=True)
class Rows:
    """All that is in a database: a table's rows as COPY writes them, and where sequences stand."""

    tables: dict[str, bytes]
    sequences: dict[str, int]


def shape_of(url: str) -> str:
    """Return a digest of how a database's tables are, which changes when any of them does."""
    with _connected(url) as connection:
        found = connection.execute(_SHAPE).fetchone()
    return str(found[0]) if found else ""


def rows_of(url: str) -> Rows:
    """Take out what a database holds."""
    tables: dict[str, bytes] = {}
    with _connected(url) as connection:
        for (name,) in connection.execute(_TABLES).fetchall():
            with connection.cursor().copy(
                sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))
            ) as copied:
                rows = b"".join(bytes(one) for one in copied)
            if rows:
                tables[name] = rows
        sequences = dict(connection.execute(_SEQUENCES).fetchall())
    return Rows(tables, sequences)


def put(url: str, rows: Rows) -> None:
    """Let a database hold these rows and no others. Ends whatever else is connected to it."""
    with _connected(url) as connection:
        connection.execute(_OTHERS)
        # No trigger and no foreign key looks on: these rows were looked at when they were made.
        connection.execute("SET session_replication_role = replica")
        with connection.transaction():
            connection.execute(_EMPTY)
            for name, text in rows.tables.items():
                with connection.cursor().copy(
                    sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
                ) as copy:
                    copy.write(text)
            for name, value in rows.sequences.items():
                connection.execute("SELECT setval(%s::regclass, %s)", (f'public."{name}"', value))


def _connected(url: str) -> Any:
    return closing(psycopg.connect(url, autocommit=True))
