import { expect, test } from "vitest";
import { gate } from "../testing/fake-attachments.ts";
import { Turns } from "./turns.ts";

test("work of one key is done in the order it came, one at a time; another key's doesn't wait", async () => {
  const turns = new Turns(10);
  const said: string[] = [];
  const first = gate();
  const work = [
    turns.take("a", async () => {
      await first.closed;
      said.push("a1");
    }),
    turns.take("a", async () => void said.push("a2")),
  ];
  await turns.take("b", async () => void said.push("b"));
  expect(said).toEqual(["b"]);
  first.open();
  await Promise.all(work);
  expect(said).toEqual(["b", "a1", "a2"]);
});

test("work that fails fails for who asked for it, and the next has its turn", async () => {
  const turns = new Turns(10);
  const failing = turns.take("a", () => Promise.reject(new Error("no")));
  const next = turns.take("a", () => Promise.resolve(7));
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe(7);
});

test("it is full when as much waits as may, and not once that is done", async () => {
  const turns = new Turns(2);
  const { closed, open } = gate();
  const work = [turns.take("a", () => closed), turns.take("a", () => closed)];
  expect(turns.full).toBe(true);
  open();
  await Promise.all(work);
  await turns.take("a", () => Promise.resolve());
  expect(turns.full).toBe(false);
});
