-- Latency sketches are counts by logarithmic bucket (see apps/web/src/server/sketch.ts) from the first that isn't zero
-- to the last: the array's bounds say which buckets they are. Those kept until now begin at the first bucket, with zeros.
-- Merging is adding, element by element.
CREATE OR REPLACE FUNCTION "rtt_sketch_add"(a integer[], b integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF coalesce(cardinality(b), 0) = 0 THEN RETURN coalesce(a, '{}'); END IF;
    IF coalesce(cardinality(a), 0) = 0 THEN RETURN b; END IF;
    FOR i IN array_lower(b, 1) .. array_upper(b, 1) LOOP
        IF b[i] <> 0 THEN a[i] := coalesce(a[i], 0) + b[i]; END IF; -- beyond its bounds the array grows, by nulls between
    END LOOP;
    RETURN a;
END
$$;
-- From the first bucket on, as the world outside counts.
CREATE FUNCTION "rtt_sketch_whole"(a integer[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_replace(array_fill(0, ARRAY[coalesce(array_lower(a, 1), 1) - 1]) || a, NULL, 0)
$$;
DROP AGGREGATE "rtt_sketch_merge"(integer[]);
CREATE AGGREGATE "rtt_sketch_merge"(integer[]) (
    SFUNC = "rtt_sketch_add", STYPE = integer[], COMBINEFUNC = "rtt_sketch_add", FINALFUNC = "rtt_sketch_whole",
    INITCOND = '{}', PARALLEL = SAFE
);
