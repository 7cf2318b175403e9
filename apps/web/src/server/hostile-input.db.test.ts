import "./testing/environment.ts";
import { PROCEDURE_ROLE, type Procedure } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { TRPCError } from "@trpc/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../tools/testing/test-database.ts";
import { closeBus } from "./bus.ts";
import { closeDatabase, useDatabase } from "./db.ts";
import { callerFor } from "./root.ts";
import { onlineHost } from "./testing/hosts.ts";
import { makePeople } from "./testing/people.ts";
import { ASKED, INPUT } from "./testing/procedure-input.ts";
import { spoiled } from "./testing/spoiled.ts";
import { makePartitions } from "./testing/telemetry-rows.ts";

const database = testDatabase();
let admin: Me;

beforeAll(async () => {
  await useDatabase(database.url);
  await makePartitions();
  admin = (await makePeople()).admin;
  await onlineHost("h1");
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const { range, nobody } = ASKED;
/** What isn't in the good input, because it need not be. */
const MORE: Partial<Record<Procedure, object[]>> = {
  "flows.search": [
    { range, cursor: Buffer.from('{"key":1e300}').toString("base64url") },
    { range: { from: 0, to: 4_102_444_800_000 }, sort: "bytes" },
    { range, filter: "src.ip=1.2.3.4/99 and \0" },
    { range, filter: `bytes>1e999 dst.port=${"9".repeat(40)}` },
    { range, filter: "src.ip=::ffff:1.2.3.4/120 rtt>99999999999999999999s" },
  ],
  "flows.get": [{ id: nobody, range: { from: 0, to: 1 } }],
  "flows.tail": [
    { filter: "", snapshot: "5:3:" },
    { filter: "", snapshot: "99999999999999999999999:99999999999999999999999:" },
    { filter: "", snapshot: "1:5:9,8,7" },
    { filter: "", lastEventId: "not a snapshot" },
  ],
  "traces.list": [
    { cursor: `9999999999999999.${nobody}` },
    { cursor: `1.${"-".repeat(36)}` },
    { cursor: "\0" },
  ],
  "traces.events": [
    { id: nobody, cursor: "9".repeat(30) },
    { id: nobody, cursor: "-1" },
  ],
  "traces.watch": [{ id: nobody, lastEventId: "\0" }],
  "traces.start": [
    { ...ASKED.spec, reason: "\0" },
    { ...ASKED.spec, filter: { pod: "\0" } },
    { ...ASKED.spec, reason: "\ud800" },
    { ...ASKED.spec, filter: { container: "\udc00" } },
  ],
  "traces.preview": [{ ...ASKED.spec, filter: { pod: "\0", namespace: "\ud800" } }],
  "audit.list": [{ author: "\0" }, { action: "%\0" }, { cursor: "999999999999999999" }],
};

async function failure(path: string, input: unknown): Promise<unknown> {
  const caller = callerFor({ me: admin, refusal: null }) as unknown as Record<
    string,
    Record<string, (input: unknown) => Promise<unknown>>
  >;
  const [noun = "", verb = ""] = path.split(".");
  try {
    const answer = await caller[noun]?.[verb]?.(input);
    await (answer as AsyncGenerator | undefined)?.return?.(undefined);
    return undefined;
  } catch (error) {
    const known = error instanceof TRPCError && error.code !== "INTERNAL_SERVER_ERROR";
    return known ? undefined : `${JSON.stringify(input)?.slice(0, 200)}: ${(error as Error).message}`;
  }
}

describe.each(Object.keys(PROCEDURE_ROLE) as Procedure[])("%s", (path) => {
  test("is no fault of ours, whatever it is asked", async () => {
    const inputs = [...spoiled(INPUT[path]), ...(MORE[path] ?? [])];
    const failures = [];
    for (const input of inputs) failures.push(await failure(path, input));
    expect(failures.filter((found) => found !== undefined)).toEqual([]);
  });
});
