import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryDirectory, writeFiles } from "../testing/temporary.ts";
import { Pins } from "./pins.ts";

const FITS = { layout: "0123456789ab", flows: 64 };

describe("the directory of pins", () => {
  test("what others keep there stays, whether a life begins or all is removed", () => {
    const directory = temporaryDirectory("pins");
    writeFiles(directory, {
      "cilium/maps/ct4": "",
      "link-of-somebody": "",
      "0123456789ab-64-00000001/maps/x": "",
    });
    const pins = new Pins(directory);
    expect(pins.choose("another", FITS, "00000002")).toBe(false);
    fs.mkdirSync(path.join(directory, pins.generation));
    expect(fs.readdirSync(directory).sort()).toEqual([
      "0123456789ab-64-00000002",
      "cilium",
      "link-of-somebody",
    ]);
    pins.removeAll();
    expect(fs.readdirSync(directory).sort()).toEqual(["cilium", "link-of-somebody"]);
    expect(fs.existsSync(path.join(directory, "cilium/maps/ct4"))).toBe(true);
  });

  test("a directory of ours alone goes with the last generation, and a missing one is no error", () => {
    const directory = path.join(temporaryDirectory("pins"), "agent");
    const pins = new Pins(directory);
    pins.removeAll();
    pins.choose(undefined, FITS, "00000001");
    pins.map("flows");
    pins.removeAll();
    expect(fs.existsSync(directory)).toBe(false);
  });

  test("maps that don't fit are given up by name, with what doesn't fit", () => {
    const directory = temporaryDirectory("pins");
    writeFiles(directory, {
      "ba9876543210-64-00000001/maps/x": "",
      "0123456789ab-32-00000002/maps/x": "",
      "0123456789ab-64-00000003/maps/x": "",
    });
    const pins = new Pins(directory);
    expect(pins.choose("of another host", FITS, "00000004")).toBe(false);
    expect([...pins.leftBehind].sort()).toEqual([
      "maps 0123456789ab-32-00000002 have a flow table of 32 entries, 64 are configured",
      "maps ba9876543210-64-00000001 have the layouts ba9876543210, this agent was built for 0123456789ab",
      "what was reported of maps 0123456789ab-64-00000003 is not known here",
    ]);
    pins.giveUp(new Error("map flows: key of 40 bytes, wanted 44"));
    expect(pins.leftBehind.at(-1)).toMatch(/^maps 0123456789ab-64-00000004: map flows: key of 40 bytes/);
    expect(fs.existsSync(directory)).toBe(false);
  });
});
