"""The tables of dj-stripe as PostgreSQL has them, each as one line that can be compared."""

import hashlib

from django.db import connection

# Names of constraints and indexes end in a digest of table and columns: the same for the same.
SHAPES = """
    SELECT c.relname, 'column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
        || CASE a.attidentity WHEN '' THEN '' ELSE ' identity' END
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind = 'r' AND c.relname LIKE 'djstripe\\_%%' AND a.attnum > 0
        AND NOT a.attisdropped
    UNION ALL
    SELECT tablename, indexdef FROM pg_indexes WHERE tablename LIKE 'djstripe\\_%%'
    UNION ALL
    SELECT c.relname, o.conname || ' ' || pg_get_constraintdef(o.oid)
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
    WHERE c.relname LIKE 'djstripe\\_%%'
    ORDER BY 1, 2
"""


def shapes() -> dict[str, list[str]]:
    """Columns, indexes and constraints of each table, sorted."""
    tables: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(SHAPES)
        for table, line in cursor.fetchall():
            tables.setdefault(table, []).append(line)
    return tables


def digests() -> dict[str, str]:
    """A short digest of each table's shape."""
    return {
        table: hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        for table, lines in shapes().items()
    }
