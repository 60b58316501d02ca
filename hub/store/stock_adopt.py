"""Levels that were known by names go on under ids, once their source tells the ids.

Without this a level of a stream of changes would stay for ever under its name, beside the same one
under its id, and count twice.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_TELLS = """
SELECT 1 FROM stock_incoming i
WHERE i.variant_external_id <> '' OR i.warehouse_external_id <> '' LIMIT 1
"""
_FIND = """
CREATE TEMPORARY TABLE stock_adopted AS
SELECT o.id, i.variant_key, i.warehouse_key
FROM stock_incoming i JOIN stock_levels o ON o.connection_id = :connection_id
  AND o.item_key = i.item_key AND o.variant_key = i.variant AND o.warehouse_key = i.warehouse
WHERE (i.variant_external_id <> '' OR i.warehouse_external_id <> '')
  AND (o.variant_key <> i.variant_key OR o.warehouse_key <> i.warehouse_key)
  AND o.variant_external_id = '' AND o.warehouse_external_id = ''
  AND NOT EXISTS (SELECT 1 FROM stock_levels s WHERE s.connection_id = :connection_id
    AND s.item_key = i.item_key AND s.variant_key = i.variant_key
    AND s.warehouse_key = i.warehouse_key)
"""
#: Two that share a name: nobody can tell whose the level was.
_DROP = """
DELETE FROM stock_adopted WHERE id IN
  (SELECT id FROM stock_adopted GROUP BY id HAVING count(*) > 1)
"""
_ADOPT = """
UPDATE stock_levels SET variant_key = a.variant_key, warehouse_key = a.warehouse_key
FROM stock_adopted a WHERE a.id = stock_levels.id
"""


def find(db: Connection, connection_id: int) -> int:
    """How many stored levels the staged rows tell the ids of; read, nothing is written."""
    db.exec_driver_sql("DROP TABLE IF EXISTS stock_adopted")
    if db.exec_driver_sql(_TELLS).first() is None:
        return 0
    db.execute(text(_FIND), {"connection_id": connection_id})
    db.exec_driver_sql(_DROP)
    return int(db.exec_driver_sql("SELECT count(*) FROM stock_adopted").scalar_one())


def adopt(db: Connection) -> None:
    """Give those levels their ids' keys, in a write transaction."""
    db.exec_driver_sql(_ADOPT)
