// Who may import whom. The table is the architecture: `npm run check` fails on an import that is not
// in it. Not the checker (check-deps.ts). The first row that fits a file is the file's module.
// Paths are prefixes in the repository; `*` stands for one folder or file name, and makes each its own module.

export interface Module {
  name: string;
  /** A prefix of the files' paths. Files under the same prefix may always import each other. */
  at: string;
  /** Prefixes of ours that may be imported. */
  may: readonly string[];
  /** Prefixes whose types may be imported, and nothing that exists at run time. */
  types?: readonly string[];
  /** Prefixes that stay closed although `may` would open them. */
  never?: readonly string[];
  /** Packages; `node:*` is Node itself, `@scope/*` a whole scope. */
  packages: readonly string[];
}

const contract = "packages/contract/src/";
/** What policies mean, for all who write, judge or show them. */
const policy = "packages/policy/src/";
const abi = "packages/abi/src/";
/** What people read of the kernel's numbers. */
const abiWords = [`${abi}labels.ts`, `${abi}drop-reasons`];
const web = "apps/web/src/";
const server = `${web}server/`;

const react = ["react", "react-dom", "radix-ui", "lucide-react", "cmdk", "next-themes", "geist"];
const charts = ["recharts", "@tanstack/react-table", "@tanstack/react-virtual", "next/dynamic"];
const browser = [
  ...react,
  "next",
  "nuqs",
  "@tanstack/*",
  "@trpc/*",
  "recharts",
  "date-fns",
  "yaml",
  "zod",
  "better-auth",
];
const database = ["pg", "pg-copy-streams", "@prisma/*"];
const serverSide = [
  "node:*",
  "zod",
  "@trpc/*",
  "pino",
  "prom-client",
  "ipaddr.js",
  "msgpackr",
  "better-auth",
];
const agentSide = [
  ...["@grpc/grpc-js", "protobufjs"],
  ...["node:*", "zod", "commander", "pino", "prom-client", "msgpackr", "eventsource", "ipaddr.js"],
  ...["@trpc/client", "@trpc/server"],
];

export const modules: readonly Module[] = [
  // ipaddr.js: both sides cut pools into blocks (prefix.ts), and neither should read an address its own way.
  { name: "contract", at: contract, may: [], packages: ["zod", "ipaddr.js"] },
  { name: "policy", at: policy, may: [contract], packages: ["yaml", "zod"] },
  { name: "abi", at: abi, may: [], packages: [] },
  { name: "native", at: "packages/native/lib/", may: [], packages: ["node:*"] },
  {
    name: "lab",
    at: "packages/lab/src/",
    may: [],
    packages: ["node:*", "commander", "pino", "yaml", "zod"],
  },

  {
    name: "agent/dataplane",
    at: "apps/agent/src/dataplane/",
    may: [contract, policy, abi, "packages/native/lib/", "apps/agent/src/"],
    packages: agentSide,
  },
  { name: "agent", at: "apps/agent/src/", may: [contract, policy, abi], packages: agentSide },
  {
    name: "cli",
    at: "apps/cli/src/",
    may: [contract, policy],
    types: [`${server}root`],
    packages: ["node:*", "commander", "eventsource", "yaml", "zod", "@trpc/client"],
  },

  { name: "web/env", at: `${web}env.ts`, may: [contract], packages: ["zod", "node:*"] },
  { name: "web/ui", at: `${web}ui/`, may: [], packages: [...react, ...charts] },
  {
    name: "web/view",
    at: `${web}view/`,
    may: [contract, ...abiWords, `${web}ui/`, `${web}trpc/client`],
    packages: browser,
  },
  {
    name: "web/trpc/server",
    at: `${web}trpc/server`,
    may: [contract, server, `${web}trpc/`, `${web}env.ts`],
    packages: [...browser, "server-only"],
  },
  { name: "web/trpc", at: `${web}trpc/`, may: [contract], types: [`${server}root`], packages: browser },
  {
    name: "web/features/map",
    at: `${web}features/map/`,
    may: [contract, `${web}ui/`, `${web}view/`, `${web}trpc/client`],
    packages: [...browser, "@xyflow/react", "elkjs"],
  },
  {
    name: "web/features/<noun>",
    at: `${web}features/*/`,
    may: [contract, policy, ...abiWords, `${web}ui/`, `${web}view/`, `${web}trpc/client`],
    packages: browser,
  },
  ...[`${web}app/api/`, `${web}app/*/route.ts`].map((at) => ({
    name: "web/app/api",
    at,
    may: [contract, server, `${web}env.ts`],
    never: [`${server}*/repo.ts`],
    packages: [...serverSide, "next"],
  })),
  {
    name: "web/app",
    at: `${web}app/`,
    may: [contract, `${web}features/`, `${web}ui/`, `${web}view/`, `${web}trpc/`],
    packages: browser,
  },

  {
    name: "web/server/ingest",
    at: `${server}ingest/`,
    may: [contract, policy, abi, `${server}*/service.ts`, `${server}*.ts`, `${web}env.ts`],
    packages: [...serverSide, ...database],
  },
  {
    name: "web/server/setup",
    at: `${server}setup/`,
    may: [contract, server, `${web}env.ts`],
    never: [`${server}*/repo.ts`],
    packages: serverSide,
  },
  {
    name: "web/server/routers",
    at: `${server}routers/`,
    may: [contract, policy, `${server}*/`, `${server}trpc.ts`, `${server}auth.ts`],
    never: [`${server}*/repo.ts`],
    packages: ["zod", "@trpc/server", "server-only"],
  },
  {
    name: "web/server/<noun>",
    at: `${server}*/`,
    may: [
      ...[contract, policy, abi, `${server}*/service.ts`, `${server}*.ts`],
      ...[`${server}generated/`, `${web}env.ts`],
    ],
    packages: [...serverSide, ...database, "server-only"],
  },
  {
    name: "web/server",
    at: server,
    may: [contract, policy, abi, server, `${web}env.ts`],
    packages: [...serverSide, ...database, "server-only", "next"],
  },
  {
    name: "web",
    at: web,
    may: [contract, server, `${web}env.ts`],
    packages: ["next", "node:*"],
  },

  // The model of the dataplane judges by the policies' own reference.
  {
    name: "bpf/tests",
    at: "packages/bpf/tests/",
    may: [abi, contract, policy, "packages/native/"],
    packages: ["node:*"],
  },
  {
    name: "bench",
    at: "bench/",
    may: [
      ...[abi, contract, policy, "packages/native/", "packages/lab/", "tools/", "e2e/system/"],
      // Its hosts and pods, their tables filled by hand: what a path costs, without an agent beside it.
      "packages/bpf/tests/",
      ...["apps/agent/src/", server],
    ],
    packages: ["*"],
  },
  { name: "e2e", at: "e2e/", may: [contract, policy, "packages/lab/", "tools/"], packages: ["*"] },
  { name: "configuration", at: "*.config.ts", may: ["tools/"], packages: ["*"] },
  { name: "configuration", at: "apps/web/*.config.ts", may: [], packages: ["*"] },
  { name: "tools", at: "tools/", may: [contract, abi, "packages/native/lib/"], packages: ["*"] },
];

/** What only some files may import, whatever their module's row says. */
export interface Reserved {
  what: string;
  /** Packages or prefixes of ours. */
  packages: readonly string[];
  files: readonly string[];
  /** Who may. */
  by: readonly string[];
}

export const reserved: readonly Reserved[] = [
  {
    what: "the database client",
    packages: database,
    files: [`${server}db.ts`, `${server}generated/`],
    by: [
      `${server}db.ts`,
      `${server}bus.ts`,
      `${server}auth.ts`,
      `${server}*/repo.ts`,
      `${server}ingest/`,
      `${server}setup/main.ts`,
      "bench/",
    ],
  },
  {
    what: "the lab",
    packages: [],
    files: ["packages/lab/"],
    by: ["packages/lab/", "bench/", "e2e/", "tools/"],
  },
];

/** Words that say nothing about what a module does. */
export const forbiddenNames: readonly string[] = [
  ...["shared", "common", "utils", "helpers", "misc", "core", "v2", "new", "enhanced"],
];

/** The one folder that really is shared memory, and those whose names are addresses in the browser. */
export const forbiddenNamesExcept: readonly string[] = ["packages/bpf/include/shared/", `${web}app/`];

/** Debt: imports that are wrong and known. Each has an owner and an ADR; the list may only shrink. */
export interface Debt {
  from: string;
  to: string;
  owner: string;
  adr: string;
}

export const debt: readonly Debt[] = [];
