// The list of things done, one readable line each, as `npm run check` and `npm test` print it.
// It knows nothing of what a step does. A step that fails is printed with everything it said.

/** @typedef {{ ok: boolean, output?: string, note?: string }} Outcome
 *  @typedef {{ name: string, run: () => Promise<Outcome> }} Step */

const colour = process.stdout.isTTY ? { ok: "\x1b[32m", bad: "\x1b[31m", end: "\x1b[0m" } : null;
const paint = (key, text) => (colour ? `${colour[key]}${text}${colour.end}` : text);

/** @param {number} ms */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** @param {string} name @param {Outcome} outcome @param {number} ms */
export function stepLine(name, outcome, ms) {
  const mark = outcome.ok ? paint("ok", "ok  ") : paint("bad", "FAIL");
  const line = `${mark} ${name.padEnd(22)} ${seconds(ms).padStart(8)}`;
  return outcome.note ? `${line}  ${outcome.note}` : line;
}

/** Runs one step and prints its line; an exception is a failure like any other.
 * @param {Step} step
 * @returns {Promise<{ name: string, ok: boolean, ms: number }>} */
export async function runStep(step) {
  const began = performance.now();
  /** @type {Outcome} */
  let outcome;
  try {
    outcome = await step.run();
  } catch (error) {
    outcome = { ok: false, output: error instanceof Error ? error.stack : String(error) };
  }
  const ms = performance.now() - began;
  console.log(stepLine(step.name, outcome, ms));
  if (!outcome.ok && outcome.output) console.log(outcome.output.trimEnd());
  return { name: step.name, ok: outcome.ok, ms };
}

/** Runs steps side by side, at most `width` at a time, in the order given.
 * @param {Step[]} steps @param {number} width */
export async function runSteps(steps, width = steps.length) {
  const queue = [...steps];
  const results = [];
  const worker = async () => {
    for (let step = queue.shift(); step; step = queue.shift()) results.push(await runStep(step));
  };
  await Promise.all(Array.from({ length: Math.max(1, width) }, worker));
  return results;
}
