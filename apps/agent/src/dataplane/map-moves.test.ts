import fs from "node:fs";
import type { BpfMap } from "@millrace/native/native";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../testing/temporary.ts";
import type { MapMove, Rows } from "./map-move.ts";
import { MapMoves } from "./map-moves.ts";
import { Pins } from "./pins.ts";

const rows = (...keys: number[]): Rows => ({
  ...{ count: keys.length, keys: Buffer.from(keys), values: Buffer.from(keys) },
});

test("a map that can't be followed is named, and keeps no other from it", () => {
  const pins = new Pins(temporaryDirectory("moves"));
  pins.choose(undefined, { layout: "0123456789ab", flows: 64 }, "01234567");
  const made: number[] = [];
  const ours = {
    ...{ keySize: 1, stride: 1, pin: (file: string) => fs.writeFileSync(file, ""), close: () => {} },
    updateBatch: () => {},
    update: (key: Buffer) => made.push(key[0] as number),
  };
  const theirs = (name: string, ...looks: (() => Rows)[]) => {
    fs.writeFileSync(pins.map(name), "");
    return { name, read: () => looks.shift()?.(), close: () => {} } as unknown as MapMove;
  };
  const gone = () => {
    throw new Error("ENOMEM");
  };
  const kernel = { map: () => ours as unknown as BpfMap, program: gone };
  const moves = new MapMoves(kernel, pins);
  moves.begin([
    theirs("relays", () => rows(1), gone),
    theirs(
      "translations",
      () => rows(2),
      () => rows(2, 3),
    ),
  ]);
  moves.finish();
  expect(moves.losses().unknown).toEqual(["map relays, moved into another layout: ENOMEM"]);
  expect(made).toEqual([3]);
  expect(["relays", "translations"].map((name) => fs.existsSync(pins.moved(name)))).toEqual([true, false]);
  expect(moves.isPending).toBe(false);
});
