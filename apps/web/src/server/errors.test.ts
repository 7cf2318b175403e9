import { AppError } from "@millrace/contract/error";
import { describe, expect, test } from "vitest";
import { isDatabaseAway, wrapped } from "./errors.ts";

const coded = (code: string) => Object.assign(new Error("x"), { code });

describe("the database is away", () => {
  test.each(["ECONNREFUSED", "ECONNRESET", "57P01", "57P03", "53300", "08006", "40P01", "55P03"])(
    "on %s",
    (code) => {
      expect(isDatabaseAway(coded(code))).toBe(true);
      expect(isDatabaseAway(new Error("a call", { cause: coded(code) }))).toBe(true);
    },
  );
  test("when no address of its name answers, and when pg lost the connection", () => {
    expect(isDatabaseAway(new AggregateError([coded("ECONNREFUSED")]))).toBe(true);
    expect(isDatabaseAway(new Error("Connection terminated unexpectedly"))).toBe(true);
  });
  test("whether pg or Prisma says so", () => {
    const raw = (originalCode: string) =>
      Object.assign(coded("P2010"), { meta: { driverAdapterError: { cause: { originalCode } } } });
    expect(isDatabaseAway(coded("P1001"))).toBe(true);
    expect(isDatabaseAway(raw("57P01"))).toBe(true);
    expect(isDatabaseAway(raw("42601"))).toBe(false);
    expect(isDatabaseAway(coded("P2002"))).toBe(false);
  });
  test("but not on a broken statement, a refused value, or anything else", () => {
    for (const error of [coded("42601"), coded("22P02"), coded("23505"), new Error("x"), "x", null])
      expect(isDatabaseAway(error)).toBe(false);
  });
});

test("an error keeps its code through the layers, and says what was attempted at each", () => {
  const inner = new AppError("CONFLICT", "it is there", { publicMessage: "There is one already" });
  const outer = wrapped("agent.enrol", inner);
  expect(outer).toMatchObject({ code: "CONFLICT", message: "agent.enrol: it is there", cause: inner });
  expect(outer.publicMessage).toBe("There is one already");
  expect(wrapped("x", coded("57P01")).code).toBe("UNAVAILABLE");
  expect(wrapped("x", new Error("a bug")).code).toBe("INTERNAL");
  expect(wrapped("x", new Error("secret detail")).publicMessage).not.toMatch(/secret/);
});
