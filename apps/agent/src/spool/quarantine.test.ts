import fs from "node:fs";
import path from "node:path";
import { Incarnation } from "@millrace/contract/ids";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../testing/temporary.ts";
import { Quarantine } from "./quarantine.ts";
import type { PendingBatch } from "./recover.ts";

const batch = (sequence: number): PendingBatch => ({
  ...{
    incarnation: Incarnation.parse("11111111-1111-4111-8111-111111111111"),
    sequence,
    atMs: sequence * 1000,
  },
  ...{ flowRows: 7, lost: [], compressed: "br", file: "", offset: 0, bytes: 1 },
});

test("a refused batch is kept as it would have been sent, with what it is and why", () => {
  const directory = path.join(temporaryDirectory("quarantine"), "refused");
  new Quarantine(directory).keep(batch(3), Buffer.from("as sent"), "flows.verdict[0] is 9");
  const [payload = "", about = ""] = fs.readdirSync(directory).sort();
  expect(fs.readFileSync(path.join(directory, payload), "utf8")).toBe("as sent");
  expect(JSON.parse(fs.readFileSync(path.join(directory, about), "utf8"))).toMatchObject({
    ...{ sequence: 3, flowRows: 7, compressed: "br", reason: "flows.verdict[0] is 9" },
  });
});

test("beyond its limit the oldest go, and the newest stays however large", () => {
  const directory = temporaryDirectory("quarantine-full");
  const quarantine = new Quarantine(directory, 100);
  const kept = () => fs.readdirSync(directory).filter((name) => name.endsWith(".batch"));
  for (let sequence = 1; sequence <= 5; sequence++)
    quarantine.keep(batch(sequence), new Uint8Array(40), "no");
  expect(kept().map((name) => Number(name.split("-").at(-1)?.split(".")[0]))).toEqual([4, 5]);
  expect(fs.readdirSync(directory)).toHaveLength(4);
  quarantine.keep(batch(6), new Uint8Array(500), "no");
  expect(kept()).toHaveLength(1);
});
