import { expect, test } from "vitest";
import { nodePortAddress } from "./node-port.ts";
import { Questions } from "./questions.ts";

const ports = Array.from({ length: 200 }, (_, i) =>
  nodePortAddress({ family: 4, protocol: 6, port: 30_000 + i }),
);

test("whoever scans the ports keeps no pod waiting, and only so many are asked for", () => {
  const questions = new Questions();
  expect(ports.filter((port) => questions.add(port))).toEqual(ports.slice(0, 128));
  expect(questions.add("10.210.0.4")).toBe(true);
  expect(questions.next(16)).toEqual(["10.210.0.4"]);
  questions.answered(["10.210.0.4"]);
  expect(questions.next(16)).toEqual(ports.slice(0, 16));
  questions.answered(ports.slice(0, 16));
  expect([questions.size, questions.has(ports[0] as string), questions.has(ports[16] as string)]).toEqual([
    ...[112, false, true],
  ]);
});
