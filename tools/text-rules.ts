// Rules about a file's text that are neither style (Biome) nor types (tsc) nor imports: one row each.
// Test code is held only to the rows that say so.
import { isTest, type SourceFile } from "./source-files.ts";
import { withoutComments } from "./source-text.ts";

interface TextRule {
  pattern: RegExp;
  /** The files it is for. */
  where: RegExp;
  except?: RegExp;
  /** What is searched: code is without comments and quoted strings, statements without templates too. */
  in: "code" | "statements" | "everything";
  tests: boolean;
  message: string;
}

/** Next finds these by their default export, and so do the tools whose configuration they are. */
const defaultExports =
  /^apps\/web\/src\/(app\/.*|proxy|instrumentation)\.tsx?$|(^|\/)[\w.-]+\.config\.(ts|mjs)$/;

const notes = ["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|");

export const textRules: readonly TextRule[] = [
  {
    pattern: /\bprocess\.env\b/,
    where: /^apps\/web\/src\//,
    except: /^apps\/web\/src\/env\.ts$/,
    in: "code",
    tests: false,
    message: "only apps/web/src/env.ts reads process.env",
  },
  {
    pattern: /^\s*export\s+default\b|\bas\s+default\b/,
    where: /\.(ts|tsx|mjs)$/,
    except: defaultExports,
    in: "statements",
    tests: true,
    message: "no default exports outside Next's own files: name it",
  },
  {
    pattern: /^\s*export\s+\*\s+from\b/,
    where: /\.(ts|tsx|mjs)$/,
    in: "statements",
    tests: true,
    message: "no barrel files: import the file you mean",
  },
  {
    pattern: new RegExp(`\\b(${notes})\\b(?!\\(#\\d+\\))`),
    where: /./,
    in: "everything",
    tests: true,
    message: "an open task needs an issue's number, as in (#12)",
  },
  {
    pattern: /\bIntl\.(NumberFormat|DateTimeFormat)\b|\.toLocale\w*String\(|\.toFixed\(/,
    where: /^apps\/(web\/src\/(app|features|ui)|cli\/src)\//,
    in: "code",
    tests: false,
    message: "numbers and times are formatted by @millrace/contract/units only",
  },
  {
    pattern:
      /\b(Date\.now|new Date\(\)|Math\.random|performance\.|process\.|setTimeout|setInterval|crypto\.)/,
    where: /\/plan\.ts$/,
    in: "code",
    tests: false,
    message: "a planner has no clock, no randomness and no I/O: take it as an argument",
  },
  {
    pattern: /\b(it|test|describe)\.(only|skip|todo)\b/,
    where: /\.(test|spec)\.tsx?$/,
    in: "code",
    tests: true,
    message: "no test is skipped, postponed or run alone",
  },
];

export function textProblems(file: SourceFile): { path: string; line: number; message: string }[] {
  const rules = textRules.filter(
    (rule) =>
      rule.where.test(file.path) && !rule.except?.test(file.path) && (rule.tests || !isTest(file.path)),
  );
  const lines = {
    everything: file.text.split("\n"),
    code: withoutComments(file.text, "quoted").split("\n"),
    statements: withoutComments(file.text, "strings").split("\n"),
  };
  return rules.flatMap((rule) =>
    lines[rule.in].flatMap((text, index) =>
      rule.pattern.test(text) ? [{ path: file.path, line: index + 1, message: rule.message }] : [],
    ),
  );
}
