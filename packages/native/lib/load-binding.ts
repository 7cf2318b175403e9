// Finds the compiled addon: a prebuild, else the local build. Only a missing file falls through to the next candidate;
// one that is there but doesn't load is an error of its own. Doesn't know what the addon contains.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = join("packages", "native");

/**
 * Candidates below the nearest parent folder that holds this package. From the source that is the repository's root,
 * and from a bundle such as apps/agent/build/main.js as well.
 */
export function candidates(from: string): string[] {
  let folder = dirname(from);
  while (!existsSync(join(folder, PACKAGE, "package.json")) && dirname(folder) !== folder)
    folder = dirname(folder);
  const platform = `${process.platform}-${process.arch}`;
  return [
    join(folder, PACKAGE, "prebuilds", platform, "millrace_native.node"),
    join(folder, PACKAGE, "build", "millrace_native.node"),
  ];
}

export function loadBinding(paths = candidates(fileURLToPath(import.meta.url))): unknown {
  for (const path of paths) {
    if (existsSync(path)) return createRequire(import.meta.url)(path);
  }
  throw new Error(`the native addon is not built; tried ${paths.join(" and ")}: run make -C packages/native`);
}
