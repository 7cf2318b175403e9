// Holds files and C and C++ functions to the ceilings in sizes.ts. Tests and generated code are
// exempt. A ceiling that is in the way is a reason to split, not to raise it.
import { fileURLToPath } from "node:url";
import { type CFunction, functionsOf } from "./c-functions.ts";
import { ceilings } from "./sizes.ts";
import { isTest, type SourceFile, sourceFiles } from "./source-files.ts";

export const lineCount = (text: string) => text.split("\n").length - (text.endsWith("\n") ? 1 : 0);

export function sizeProblems(file: SourceFile): string[] {
  const ceiling = ceilings.find((row) => row.files.test(file.path));
  if (!ceiling || isTest(file.path)) return [];
  const problems: string[] = [];
  const lines = lineCount(file.text);
  if (lines > ceiling.fileLines) {
    problems.push(`${file.path}:1  ${lines} lines; a ${ceiling.what} file has at most ${ceiling.fileLines}`);
  }
  if (ceiling.functionLines === undefined) return problems;
  const limitOf = (found: CFunction) =>
    found.entry && ceiling.entryLines ? ceiling.entryLines : (ceiling.functionLines as number);
  for (const found of functionsOf(file.text)) {
    const limit = limitOf(found);
    if (found.lines <= limit) continue;
    const what = found.entry ? "entry program" : "function";
    problems.push(
      `${file.path}:${found.line}  ${found.name} has ${found.lines} lines; a ${what} has at most ${limit}`,
    );
  }
  return problems;
}

function main(): number {
  const files = sourceFiles([".ts", ".tsx", ".mjs", ".c", ".h", ".cc"]);
  const problems = files.flatMap(sizeProblems);
  for (const problem of problems) console.log(problem);
  console.log(`${files.length} files, ${problems.length} too long`);
  return problems.length ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
