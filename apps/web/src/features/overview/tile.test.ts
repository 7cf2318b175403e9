import { expect, test } from "vitest";
import { changeText } from "./tile.tsx";

test("a change is told by sign and size, and only where there is something to compare", () => {
  expect(changeText(150, 100)).toEqual({ text: "▴ 50 %", up: true });
  expect(changeText(50, 100)).toEqual({ text: "▾ 50 %", up: false });
  expect(changeText(100.1, 100)?.text).toBe("as before");
  expect(changeText(5000, 100)?.text).toBe("▴ ×10 or more");
  expect(changeText(5, 0)).toBeNull();
  expect(changeText(null, 5)).toBeNull();
});
