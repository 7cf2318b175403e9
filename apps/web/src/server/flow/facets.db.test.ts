import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeDatabase, pool, useDatabase } from "../db.ts";
import { anUpdate, insertHost, insertUpdates, makePartitions, START_US } from "../testing/telemetry-rows.ts";
import { flowFacets } from "./facets.ts";

const database = testDatabase();
beforeAll(async () => {
  await useDatabase(database.url);
  await makePartitions();
  await insertUpdates([anUpdate({ host_id: await insertHost("h1") })]);
});
afterAll(closeDatabase);

const range = { from: START_US / 1000 - 10_000, to: START_US / 1000 + 10_000 } as never;
const protocols = async () =>
  (await flowFacets({ range, filter: "" })).find((facet) => facet.field === "proto");

test("facets say that they are of a sample when there are more flows than they count", async () => {
  expect(await protocols()).toMatchObject({ sampled: false, values: [{ value: "TCP", count: 1 }] });
  await pool().query(
    `insert into flow_updates select f.* from flow_updates u, generate_series(1, 20000) i
     cross join lateral json_populate_record(u, json_build_object('flow_id', gen_random_uuid(), 'vlan', i % 7)) f`,
  );
  expect(await protocols()).toMatchObject({ sampled: true, values: [{ value: "TCP", count: 20_000 }] });
});
