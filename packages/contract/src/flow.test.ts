import { expect, test } from "vitest";
import { Snapshot } from "./flow.ts";

test("a snapshot is what Postgres prints of one, and nothing it would refuse to read", () => {
  for (const good of ["10:20:", "10:20:10,12,19", "3:3:", "745:998877665544332211:745"])
    expect(Snapshot.safeParse(good).success, good).toBe(true);
  for (const bad of [
    ...["", "5:3:", "0:3:", "1:5:9,8", "10:20:15,12", "10:20:12,12", "10:20:20", "10:20:9"],
    ...["1:2", "1:2:,", "1:2:3,", "a:b:", "99999999999999999999:99999999999999999999:", "1:2:\0"],
  ])
    expect(Snapshot.safeParse(bad).success, bad).toBe(false);
});
