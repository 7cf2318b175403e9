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
      "0123456789ab-64-00000001/reported/x": "",
    });
    const pins = new Pins(directory);
    expect(pins.choose("another", FITS, "00000002")).toBe(false);
    pins.removeLeft(); // nobody has told of it yet
    expect(fs.readdirSync(directory)).toContain("0123456789ab-64-00000001");
    pins.markReported();
    pins.removeLeft();
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

  test("maps that don't fit are given up by name, with what doesn't fit, and go when they were looked at", () => {
    const directory = temporaryDirectory("pins");
    writeFiles(directory, {
      "0123456789ab-32-00000002/maps/x": "",
      "0123456789ab-64-00000003/maps/x": "",
      "0123456789ab-64-00000003/reported/x": "",
      "0123456789ab-64-00000005/maps/x": "",
      "0123456789ab-64-00000005/left/x": "",
    });
    const pins = new Pins(directory);
    const left = () => pins.left.map(({ why, reported }) => [why, reported]).sort();
    expect(pins.choose("of another host", FITS, "00000004")).toBe(false);
    expect(left()).toEqual([
      ["maps 0123456789ab-32-00000002 have a flow table of 32 entries, 64 are configured", false],
      ["maps 0123456789ab-64-00000005 are of a life that stored nothing", false],
      ["what was reported of maps 0123456789ab-64-00000003 is not known here", true],
    ]);
    for (const one of pins.left) expect(fs.existsSync(path.join(one.directory, "maps/x"))).toBe(true);
    pins.markReported();
    // A life that ended before they were gone has told of them.
    const next = new Pins(directory);
    next.choose(pins.generation, FITS, "00000006");
    expect([next.left.length, next.untold()]).toEqual([3, []]);
    pins.removeLeft();
    expect(pins.left).toEqual([]);
    expect(fs.readdirSync(directory)).toEqual([pins.generation]);
  });

  test("maps of which nothing was reported are taken up where the known ones are of no use, unless somebody left them", () => {
    const directory = temporaryDirectory("pins");
    const known = "ba9876543210-32-00000001";
    const others = ["aa9876543210-64-00000002", "0123456789ab-64-00000002"];
    writeFiles(directory, Object.fromEntries([known, ...others].map((name) => [`${name}/maps/x`, ""])));
    const first = new Pins(directory);
    expect(first.choose(known, FITS, "00000003")).toBe(true);
    expect(first.generation).toBe("0123456789ab-64-00000002"); // rather of its own layouts
    expect(first.isOf(FITS.layout)).toBe(true);
    const rolledBack = new Pins(directory);
    expect(rolledBack.choose(known, { ...FITS, flows: 32 }, "00000004")).toBe(true);
    expect(rolledBack.generation).toBe(known);
    expect(rolledBack.isOf(FITS.layout)).toBe(false);
    const again = new Pins(directory);
    expect(again.choose("gone", FITS, "00000005")).toBe(false);
    expect(again.left.map(({ generation }) => generation).sort()).toEqual([...others, known].sort());
  });

  test("maps that seemed to fit are given up too, and not chosen again", () => {
    const directory = temporaryDirectory("pins");
    writeFiles(directory, { "0123456789ab-64-00000001/maps/x": "" });
    const pins = new Pins(directory);
    expect(pins.choose(undefined, FITS, "00000002")).toBe(true);
    pins.giveUp(new Error("map flows: key of 40 bytes, wanted 44"));
    expect(pins.choose(undefined, FITS, "00000002")).toBe(false);
    expect(pins.generation).toBe("0123456789ab-64-00000002");
    expect(pins.left).toMatchObject([
      { why: "maps 0123456789ab-64-00000001: map flows: key of 40 bytes, wanted 44" },
    ]);
  });
});
