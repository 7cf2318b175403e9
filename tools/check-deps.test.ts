// The boundary checker, shown failing on a bad sample of each rule and passing on a good one.
import { expect, test } from "vitest";
import { importProblems, includeProblems, nameProblems, problemsOf } from "./check-deps.ts";

const messages = (path: string, text: string) => problemsOf({ path, text }).map((problem) => problem.message);

test.each([
  ["packages/contract/src/flow.ts", 'import { z } from "zod";'],
  ["apps/agent/src/dataplane/libbpf-dataplane.ts", 'import { openObject } from "@millrace/native/native";'],
  ["apps/web/src/features/flows/flow-table.tsx", 'import { Table } from "@/ui/table.tsx";'],
  ["apps/web/src/features/flows/flow-table.tsx", 'import { x } from "./flow-format.ts";'],
  ["apps/web/src/server/flow/repo.ts", 'import { db } from "../db.ts";'],
  ["apps/web/src/server/flow/service.ts", 'import { hosts } from "../host/service.ts";'],
  ["apps/web/src/trpc/client.tsx", 'import type { AppRouter } from "../server/root.ts";'],
  ["apps/agent/src/reconcile/plan.ts", 'import type { HostId } from "@millrace/contract/ids";'],
  ["bench/ring/main.ts", 'import { Lab } from "../../packages/lab/src/lab.ts";'],
])("%s may say %s", (path, text) => {
  expect(messages(path, text)).toEqual([]);
});

test.each([
  ["packages/contract/src/flow.ts", 'import fs from "node:fs";', /contract may not import node:fs/],
  ["packages/abi/src/labels.ts", 'import { z } from "zod";', /abi may not import zod/],
  ["apps/agent/src/main.ts", 'import { x } from "@millrace/native/native";', /agent may not import/],
  ["apps/agent/src/main.ts", 'import { Lab } from "@millrace/lab/lab";', /imports the lab/],
  ["apps/cli/src/main.ts", 'const lab = await import("@millrace/lab/command");', /imports the lab/],
  ["apps/web/src/features/flows/a.tsx", 'import { b } from "@/features/hosts/b.ts";', /may not import/],
  ["apps/web/src/features/flows/a.tsx", 'import { s } from "@/server/flow/service.ts";', /may not import/],
  [
    "apps/web/src/ui/table.tsx",
    'import { useRouter } from "next/navigation";',
    /web\/ui may not import next/,
  ],
  ["apps/web/src/server/flow/service.ts", 'import pg from "pg";', /imports the database client/],
  ["apps/web/src/server/flow/service.ts", 'import { db } from "../db.ts";', /imports the database client/],
  ["apps/web/src/server/flow/service.ts", 'import { x } from "../host/repo.ts";', /may not import/],
  ["apps/web/src/server/routers/flows.ts", 'import { x } from "../flow/repo.ts";', /may not import/],
  ["apps/web/src/trpc/client.tsx", 'import { appRouter } from "../server/root.ts";', /may not import/],
  ["apps/agent/src/main.ts", 'import { x } from "./loop";', /names no extension/],
  ["somewhere/new-part.ts", 'import { x } from "zod";', /belongs to no module/],
])("%s may not say %s", (path, text, complaint) => {
  expect(messages(path, text)).toEqual([expect.stringMatching(complaint)]);
});

test("an import in a comment or a string is none", () => {
  const text = '// import x from "pg";\nconst s = `import y from "pg"`;\n/* import z from "pg" */';
  expect(importProblems({ path: "packages/abi/src/labels.ts", text })).toEqual([]);
});

test("the complaint names the line", () => {
  const text = '// what it is\nimport type {\n  A,\n} from "zod";\nimport b from "pg";\n';
  const [problem] = importProblems({ path: "packages/contract/src/a.ts", text });
  expect(problem).toMatchObject({ line: 5 });
});

test("a test may import what it tests with", () => {
  const text = 'import { Lab } from "@millrace/lab/lab";\nimport { expect } from "vitest";';
  expect(messages("apps/agent/src/main.lab.test.ts", text)).toEqual([]);
});

test.each([
  "apps/web/src/utils/date.ts",
  "apps/agent/src/helpers.ts",
  "packages/lab/src/core/x.ts",
  "tools/common.test.ts",
])("%s is no name", (path) => {
  expect(nameProblems(path)).toHaveLength(1);
});

test("shared memory may be called shared, and a word that contains a bad one is a good one", () => {
  expect(nameProblems("packages/bpf/include/shared/abi.h")).toEqual([]);
  expect(nameProblems("apps/web/src/ui/new-token-button.tsx")).toEqual([]);
});

const unfinished = ["TO", "DO"].join("");

test.each([
  ["apps/web/src/server/db.ts", "const url = process.env.DATABASE_URL;", /env\.ts reads process\.env/],
  ["apps/agent/src/main.ts", "export default {};", /no default exports/],
  ["apps/agent/src/a.ts", 'export * from "./b.ts";', /no barrel files/],
  ["packages/bpf/lib/parse.h", `// ${unfinished}: later`, /needs an issue's number/],
  ["apps/web/src/features/flows/a.ts", "const text = bytes.toFixed(1);", /formatted by/],
  ["apps/agent/src/reconcile/plan.ts", "const now = Date.now();", /a planner has no clock/],
  ["apps/agent/src/a.test.ts", 'test.skip("x", () => {});', /no test is skipped/],
])("%s may not say %s", (path, text, complaint) => {
  expect(messages(path, text)).toEqual([expect.stringMatching(complaint)]);
});

test.each([
  ["apps/web/src/env.ts", "const url = process.env.DATABASE_URL;"],
  ["apps/web/src/app/(console)/flows/page.tsx", "export default function Page() {}"],
  ["packages/bpf/lib/parse.h", `// ${unfinished}(#12): later`],
  ["apps/agent/src/main.ts", "// process.env is read in config.ts"],
])("%s may say %s", (path, text) => {
  expect(messages(path, text)).toEqual([]);
});

test("BPF headers include downward only, and no program", () => {
  const complaints = (path: string, text: string) =>
    includeProblems({ path, text }).map((one) => one.message);
  expect(complaints("packages/bpf/src/a.bpf.c", '#include "../lib/parse.h"')).toEqual([]);
  expect(complaints("packages/bpf/lib/parse.h", '#include "../src/a.h"')).toEqual([
    "includes upward: ../src/a.h",
  ]);
  expect(complaints("packages/bpf/include/shared/abi.h", '#include "../../lib/parse.h"')).toHaveLength(1);
  expect(complaints("packages/bpf/lib/parse.h", '#include "../src/a.bpf.c"')).toHaveLength(1);
});
