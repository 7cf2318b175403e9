/** Inputs that are wrong, or nearly right: what anybody could send. Test material. */

const TEXTS = ["\0", "a\0b", "\ud800", "'", "%", "\\", "{}", "x".repeat(100_000), "9".repeat(30), "-1"];
const NUMBERS = [-1, 0.5, 1e308, -1e308, 2 ** 53, 2 ** 31, Number.NaN];
const BOTH = [...TEXTS, ...NUMBERS, null, [], {}];

/** Every input that differs from a good one in one place. */
export function* spoiled(input: unknown): Generator<unknown> {
  yield* BOTH;
  if (typeof input !== "object" || input === null) return;
  for (const [key, value] of Object.entries(input))
    for (const other of spoiled(value)) {
      if (Array.isArray(input)) yield [other];
      else yield { ...input, [key]: other };
    }
}
