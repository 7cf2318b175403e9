// Checks of what callers pass in, with messages that name the argument and what was expected. The addon asserts the
// same again, tersely; nothing here knows what a value means.

/** A non-empty string without NUL bytes: a path or a name. */
export function text(value: unknown, name: string): string {
  if (typeof value !== "string") throw new TypeError(`${name}: expected a string, got ${describe(value)}`);
  if (value === "" || value.includes("\0")) throw new RangeError(`${name}: expected a non-empty string`);
  return value;
}

export function optionalText(value: unknown, name: string): string | undefined {
  return value === undefined ? undefined : text(value, name);
}

export function integer(value: unknown, name: string, least: number, most: number): number {
  if (!Number.isInteger(value)) throw new TypeError(`${name}: expected an integer, got ${describe(value)}`);
  const number = value as number;
  if (number < least || number > most) {
    throw new RangeError(`${name}: expected ${least} to ${most}, got ${number}`);
  }
  return number;
}

export function boolean(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") throw new TypeError(`${name}: expected a boolean, got ${describe(value)}`);
  return value;
}

export function bytes(value: unknown, name: string): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`${name}: expected a Uint8Array, got ${describe(value)}`);
  }
  return value;
}

export function sizedBytes(value: unknown, name: string, size: number): Uint8Array {
  const given = bytes(value, name);
  if (given.byteLength !== size) {
    throw new RangeError(`${name}: expected ${size} bytes, got ${given.byteLength}`);
  }
  return given;
}

export function atLeastBytes(value: unknown, name: string, size: number): Uint8Array {
  const given = bytes(value, name);
  if (given.byteLength < size) {
    throw new RangeError(`${name}: expected at least ${size} bytes, got ${given.byteLength}`);
  }
  return given;
}

export function callback<T>(value: T, name: string): T {
  if (typeof value !== "function")
    throw new TypeError(`${name}: expected a function, got ${describe(value)}`);
  return value;
}

export function oneOf<T extends string>(value: unknown, name: string, allowed: readonly T[]): T {
  if (typeof value === "string" && (allowed as readonly string[]).includes(value)) return value as T;
  throw new TypeError(`${name}: expected ${allowed.join(" | ")}${hint(String(value), allowed)}`);
}

/** Refuses options nobody knows, so that a misspelt one does not go unnoticed. */
export function options<T extends object>(
  value: T | undefined,
  name: string,
  known: readonly string[],
): Partial<T> {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null)
    throw new TypeError(`${name}: expected options, got ${describe(value)}`);
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new TypeError(`${name}: unknown option '${key}'${hint(key, known)}`);
  }
  return value;
}

/** The same where they may not be left out. */
export function required<T extends object>(value: T, name: string, known: readonly string[]): T {
  if (value === undefined) throw new TypeError(`${name}: expected options, got undefined`);
  options(value, name, known);
  return value;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}

function hint(word: string, known: readonly string[]): string {
  const near = known.find((k) => distance(k.toLowerCase(), word.toLowerCase()) <= 2);
  return near === undefined ? "" : ` (did you mean '${near}'?)`;
}

/** Edits from a to b (Levenshtein), for words of a few letters. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
