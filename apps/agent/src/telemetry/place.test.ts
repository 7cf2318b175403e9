import { describe, expect, test } from "vitest";
import { HIDDEN, Symbols } from "./place.ts";

const TABLE = `ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000100 t helper.cold
ffffffff81000400 D not_code
ffffffffc0000000 t late_module	[veth]
ffffffff81000300 T nf_hook_slow
`;

describe("places in the kernel", () => {
  test.each([
    [0xffffffff81000100n, "helper.cold+0x0"],
    [0xffffffff81000355n, "nf_hook_slow+0x55"],
    [0xffffffffc0000010n, "late_module+0x10"],
    [0xffffffff80000000n, HIDDEN],
    [0n, HIDDEN],
  ])("%s is %s, in whatever order the symbols come", (address, place) => {
    expect(new Symbols(() => [TABLE]).place(address)).toBe(place);
  });

  test("a function's range ends where the next one begins, and the parts split off it are its own", () => {
    const table = `${TABLE}ffffffff81000360 t helper
ffffffff81000360 t helper_alias
ffffffff81000390 t helper_of_another
ffffffff81000400 t last
`;
    const ranges = new Symbols(() => [table]).rangesOf(["helper", "absent"]);
    expect(ranges).toEqual([
      { name: "helper", start: 0xffffffff81000100n, end: 0xffffffff81000400n },
      { name: "helper", start: 0xffffffff81000360n, end: 0xffffffff81000390n },
    ]);
    const hidden = table.replaceAll(/^[0-9a-f]{16}/gm, "0000000000000000");
    expect(new Symbols(() => [hidden]).rangesOf(["helper"])).toEqual([]);
  });

  test("a piece of the table may end anywhere in a line", () => {
    const whole = new Symbols(() => [TABLE]);
    const pieces = new Symbols(() => TABLE.match(/.{1,7}/gs) ?? []);
    const addresses = [0xffffffff81000100n, 0xffffffff81000355n, 0xffffffffc0000010n];
    expect(addresses.map((address) => pieces.place(address))).toEqual(addresses.map((a) => whole.place(a)));
    const functions = ["helper", "_text", "nf_hook_slow"];
    expect(pieces.rangesOf(functions)).toEqual(whole.rangesOf(functions));
  });

  test("a kernel that hides its addresses is said to", () => {
    const hidden = TABLE.replaceAll(/^[0-9a-f]{16}/gm, "0000000000000000");
    expect(new Symbols(() => [hidden]).place(0xffffffff81000100n)).toBe(HIDDEN);
  });

  test("the table is read when the first address asks, and once", () => {
    let reads = 0;
    const symbols = new Symbols(() => {
      reads++;
      return [TABLE];
    });
    expect(reads).toBe(0);
    for (const address of [0xffffffff81000100n, 0xffffffff81000100n, 0xffffffff81000355n])
      symbols.place(address);
    expect(reads).toBe(1);
  });
});
