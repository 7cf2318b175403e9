// One file per program, so that a service starts in a moment and needs no TypeScript at run time. Our own
// sources go in; every package stays outside and is loaded from node_modules, as it may bring native code.
import { readFileSync } from "node:fs";
import path from "node:path";
import { at, root } from "../paths.mjs";

/** @param {string} specifier */
const isOurs = (specifier) => /^(\.\.?|@|~)\//.test(specifier) || specifier.startsWith("@millrace/");

/** Leaves packages outside. `server-only` guards Next's client bundles and throws anywhere else. */
const packagesOutside = {
  name: "packages-outside",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path: specifier, kind }) => {
      if (kind === "entry-point" || path.isAbsolute(specifier) || isOurs(specifier)) return undefined;
      if (specifier === "server-only") return { path: at("node_modules/server-only/empty.js") };
      return { path: specifier, external: true };
    });
  },
};

/** A source that asks where it is gets its own place, not the bundle's: paths to the addon, to objects and
 *  to scripts hold in a bundle as they do under test.
 *  @param {string} source @param {string} file @param {string} outfile */
export function withOwnPlace(source, file, outfile) {
  if (!/\bimport\.meta\.(url|dirname|filename)\b/.test(source)) return source;
  const relative = path.relative(path.dirname(outfile), file).split(path.sep).join("/");
  const here = `new URL(${JSON.stringify(relative)}, import.meta.url)`;
  const places = {
    "import.meta.url": `${here}.href`,
    "import.meta.filename": `__placeOf(${here})`,
    "import.meta.dirname": `__placeOf(new URL(".", ${here})).replace(/\\/$/, "")`,
  };
  const replaced = source.replace(/\bimport\.meta\.(?:url|dirname|filename)\b/g, (found) => places[found]);
  return `import { fileURLToPath as __placeOf } from "node:url"; ${replaced}`;
}

const ownPlaces = (outfile) => ({
  name: "own-places",
  setup(build) {
    build.onLoad({ filter: /\.(ts|mjs)$/ }, ({ path: file }) => {
      if (file.includes("/node_modules/")) return undefined;
      const contents = withOwnPlace(readFileSync(file, "utf8"), file, outfile);
      return { contents, loader: file.endsWith(".ts") ? "ts" : "js" };
    });
  },
});

/** @param {{ entry: string, outfile: string }} bundle absolute paths */
export async function bundle({ entry, outfile }) {
  const { build } = await import("esbuild");
  await build({
    entryPoints: [entry],
    outfile,
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: true,
    logLevel: "silent",
    tsconfig: at("tsconfig.json"),
    plugins: [packagesOutside, ownPlaces(outfile)],
  });
}
