/**
 * The script that each page of the built dashboard loads first, by Next's own manifests: the runtime, the
 * layouts, the page. What a page fetches later (charts, dialogs) is not in it.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { at } from "../tools/paths.mjs";

export type PageScripts = { page: string; files: number; bytes: number; gzipped: number };

const BUILT = at("apps/web/.next");
const MANIFEST = "page_client-reference-manifest.js";
/** Sent only in place of the page, when even the layout fails. */
const ELSEWHERE = /\/global-error$/;

type Manifest = { entryJSFiles: Record<string, string[]> };

/** Next writes it as a script that fills a global. */
function readManifest(file: string): [page: string, manifest: Manifest][] {
  const place: { __RSC_MANIFEST?: Record<string, Manifest> } = {};
  vm.runInNewContext(readFileSync(file, "utf8"), { globalThis: place });
  return Object.entries(place.__RSC_MANIFEST ?? {});
}

export function pageScripts(): PageScripts[] {
  const { rootMainFiles } = JSON.parse(readFileSync(`${BUILT}/build-manifest.json`, "utf8")) as {
    rootMainFiles: string[];
  };
  const manifests = readdirSync(`${BUILT}/server/app`, { recursive: true, encoding: "utf8" })
    .filter((file) => path.basename(file) === MANIFEST && !file.startsWith("_"))
    .flatMap((file) => readManifest(`${BUILT}/server/app/${file}`));
  const sizes = new Map<string, { bytes: number; gzipped: number }>();
  const sizeOf = (file: string) => {
    const content = readFileSync(`${BUILT}/${file}`);
    const size = sizes.get(file) ?? { bytes: content.length, gzipped: gzipSync(content).length };
    sizes.set(file, size);
    return size;
  };
  const measured = manifests.map(([name, { entryJSFiles }]) => {
    const entries = Object.entries(entryJSFiles).filter(([entry]) => !ELSEWHERE.test(entry));
    const files = [...new Set([...rootMainFiles, ...entries.flatMap(([, chunks]) => chunks)])].map(sizeOf);
    const sum = (of: "bytes" | "gzipped") => files.reduce((total, file) => total + file[of], 0);
    return { page: routeOf(name), files: files.length, bytes: sum("bytes"), gzipped: sum("gzipped") };
  });
  return measured.sort((a, b) => b.gzipped - a.gzipped);
}

const routeOf = (name: string): string => name.replace(/\/\([^)]*\)/g, "").replace(/\/page$/, "") || "/";
