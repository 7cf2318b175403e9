// What has to be built, in what order, from what. Each step is skipped when its inputs are unchanged, and
// absent when its folder is. It starts nothing and knows no database.
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { release } from "node:os";
import { run } from "../command.mjs";
import { at, bin } from "../paths.mjs";
import { schemaEngineEnv } from "../postgres.mjs";
import { bundle } from "./bundle.mjs";
import { whenChanged } from "./stamp.mjs";

/** @typedef {{ name: string, needs: string, inputs: string[], outputs: string[], also?: string, work: () => Promise<void> }} BuildStep */

async function must(command, args, options) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) throw new Error(`${[command, ...args].join(" ")} failed (${code}):\n${output.trimEnd()}`);
}

const make = (folder, ...args) => must("make", ["-C", at(folder), `NODE=${process.execPath}`, ...args]);

const lock = at("package-lock.json");

/** @type {BuildStep} */
export const dependencies = {
  name: "npm ci",
  needs: lock,
  inputs: [lock],
  outputs: [at("node_modules/.package-lock.json")],
  work: () =>
    must("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
      // Prisma's own engine would be downloaded from a host of theirs; ours is in the lock.
      env: {
        ...schemaEngineEnv,
        PRISMA_SKIP_POSTINSTALL_GENERATE: "1",
      },
    }),
};

/** @type {BuildStep} */
export const bpfObjects = {
  name: "bpf objects",
  needs: at("packages/bpf/Makefile"),
  inputs: [
    ...["Makefile", "include", "lib", "src", "tests/fixtures"].map((part) => at("packages/bpf", part)),
    at("tools/btfgen"),
  ],
  outputs: ["observe.bpf.o", "abi.bpf.o"].map((object) => at("packages/bpf/build", object)),
  also: release(), // the kernel whose types the objects are compiled against
  work: () => make("packages/bpf", "-j2"),
};

/** The committed decoders are what the headers say. Before `bpf objects`, which would write them anew.
 *  @type {BuildStep} */
export const abiDrift = {
  name: "abi drift",
  needs: at("packages/bpf/Makefile"),
  inputs: [...bpfObjects.inputs, at("packages/abi/src/generated")],
  outputs: bpfObjects.outputs,
  also: release(),
  work: () => make("packages/bpf", "check-drift"),
};

/** @type {BuildStep} */
export const addonFixtures = {
  name: "native test fixtures",
  needs: at("packages/native/Makefile"),
  inputs: [at("packages/native/Makefile"), at("packages/native/test/fixtures")],
  outputs: [at("packages/native/build/test")],
  also: release(),
  work: () => make("packages/native", "test-fixtures"),
};

/** @type {BuildStep} */
export const addon = {
  name: "native addon",
  needs: at("packages/native/Makefile"),
  inputs: [at("packages/native/Makefile"), at("packages/native/src"), at("packages/native/package.json")],
  outputs: [at("packages/native/build/millrace_native.node")],
  work: () => make("packages/native", "-j2"),
};

/** @type {BuildStep} */
export const cniPlugin = {
  name: "cni plugin",
  needs: at("packages/cni/Makefile"),
  inputs: [at("packages/cni/Makefile"), at("packages/cni/src")],
  outputs: [at("packages/cni/build/millrace-cni")],
  work: () => make("packages/cni", "-j2"),
};

/** @type {BuildStep} */
export const databaseClient = {
  name: "prisma generate",
  needs: at("prisma/schema.prisma"),
  inputs: [at("prisma/schema.prisma"), at("prisma.config.ts"), lock],
  outputs: [at("apps/web/src/server/generated")],
  work: () => must(bin("prisma"), ["generate"], { env: schemaEngineEnv }),
};

const standalone = at("apps/web/.next/standalone/apps/web");

/** @type {BuildStep} */
export const dashboard = {
  name: "next build",
  needs: at("apps/web/next.config.ts"),
  inputs: [
    ...["src", "next.config.ts", "postcss.config.mjs", "tsconfig.json", "public", "package.json"].map(
      (part) => at("apps/web", part),
    ),
    ...[
      "packages/contract/src",
      "packages/policy/src",
      "packages/abi/src",
      "prisma/schema.prisma",
      "tsconfig.json",
    ].map((part) => at(part)),
    lock,
  ],
  outputs: [`${standalone}/server.js`, `${standalone}/.next/static`],
  work: async () => {
    await must(bin("next"), ["build"], { cwd: at("apps/web"), env: { NODE_ENV: "production" } });
    // The standalone output leaves out what a CDN would serve.
    cpSync(at("apps/web/.next/static"), `${standalone}/.next/static`, { recursive: true });
    if (existsSync(at("apps/web/public")))
      cpSync(at("apps/web/public"), `${standalone}/public`, { recursive: true });
  },
};

/** @returns {BuildStep} */
const program = (name, folder, entry, file) => ({
  name: `bundle ${name}`,
  needs: at(folder, entry),
  inputs: [
    at(folder, "src"),
    ...[
      "packages/contract/src",
      "packages/policy/src",
      "packages/abi/src",
      "packages/native/lib",
      "tools/up/bundle.mjs",
      "prisma/schema.prisma",
    ].map((part) => at(part)),
    lock,
  ],
  outputs: [at(folder, "build", file)],
  work: async () => {
    mkdirSync(at(folder, "build"), { recursive: true });
    await bundle({ entry: at(folder, entry), outfile: at(folder, "build", file) });
  },
});

export const programs = [
  program("agent", "apps/agent", "src/main.ts", "main.js"),
  program("cli", "apps/cli", "src/main.ts", "main.js"),
  program("cli's prober", "apps/cli", "src/connectivity/prober.ts", "prober.js"),
  program("ingest", "apps/web", "src/server/ingest/main.ts", "ingest.js"),
  program("setup", "apps/web", "src/server/setup/main.ts", "setup.js"),
  program("lab", "packages/lab", "src/main.ts", "main.js"),
];

/** Runs one step if it has something to do.
 * @param {BuildStep} step @returns {Promise<string>} what was done, for the progress line */
export async function build(step) {
  if (!existsSync(step.needs)) return "nothing to build yet";
  return (await whenChanged(step, step.work)) ? "built" : "unchanged";
}

/** Two lanes for two cores, after what both read: the decoders that come with the objects, and the client.
 * @param {(step: BuildStep) => Promise<void>} doStep @param {{ forTests: boolean }} options */
export async function buildEverything(doStep, { forTests }) {
  const kernelSide = async () => {
    if (forTests) await doStep(abiDrift);
    await doStep(bpfObjects);
  };
  const addonSide = async () => {
    await doStep(addon);
    await doStep(cniPlugin);
    if (forTests) await doStep(addonFixtures);
  };
  const userSide = async () => {
    for (const one of programs) await doStep(one);
    await doStep(dashboard);
  };
  await Promise.all([kernelSide(), doStep(databaseClient)]);
  await Promise.all([addonSide(), userSide()]);
}
