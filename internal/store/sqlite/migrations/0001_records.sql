-- A record. Keys and values are any bytes and order by memcmp, as BLOBs do.
CREATE TABLE records (
    space TEXT NOT NULL,
    key   BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID;

-- The change counter of each space. The space '' counts commits; by it the
-- writer learns whether a COMMIT that reported an error holds all the same.
CREATE TABLE changes (
    space   TEXT PRIMARY KEY,
    counter INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
