// Holds every source file to the table in deps.ts, and to the rules of names and text that no linter
// here can tell. Prints `file:line  what is wrong  what to do`. It never changes a file.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { debt, forbiddenNames, forbiddenNamesExcept, type Module, modules, reserved } from "./deps.ts";
import { isTest, type SourceFile, sourceFiles } from "./source-files.ts";
import { type Import, importsOf } from "./source-text.ts";
import { textProblems } from "./text-rules.ts";

export interface Problem {
  path: string;
  line: number;
  message: string;
}

type Target = { kind: "file"; path: string } | { kind: "package"; name: string; specifier: string };

/** The part of `file` that the prefix covers, or undefined. `*` is one path segment. */
export function prefixMatch(prefix: string, file: string): string | undefined {
  const pattern = prefix.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]+");
  return new RegExp(`^${pattern}`).exec(file)?.[0];
}

const fits = (prefixes: readonly string[], file: string) =>
  prefixes.some((prefix) => prefixMatch(prefix, file) !== undefined);

const fitsPackage = (allowed: readonly string[], name: string) =>
  allowed.some((entry) => entry === name || (entry.endsWith("*") && name.startsWith(entry.slice(0, -1))));

export function moduleOf(file: string): { module: Module; own: string } | undefined {
  for (const module of modules) {
    const own = prefixMatch(module.at, file);
    if (own !== undefined) return { module, own };
  }
  return undefined;
}

export function targetOf(from: string, specifier: string): Target {
  if (specifier.startsWith(".")) {
    return { kind: "file", path: path.posix.join(path.posix.dirname(from), specifier) };
  }
  if (specifier.startsWith("@/")) return { kind: "file", path: `apps/web/src/${specifier.slice(2)}` };
  const ours = /^@millrace\/([^/]+)(?:\/(.*))?$/.exec(specifier);
  if (ours) {
    const folder = ours[1] === "native" ? "lib" : "src";
    return { kind: "file", path: `packages/${ours[1]}/${folder}/${ours[2] ?? "index"}.ts` };
  }
  if (specifier.startsWith("node:")) return { kind: "package", name: specifier, specifier };
  const segments = specifier.split("/");
  const name = segments.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  return { kind: "package", name, specifier };
}

function boundaryProblem(file: string, used: Import): string | undefined {
  const target = targetOf(file, used.specifier);
  const name = target.kind === "file" ? target.path : target.name;
  const held = reserved.find((entry) =>
    target.kind === "file" ? fits(entry.files, name) : fitsPackage(entry.packages, name),
  );
  if (held && !fits(held.by, file)) return `imports ${held.what} (${name}); only ${held.by.join(", ")} may`;
  const home = moduleOf(file);
  if (!home) return "belongs to no module: add its folder to tools/deps.ts";
  if (target.kind === "package") {
    const allowed = [name, target.specifier].some((one) => fitsPackage(home.module.packages, one));
    return allowed ? undefined : `${home.module.name} may not import ${target.specifier}`;
  }
  const allowed = used.typeOnly ? [...home.module.may, ...(home.module.types ?? [])] : home.module.may;
  const closed = fits(home.module.never ?? [], name);
  if (name.startsWith(home.own) || (fits(allowed, name) && !closed)) return undefined;
  return `${home.module.name} may not import ${name}`;
}

/** Tests may import what they test with; nothing else may import a test. */
export function importProblems(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  for (const used of importsOf(file.text)) {
    const report = (message: string) => problems.push({ path: file.path, line: used.line, message });
    if (/^(\.\.?|@)\//.test(used.specifier) && !/\.\w+$/.test(used.specifier)) {
      report(`import "${used.specifier}" names no extension`);
    }
    if (isTest(file.path)) continue;
    const message = boundaryProblem(file.path, used);
    if (message && !isDebt(file.path, used.specifier)) report(message);
  }
  return problems;
}

const isDebt = (from: string, specifier: string) => {
  const target = targetOf(from, specifier);
  return debt.some((entry) => entry.from === from && target.kind === "file" && entry.to === target.path);
};

export function nameProblems(file: string): Problem[] {
  if (fits(forbiddenNamesExcept, file)) return [];
  const words = file.split("/").map((part) => part.replace(/(\.\w+)+$/, ""));
  const bad = words.find((word) => forbiddenNames.includes(word));
  return bad ? [{ path: file, line: 1, message: `"${bad}" says nothing: name what is in it` }] : [];
}

/** src includes lib includes include/shared: downward only. */
export function includeProblems(file: SourceFile): Problem[] {
  const level = (name: string) =>
    ["include/shared/", "lib/", "src/"].findIndex((part) => name.includes(part));
  const own = level(file.path);
  return [...file.text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].flatMap((match) => {
    const included = match[1] as string;
    const target = path.posix.join(path.posix.dirname(file.path), included);
    const line = file.text.slice(0, match.index).split("\n").length;
    if (included.endsWith(".bpf.c"))
      return [{ path: file.path, line, message: `includes a program: ${included}` }];
    const upward = included.startsWith(".") && level(target) > own;
    return upward ? [{ path: file.path, line, message: `includes upward: ${included}` }] : [];
  });
}

export function problemsOf(file: SourceFile): Problem[] {
  if (/\.[ch]$/.test(file.path)) {
    const bpf = file.path.startsWith("packages/bpf/") ? includeProblems(file) : [];
    return [...nameProblems(file.path), ...bpf, ...textProblems(file)];
  }
  const imports = /\.tsx?$/.test(file.path) ? importProblems(file) : [];
  return [...nameProblems(file.path), ...imports, ...textProblems(file)];
}

function main(): number {
  const files = sourceFiles([".ts", ".tsx", ".mjs", ".c", ".h", ".cc"]);
  const problems = files.flatMap(problemsOf);
  for (const problem of problems) console.log(`${problem.path}:${problem.line}  ${problem.message}`);
  console.log(`${files.length} files, ${problems.length} problems, ${debt.length} debts`);
  return problems.length ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
