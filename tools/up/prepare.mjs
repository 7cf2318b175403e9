// From a bare checkout to everything built: system packages, npm packages, objects, addon, bundles,
// dashboard. Shared by `npm start` and `npm test`; it starts nothing.
import { at } from "../paths.mjs";
import { build, buildEverything, dependencies } from "./build.mjs";
import { waitForLock } from "./lock.mjs";
import { ensurePackages } from "./packages.mjs";

/** @param {{ doStep: import("./serve.mjs").DoStep, purposes: import("./packages.mjs").Purpose[],
 *            say: (line: string) => void }} options */
export async function prepare({ doStep, purposes, say }) {
  const lock = await waitForLock(at(".data/build.lock"), (pid) =>
    say(`waiting for the build of process ${pid}`),
  );
  try {
    await Promise.all([
      doStep("system packages", () => ensurePackages(purposes)),
      doStep("npm packages", () => build(dependencies)),
    ]);
    const forTests = purposes.includes("tests");
    await buildEverything((step) => doStep(step.name, () => build(step)), { forTests });
  } finally {
    lock.release();
  }
}
