// The files that are ours and written by hand: what the checkers read. Generated code, build output
// and dependencies are left out here, once, so that no checker has its own idea of them.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "./paths.mjs";

const skipped = new Set(["node_modules", "build", "generated", "results", "out", "test-results"]);

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  path: string;
  text: string;
}

export function sourceFiles(extensions: readonly string[], from = root): SourceFile[] {
  const found: SourceFile[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const full = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name) && !entry.name.startsWith(".")) visit(full);
      } else if (
        entry.isFile() &&
        extensions.includes(path.extname(entry.name)) &&
        !isGenerated(entry.name)
      ) {
        found.push({ path: path.relative(from, full), text: readFileSync(full, "utf8") });
      }
    }
  };
  visit(from);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const isGenerated = (name: string) => name === "next-env.d.ts" || name === "vmlinux.h";

export const isTest = (file: string) =>
  /\.(test|spec)\.tsx?$/.test(file) || /(^|\/)(test|tests|testing|e2e|fixtures)\//.test(file);
