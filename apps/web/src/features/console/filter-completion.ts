/**
 * What may be written where the caret stands in a filter: a field's name, or a value of a field. Pure; the
 * values themselves come from the API. The language is contract/filter's.
 */
import { FILTER_FIELDS, type FilterField } from "@millrace/contract/filter-field";
import { PROTOCOLS } from "@millrace/contract/verdict";

export type Completion =
  | { readonly kind: "field"; readonly prefix: string; readonly start: number; readonly end: number }
  | {
      readonly kind: "value";
      readonly field: string;
      readonly prefix: string;
      readonly start: number;
      readonly end: number;
    };
export type Suggestion = { readonly text: string; readonly hint: string };

const MOST = 10;
const TERM = /^(-?)([a-zA-Z][\w.]*)(!=|>=|<=|=|~|>|<)/;

/** The bounds of the word around the caret; spaces inside quotes don't part words. */
function wordAt(text: string, caret: number): { start: number; end: number } {
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    if (text[at] !== " " || quoted) continue;
    if (at >= caret) return { start, end: at };
    start = at + 1;
  }
  return { start, end: text.length };
}

export function completionAt(text: string, caret: number): Completion {
  const { start, end } = wordAt(text, caret);
  const word = text.slice(start, end);
  const term = TERM.exec(word);
  if (!term || caret < start + term[0].length) {
    const minus = word.startsWith("-") ? 1 : 0;
    return { kind: "field", prefix: text.slice(start + minus, caret), start: start + minus, end };
  }
  const valueStart = start + term[0].length;
  const comma = text.lastIndexOf(",", caret - 1) + 1;
  const from = Math.max(valueStart, comma);
  const nextComma = text.slice(caret, end).indexOf(",");
  const to = nextComma < 0 ? end : caret + nextComma;
  const prefix = text.slice(from, caret).replaceAll('"', "");
  return { kind: "value", field: term[2] as string, prefix, start: from, end: to };
}

export function suggestFields(prefix: string): Suggestion[] {
  const wanted = prefix.toLowerCase();
  const names = Object.keys(FILTER_FIELDS);
  const first = names.filter((name) => name.startsWith(wanted));
  const rest = names.filter((name) => !name.startsWith(wanted) && name.includes(wanted));
  return [...first, ...rest]
    .slice(0, MOST)
    .map((name) => ({ text: name, hint: (FILTER_FIELDS[name] as FilterField).title }));
}

/** Values known without asking; null when the API has to be asked. */
export function fixedValues(field: string): readonly string[] | null {
  const known = FILTER_FIELDS[field];
  if (!known) return [];
  if (known.values) return known.values;
  if (known.type === "proto") return Object.values(PROTOCOLS);
  if (known.type === "duration") return ["1ms", "5ms", "50ms", "500ms", "1s"];
  if (known.type === "bytes") return ["1kB", "100kB", "1MB", "100MB"];
  return known.type === "text" || known.type === "ip" || known.type === "port" ? null : [];
}

export const suggestValues = (values: readonly string[], prefix: string): Suggestion[] =>
  values
    .filter((value) => value.toLowerCase().includes(prefix.toLowerCase()) && value !== prefix)
    .slice(0, MOST)
    .map((text) => ({ text, hint: "" }));

/** Tab completes what was begun or chosen; elsewhere it goes on to the next control, or nobody got out by it. */
export const tabCompletes = (at: Completion, isChosen: boolean): boolean => isChosen || at.prefix !== "";

/** The text with the suggestion put in, and where the caret goes. */
export function complete(
  text: string,
  at: Completion,
  suggestion: string,
): { text: string; caret: number; done: boolean } {
  const quoted = /[\s,"]/.test(suggestion) ? `"${suggestion}"` : suggestion;
  const put = at.kind === "field" ? `${suggestion}${orderOf(suggestion)}` : quoted;
  const space = at.kind === "value" && at.end === text.length ? " " : "";
  return {
    text: text.slice(0, at.start) + put + space + text.slice(at.end),
    caret: at.start + put.length + space.length,
    done: at.kind === "value",
  };
}

/** What follows a field's name most often: a duration is asked to be longer than, a name to be equal. */
function orderOf(field: string): string {
  const type = FILTER_FIELDS[field]?.type;
  return type === "duration" || type === "bytes" || type === "number" ? ">" : "=";
}
