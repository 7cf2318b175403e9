import "../testing/environment.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agentCommand } from "../../../../../tools/agent-command.mjs";
import { testDatabase } from "../../../../../tools/testing/test-database.ts";
import { closeDatabase, useDatabase } from "../db.ts";
import { makePeople } from "../testing/people.ts";
import { createEnrolToken } from "./enrol.ts";

const database = testDatabase();
beforeAll(() => useDatabase(database.url));
afterAll(closeDatabase);

test("the command that enrols a host runs the agent with the flags that the supervisor gives its own", async () => {
  const { admin } = await makePeople();
  const { command } = await createEnrolToken({ expiresInMinutes: 5 }, admin);
  const flags = agentCommand.slice(0, -1);
  expect(command).toContain(`node ${flags.join(" ")} apps/agent/build/main.js --server http`);
});
