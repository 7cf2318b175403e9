import "./testing/environment.ts";
import { mayCall, PROCEDURE_ROLE, type Procedure, ROLES, type Role } from "@millrace/contract/role";
import type { Me } from "@millrace/contract/setting";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase } from "../../../../tools/testing/test-database.ts";
import { listEntries } from "./audit/service.ts";
import { closeBus } from "./bus.ts";
import { closeDatabase, prisma, useDatabase } from "./db.ts";
import { lease } from "./network/service.ts";
import { appRouter, callerFor } from "./root.ts";
import { aNamespace } from "./testing/documents.ts";
import { anUnderlay, onlineHost, silence } from "./testing/hosts.ts";
import { makePeople } from "./testing/people.ts";
import { ASKED, INPUT } from "./testing/procedure-input.ts";
import { makePartitions } from "./testing/telemetry-rows.ts";

const database = testDatabase();
let people: Record<Role, Me>;

beforeAll(async () => {
  await useDatabase(database.url);
  await makePartitions();
  people = await makePeople();
  await onlineHost("h1");
});
afterAll(async () => {
  await closeBus();
  await closeDatabase();
});

const { nobody, spec, retention } = ASKED;

type Call = (input: unknown) => Promise<unknown>;
function procedure(me: Me | null, path: string): Call {
  const caller = callerFor({ me, refusal: null }) as unknown as Record<string, Record<string, Call>>;
  const [noun = "", verb = ""] = path.split(".");
  const call = caller[noun]?.[verb] as Call;
  return (input) => call(input);
}
async function silentHostWithBlock(name: string, prefix4: string): Promise<void> {
  const hostId = await onlineHost(name);
  await procedure(people.admin, "pools.create")({ name, mode: "direct", prefix4 });
  await lease({ hostId, hostName: name }, { blocks: [], want: { [name]: 1 }, underlay: anUnderlay() });
  await silence(hostId, 120);
}
/** ok, or the code of the error that the caller gets. */
async function outcome(me: Me | null, path: string, input: unknown): Promise<string> {
  try {
    const answer = await procedure(me, path)(input);
    await (answer as AsyncGenerator | undefined)?.return?.(undefined);
    return "ok";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe.each(Object.keys(PROCEDURE_ROLE) as Procedure[])("%s", (path) => {
  test.each(ROLES)("as %s", async (role) => {
    const got = await outcome(people[role], path, INPUT[path]);
    if (mayCall(role, path)) expect(got).toMatch(/^(ok|NOT_FOUND|CONFLICT)$/);
    else expect(got).toBe("FORBIDDEN");
  });
  test("as a stranger", async () => {
    expect(await outcome(null, path, INPUT[path])).toBe("UNAUTHORIZED");
  });
});

describe("every change is audited", () => {
  type Entry = { target: unknown; detail: object; secrets?: string[] };
  const last = async () => (await listEntries({ limit: 1 })).entries[0];
  const admin = <T>(path: string, input?: unknown) => procedure(people.admin, path)(input) as Promise<T>;
  const aUser = async () =>
    (
      await admin<{ id: string }>("users.create", {
        ...{
          email: `${crypto.randomUUID()}@example.org`,
          name: "n",
          password: "long enough it is",
          role: "viewer",
        },
      })
    ).id;

  /** Does the change and says what the entry must be like. */
  const CHANGES: Record<string, () => Promise<Entry>> = {
    "traces.start": async () => {
      const { id } = await admin<{ id: string }>("traces.start", spec);
      return { target: id, detail: { kind: "drops", hosts: ["h1"], rateEps: 100 } };
    },
    "traces.stop": async () => {
      const { id } = await admin<{ id: string }>("traces.start", spec);
      await admin("traces.stop", { id });
      return { target: id, detail: {} };
    },
    "traces.stopAll": async () => {
      await admin("traces.start", spec);
      await admin("traces.stopAll");
      return { target: "all traces", detail: { stopped: expect.any(Number) } };
    },
    "tokens.create": async () => {
      const { token } = await admin<{ token: string }>("tokens.create", {
        name: "ci",
        role: "viewer",
        expiresInDays: 1,
      });
      return { target: "ci", detail: { role: "viewer", expiresInDays: 1 }, secrets: [token] };
    },
    "tokens.revoke": async () => {
      const made = await admin<{ view: { id: string } }>("tokens.create", {
        name: "x",
        role: "viewer",
        expiresInDays: 1,
      });
      await admin("tokens.revoke", { id: made.view.id });
      return { target: made.view.id, detail: {} };
    },
    "users.create": async () => {
      await aUser();
      return {
        target: expect.stringContaining("@example.org"),
        detail: { role: "viewer" },
        secrets: ["long enough"],
      };
    },
    "users.setRole": async () => {
      const id = await aUser();
      await admin("users.setRole", { id, role: "operator" });
      return { target: id, detail: { from: "viewer", role: "operator" } };
    },
    "users.remove": async () => {
      const id = await aUser();
      await admin("users.remove", { id });
      return { target: id, detail: { role: "viewer" } };
    },
    "agents.createEnrolToken": async () => {
      const { token } = await admin<{ token: string }>("agents.createEnrolToken", { host: "h2" });
      return { target: "h2", detail: { expiresInMinutes: 60 }, secrets: [token] };
    },
    "agents.revoke": async () => {
      await onlineHost("h3");
      await admin("agents.revoke", { host: "h3" });
      return { target: "h3", detail: {} };
    },
    "pools.create": async () => {
      await admin("pools.create", { name: "made", mode: "overlay", prefix4: "10.99.0.0/16" });
      return { target: "made", detail: { mode: "overlay", prefix4: "10.99.0.0/16", prefix6: null } };
    },
    "pools.remove": async () => {
      await admin("pools.create", { name: "gone", mode: "overlay", prefix4: "10.98.0.0/16" });
      await admin("pools.remove", { name: "gone" });
      return { target: "gone", detail: {} };
    },
    "network.release": async () => {
      await silentHostWithBlock("h4", "10.97.0.0/16");
      await admin("network.release", { host: "h4" });
      const blocks = [{ pool: "h4", prefix4: "10.97.0.0/26", prefix6: null }];
      return { target: "h4", detail: { blocks, endpoints: 0 } };
    },
    "pools.setServiceRanges": async () => {
      const to = { prefix4: "10.241.0.0/16", prefix6: null };
      await admin("pools.setServiceRanges", to);
      return { target: "service-ranges", detail: { to } };
    },
    "documents.applyAll": async () => {
      await admin("documents.applyAll", { documents: [aNamespace("made")] });
      return {
        target: "Namespace made",
        detail: { revision: expect.any(Number), created: ["Namespace made"] },
      };
    },
    "documents.delete": async () => {
      await admin("documents.applyAll", { documents: [aNamespace("gone")] });
      await admin("documents.delete", { documents: [{ kind: "Namespace", namespace: "", name: "gone" }] });
      return {
        target: "Namespace gone",
        detail: { revision: expect.any(Number), deleted: ["Namespace gone"] },
      };
    },
    "retention.set": async () => {
      await admin("retention.set", retention);
      return { target: "retention", detail: { to: retention } };
    },
  };
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { type: string } }>;
  const mutations = Object.keys(procedures).filter((path) => procedures[path]?._def.type === "mutation");

  test("and every one of them is in this table", () => {
    expect(Object.keys(CHANGES).sort()).toEqual(mutations.sort());
  });

  test.each(mutations)("%s, when it was done", async (path) => {
    const { target, detail, secrets = [] } = await (CHANGES[path] as () => Promise<Entry>)();
    const entry = await last();
    expect(entry).toMatchObject({
      author: "admin@example.org",
      via: "session",
      action: path,
      target,
      detail,
      outcome: "done",
    });
    for (const secret of secrets) expect(JSON.stringify(entry)).not.toContain(secret);
  });

  test.each(mutations)("%s, when it was refused", async (path) => {
    const given =
      path === "tokens.create" ? { name: "t", role: "admin", expiresInDays: 1 } : INPUT[path as Procedure];
    const id = path === "tokens.revoke" ? nobody : undefined;
    const before = (await last())?.id;
    const got = await outcome(people.viewer, path, given ?? id);
    expect(got).toMatch(/FORBIDDEN|NOT_FOUND/);
    const entry = await last();
    expect(entry?.id).not.toBe(before);
    expect(entry).toMatchObject({ author: "viewer@example.org", action: path, outcome: "refused" });
    expect(JSON.stringify(entry)).not.toContain("long enough");
  });

  test("an entry can't be changed or removed", async () => {
    await expect(prisma().auditEntry.updateMany({ data: { author: "nobody" } })).rejects.toThrow(/append/i);
    await expect(prisma().auditEntry.deleteMany()).rejects.toThrow(/append/i);
  });

  test("entries come newest first, a page at a time, by author and action", async () => {
    const first = await listEntries({ limit: 3 });
    const second = await listEntries({ limit: 3, cursor: first.nextCursor });
    const ids = [...first.entries, ...second.entries].map((entry) => Number(entry.id));
    expect(ids).toEqual([...ids].sort((a, b) => b - a));
    expect(new Set(ids).size).toBe(6);
    const tokens = await listEntries({ limit: 100, author: "viewer@example.org", action: "tokens." });
    expect(tokens.entries.length).toBeGreaterThan(0);
    expect(
      tokens.entries.every((e) => e.author === "viewer@example.org" && e.action.startsWith("tokens.")),
    ).toBe(true);
  });
});
