-- The value of a record that is too large to stand beside its key: a search of the
-- keys then reads no values, and a page holds many more keys.
CREATE TABLE contents (
    id    INTEGER PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Where the record's value is, if not in the record, which then has an empty one.
-- Large values that were written before stay where they are until they are replaced.
ALTER TABLE records ADD COLUMN content INTEGER;

CREATE TRIGGER content_replaced AFTER UPDATE OF content ON records WHEN old.content IS NOT NULL BEGIN
    DELETE FROM contents WHERE id = old.content;
END;

CREATE TRIGGER content_deleted AFTER DELETE ON records WHEN old.content IS NOT NULL BEGIN
    DELETE FROM contents WHERE id = old.content;
END;
