/** What no table of ours can hold, found before anything is tried with it. Shapes and lengths are the contract's. */

/** Deeper than any input of the contract: beyond it, looking would cost more than refusing. */
const DEEPEST = 16;

/** Postgres' text and jsonb refuse U+0000; jsonb also half a surrogate pair, which text keeps as another character. */
function flawOf(text: string): string | undefined {
  if (text.includes("\0")) return "a NUL character";
  return /\p{Surrogate}/u.test(text) ? "half a surrogate pair" : undefined;
}

/** The first problem with its field, or undefined. */
export function unstorable(input: unknown, field = "input", depth = 0): string | undefined {
  if (typeof input === "string") {
    const flaw = flawOf(input);
    return flaw && `${field}: ${flaw} can't be stored`;
  }
  if (typeof input !== "object" || input === null) return undefined;
  if (depth === DEEPEST) return `${field}: nested too deeply`;
  for (const [key, value] of Object.entries(input)) {
    const flaw = flawOf(key);
    if (flaw) return `${field}: a name with ${flaw} can't be stored`;
    const problem = unstorable(value, depth === 0 ? key : `${field}.${key}`, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}
