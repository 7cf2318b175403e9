import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { BackendHealth, type ObservedBackend } from "./health.ts";

const SERVICE = "10.96.0.1 80 6";
type Happened = { answered?: number; failures?: number; resets?: number };

/** A service whose backends' counters rise by what a test says, looked at once every two seconds. */
class Looks {
  readonly health = new BackendHealth();
  nowMs = 1_000_000;
  readonly #counts = new Map<string, ObservedBackend>();

  constructor(...backends: string[]) {
    for (const [i, backend] of backends.entries()) this.add(backend, i + 1);
    this.look({});
  }
  add(backend: string, number: number): void {
    const counts = { opened: 0n, answered: 0n, failures: 0n, resets: 0n };
    this.#counts.set(backend, { service: SERVICE, backend, number, ...counts });
  }
  remove(backend: string): void {
    this.#counts.delete(backend);
  }
  /** What changes: `+` back in use, `-` out. */
  look(happened: Record<string, Happened>, seconds = 2): string[] {
    this.nowMs += seconds * 1000;
    for (const [backend, { answered = 0, failures = 0, resets = 0 }] of Object.entries(happened)) {
      const counts = this.#counts.get(backend) as ObservedBackend;
      this.#counts.set(backend, {
        ...counts,
        answered: counts.answered + BigInt(answered),
        failures: counts.failures + BigInt(failures),
        resets: counts.resets + BigInt(resets),
      });
    }
    const changes = this.health.look([...this.#counts.values()], this.nowMs);
    return changes.map(({ backend, out }) => `${out ? "-" : "+"}${backend}`);
  }
}

const fine = { answered: 10 };

describe("a backend is taken out", () => {
  test("when half of its connections fail and the others' don't", () => {
    const looks = new Looks("a", "b", "c");
    expect(looks.look({ a: { failures: 2 }, b: fine, c: fine })).toEqual([]);
    expect(looks.look({ a: { failures: 1 }, b: fine, c: fine })).toEqual(["-a"]);
    expect(["a", "b", "c"].map((one) => looks.health.isOut(SERVICE, one))).toEqual([true, false, false]);
    expect(looks.health.out()).toEqual([
      {
        ...{ service: SERVICE, backend: "a" },
        why: "3 of its last 3 connections failed: nothing new for 10 s",
      },
    ]);
  });
  test("when it answers and then resets", () => {
    const looks = new Looks("a", "b");
    expect(looks.look({ a: { answered: 4, resets: 4 }, b: fine })).toEqual(["-a"]);
  });
  test("also when nothing is known of the others", () => {
    expect(new Looks("a", "b").look({ a: { failures: 3 } })).toEqual(["-a"]);
  });
});

describe("a backend stays", () => {
  test("that fails now and then", () => {
    const looks = new Looks("a", "b");
    for (let i = 0; i < 20; i++)
      expect(looks.look({ a: { answered: 10, failures: 3 }, b: fine })).toEqual([]);
  });
  test("whose failures lie further apart than the window", () => {
    const looks = new Looks("a", "b");
    for (let i = 0; i < 5; i++) {
      expect(looks.look({ a: { failures: 2 }, b: fine })).toEqual([]);
      for (let quiet = 0; quiet < 5; quiet++) expect(looks.look({})).toEqual([]);
    }
  });
  test("where all fail alike: the fault is on the way", () => {
    const failing = { answered: 1, failures: 9 };
    expect(new Looks("a", "b", "c", "d").look({ a: failing, b: failing, c: failing, d: failing })).toEqual(
      [],
    );
  });
  test("that is the only one", () => {
    expect(new Looks("a").look({ a: { failures: 100 } })).toEqual([]);
  });
});

test("it is tried again after a time that doubles up to five minutes, and is forgiven after five good ones", () => {
  const looks = new Looks("a", "b");
  for (const seconds of [10, 20, 40, 80, 160, 300, 300]) {
    expect(looks.look({ a: { failures: 3 }, b: fine })).toEqual(["-a"]);
    expect(looks.look({ b: fine }, seconds - 2)).toEqual([]);
    expect(looks.look({ b: fine })).toEqual(["+a"]);
  }
  looks.look({ a: fine, b: fine }, 300);
  looks.look({}, 20);
  expect(looks.look({ a: { failures: 30 }, b: fine })).toEqual(["-a"]);
  expect(looks.look({ b: fine }, 10)).toEqual(["+a"]);
});

test("one that goes and comes back under another number begins anew", () => {
  const looks = new Looks("a", "b");
  looks.look({ a: { failures: 3 }, b: fine });
  looks.remove("a");
  looks.look({ b: fine });
  looks.add("a", 9);
  expect(looks.look({ b: fine })).toEqual([]);
  expect(looks.health.isOut(SERVICE, "a")).toBe(false);
});

const happened = fc.record({ answered: fc.nat(20), failures: fc.nat(20), resets: fc.nat(20) });
property.prop([
  fc.integer({ min: 1, max: 7 }),
  fc.array(fc.tuple(fc.array(happened, { minLength: 7, maxLength: 7 }), fc.integer({ min: 1, max: 400 }))),
])(
  "whatever happens, more than half are in use, and who is out comes back within five minutes",
  (count, all) => {
    const names = ["a", "b", "c", "d", "e", "f", "g"].slice(0, count);
    const looks = new Looks(...names);
    const outSince = new Map<string, number>();
    for (const [each, seconds] of all) {
      looks.look(Object.fromEntries(names.map((name, i) => [name, each[i] as Happened])), seconds);
      expect(looks.health.out().length).toBeLessThanOrEqual(Math.floor(count / 2));
      for (const name of names)
        if (!looks.health.isOut(SERVICE, name)) outSince.delete(name);
        else if (!outSince.has(name)) outSince.set(name, looks.nowMs);
        else expect(looks.nowMs - (outSince.get(name) as number)).toBeLessThan(300_000);
    }
  },
);
