/**
 * Documents that people write, read strictly: every problem at once, each with the path of its field as Kubernetes' own tools
 * would write it, and no field that isn't known. Not about any one kind of document.
 */
import { nearest } from "@millrace/contract/filter";
import { z } from "zod";

/** `path` as in `spec.ingress[0].from[1].ipBlock.cidr`; empty: the document itself. */
export type Problem = { path: string; message: string };
export type Reading<T> = { ok: true; value: T } | { ok: false; problems: Problem[] };

export const problemText = ({ path, message }: Problem): string =>
  path === "" ? message : `${path}: ${message}`;

export function read<T>(schema: z.ZodType<T>, document: unknown): Reading<T> {
  const result = schema.safeParse(document, { error: messageOf });
  if (result.success) return { ok: true, value: result.data };
  // The first of a field is the one that explains the others: what is no list has no number of entries.
  const first = new Map<string, Problem>();
  for (const problem of result.error.issues.flatMap(problemsOf))
    if (!first.has(problem.path)) first.set(problem.path, problem);
  return { ok: false, problems: [...first.values()] };
}

/** These fields and no others. One that is written without a value (null) is one that isn't there, as in Kubernetes. */
export function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  const object = z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? unknownFields(issue.keys as string[], known) : undefined,
  });
  return z.preprocess((value) => withoutNulls(value, known), object);
}

function withoutNulls(value: unknown, known: readonly string[]): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([key, inner]) => inner !== null || !known.includes(key)),
  );
}

/** One line for each key, so that problemsOf can give each its own path. */
const unknownFields = (keys: readonly string[], known: readonly string[]): string =>
  keys.map((key) => `there is no such field${suggestion(key, known)}`).join("\n");

/** Short words are near to everything, ICMP to TCP and SCTP: theirs must at least begin alike. */
const SHORT = 4;

export function suggestion(word: string, known: readonly string[]): string {
  const exact = known.find((one) => one.toLowerCase() === word.toLowerCase());
  const near =
    exact ??
    nearest(
      word,
      known.filter((one) => one.length > SHORT || one[0] === word[0]),
    );
  return near === undefined ? "" : `; did you mean ${near}?`;
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code !== "unrecognized_keys") return [{ path: pathText(issue.path), message: issue.message }];
  const messages = issue.message.split("\n");
  return issue.keys.map((key, at) => ({
    path: pathText([...issue.path, key]),
    message: messages[at] ?? "there is no such field",
  }));
}

function pathText(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => {
    if (typeof part === "number") return `[${part}]`;
    return /^[A-Za-z_]\w*$/.test(String(part)) ? `.${String(part)}` : `[${String(part)}]`;
  });
  return parts.join("").replace(/^\./, "");
}

const ARTICLES: Readonly<Record<string, string>> = {
  ...{
    string: "a string",
    number: "a number",
    int: "a whole number",
    object: "an object",
    record: "an object",
  },
  ...{ array: "a list", boolean: "true or false" },
};

function messageOf(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  switch (issue.code) {
    case "invalid_type":
      if (input === undefined) return "is missing";
      return `must be ${ARTICLES[String(issue.expected)] ?? issue.expected}, not ${kindOf(input)}`;
    case "invalid_value":
      return valueMessage(input, (issue.values as unknown[]).map(String));
    case "too_big":
      return tooBig(input, Number(issue.maximum));
    case "too_small":
      return Array.isArray(input) ? "is empty" : `must be at least ${issue.minimum}, not ${kindOf(input)}`;
    default:
      return undefined;
  }
}

function valueMessage(input: unknown, values: readonly string[]): string {
  if (input === undefined) return "is missing";
  const hint = typeof input === "string" ? suggestion(input, values) : "";
  return `must be ${values.join(" or ")}, not ${kindOf(input)}${hint}`;
}

function tooBig(input: unknown, most: number): string {
  if (Array.isArray(input)) return `has ${input.length} entries; at most ${most}`;
  return typeof input === "string"
    ? `has ${input.length} characters; at most ${most}`
    : `must be at most ${most}, not ${kindOf(input)}`;
}

/** A value as it may stand in a message: short, and told apart from text. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value !== "string") return `${typeof value === "number" ? "the number " : ""}${String(value)}`;
  return value.length > 60 ? `“${value.slice(0, 57)}…”` : `“${value}”`;
}
