import { describe, expect, test } from "vitest";
import { Cadence } from "./cadence.ts";

describe("when counters are read", () => {
  test("every interval when nothing opens, however long reading takes", () => {
    const cadence = new Cadence(1000);
    expect(cadence.read(5000, 5040)).toBe(960);
    expect(cadence.read(6000, 7500)).toBe(0);
  });

  test("a flow that opens is read at once after a quiet time, else a fifth of a second after the last reading", () => {
    const cadence = new Cadence(1000);
    cadence.read(5000, 5002);
    expect(cadence.opened(5900, 0)).toBe(0);
    expect(cadence.opened(5050, 0)).toBe(150);
  });

  test("early readings take a small share of the time, and none comes while the server is behind", () => {
    const cadence = new Cadence(1000);
    cadence.read(5000, 5012);
    expect(cadence.opened(5100, 0)).toBe(300);
    expect(cadence.opened(5100, 2)).toBe(900);
    cadence.read(7000, 7400);
    expect(cadence.opened(7400, 0)).toBe(600);
  });

  test("an interval shorter than that stays the interval", () => {
    const cadence = new Cadence(100);
    cadence.read(5000, 5001);
    expect(cadence.opened(5010, 0)).toBe(90);
  });
});
