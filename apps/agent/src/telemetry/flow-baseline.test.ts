import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { ENTRY_BYTES, FlowBaseline, KEY_WORDS, WORD } from "./flow-baseline.ts";

const WORDS = ENTRY_BYTES / 4;
/** Keys from a small set, so that they meet again; `value` tells the latest apart. */
const keyOf = (n: number): Uint32Array => Uint32Array.from({ length: KEY_WORDS }, (_, i) => n * (i + 1));
function entry(n: number, value: number): Uint8Array {
  const words = new Uint32Array(WORDS);
  words.set(keyOf(n));
  words[WORD.drops] = value;
  return new Uint8Array(words.buffer);
}

const operation = fc.record({
  op: fc.constantFrom("put", "remove"),
  key: fc.integer({ min: 0, max: 60 }),
  value: fc.nat(1000),
});

describe("flow baselines", () => {
  test.prop([fc.array(operation, { maxLength: 400 })])(
    "hold what was put last and nothing that was removed, whatever the order",
    (operations) => {
      const table = new FlowBaseline();
      const model = new Map<number, number>();
      for (const { op, key, value } of operations) {
        if (op === "put") {
          table.apply(entry(key, value));
          model.set(key, value);
        } else expect(table.remove(keyOf(key), 0)).toBe(model.delete(key));
      }
      expect(table.size).toBe(model.size);
      for (let key = 0; key <= 60; key++) {
        const slot = table.find(keyOf(key), 0);
        expect(slot < 0 ? undefined : table.wordAt(slot, WORD.drops)).toBe(model.get(key));
      }
      const again = new FlowBaseline();
      again.apply(Buffer.concat([Buffer.from("x"), table.snapshot()]).subarray(1));
      expect(again.size).toBe(model.size);
    },
  );
});
