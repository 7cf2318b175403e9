import { expect, test } from "vitest";
import { RECHECK_MS, stillAllowed } from "./still-allowed.ts";

test("nothing is handed on once who opened the stream may no longer, and what feeds it ends", async () => {
  let time = 0;
  let fed = true;
  async function* source() {
    try {
      for (let n = 0; ; n++) {
        yield n;
        time += RECHECK_MS / 2;
      }
    } finally {
      fed = false;
    }
  }
  const refusal = new Error("the account is gone");
  const seen: number[] = [];
  const reading = async () => {
    const check = async () => {
      if (seen.length > 4) throw refusal;
    };
    for await (const item of stillAllowed(source(), check, () => time)) seen.push(item);
  };
  await expect(reading()).rejects.toBe(refusal);
  expect(seen).toEqual([0, 1, 2, 3, 4, 5]); // asked at 2, 4 and 6
  expect(fed).toBe(false);
});
