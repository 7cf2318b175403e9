import { DropClass } from "@millrace/abi/generated/event";
import { expect, test } from "vitest";
import { DropReasons } from "./drop-reasons.ts";

const REASONS = new DropReasons([
  { name: "SKB_DROP_REASON_NOT_SPECIFIED", value: 2n },
  { name: "SKB_DROP_REASON_NO_SOCKET", value: 3n },
  { name: "SKB_DROP_REASON_TCP_OLD_DATA", value: 30n },
]);
const RANGE = { name: "tbf_enqueue", start: 100n, end: 200n };

test("a reason that says too little is judged by the place that gave it, as this kernel numbers and places them", () => {
  const { reasons, places } = REASONS.classes(() => [RANGE]);
  expect(places).toEqual([{ start: 100n, end: 200n, reason: 2, dropClass: DropClass.ORDINARY }]);
  expect(reasons).toEqual([
    { reason: 2, class: DropClass.BY_PLACE },
    { reason: 3, class: DropClass.LOSS },
    { reason: 30, class: DropClass.ORDINARY },
  ]);
});

test("where addresses are hidden, such a reason is a loss everywhere", () => {
  const { reasons, places } = REASONS.classes(() => []);
  expect(places).toEqual([]);
  expect(reasons[0]).toEqual({ reason: 2, class: DropClass.LOSS });
});

test("more places than the kernel's table takes are left out, not written beyond it", () => {
  const many = Array.from({ length: 40 }, () => RANGE);
  expect(REASONS.classes(() => many).places).toHaveLength(16);
});
