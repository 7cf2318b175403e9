import { parseFilter } from "@millrace/contract/filter";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { timestamp, Values } from "../sql.ts";
import { knownNames } from "../testing/known-names.ts";
import { type Known, randomFilter, randomFlow } from "../testing/random-flows.ts";
import { insertUpdates, makePartitions, START_US } from "../testing/telemetry-rows.ts";
import { namesFor } from "../workload/service.ts";
import { summed } from "./count.ts";
import { columnsOf, filterSql } from "./filter-sql.ts";
import { matches } from "./match.ts";
import { findMembers } from "./repo.ts";
import { rowOf, wantedBy } from "./row.ts";

const database = testDatabase();
const range = { fromUs: START_US, toUs: START_US + 3600e6 };
let known: Known;

beforeAll(async () => {
  await useDatabase(database.url);
  await makePartitions();
  known = await knownNames();
  const flows = fc.sample(randomFlow(known), { numRuns: 400, seed: 7 });
  await insertUpdates(flows.flat());
});
afterAll(closeDatabase);

test("a filter in SQL finds exactly the flows that it matches row by row", async () => {
  const keys = await pool().query("select distinct pair_key::text as key from flow_updates");
  const pairs = keys.rows.map(({ key }) => ({ pairKey: key, sinceUs: range.fromUs }));
  const members = await findMembers(pool(), pairs, range, () => "true");
  const names = await namesFor(wantedBy(members));
  const rows = members.map((m) => rowOf({ primary: m, other: null, join: "single" }, names));
  await fc.assert(
    fc.asyncProperty(randomFilter, async (text) => {
      const filter = parseFilter(text);
      expect(filter.problems).toEqual([]);
      const values = new Values();
      const where = `u.ts >= ${values.add(timestamp(range.fromUs))}`;
      const found = await pool().query(
        `select f.flow_id from (${summed(filter, where, values)}) f where ${filterSql(filter.terms, columnsOf("f"), values)}`,
        values.list,
      );
      const wanted = rows.filter((row) => matches(filter, row)).map((row) => row.id);
      expect(found.rows.map((row) => row.flow_id).sort()).toEqual(wanted.sort());
    }),
    { numRuns: 400 },
  );
});
