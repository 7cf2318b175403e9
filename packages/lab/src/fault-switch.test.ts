/** Switching faults, with pods that aren't there. */
import { afterEach, expect, test } from "vitest";
import { FAULT_NAMES } from "./fault.ts";
import { FaultSwitch } from "./fault-switch.ts";
import type { Pods } from "./pods.ts";
import type { ShopSettings } from "./settings.ts";

let written: Partial<ShopSettings>[];
let disk: "writable" | "full";
const pods = { all: () => [], get: () => ({ plan: {} }) } as unknown as Pods;

function faultSwitch(): FaultSwitch {
  written = [];
  disk = "writable";
  const faults = new FaultSwitch(pods, async (change) => {
    if (disk === "full") throw new Error("ENOSPC");
    written.push(change);
  });
  made.push(faults);
  return faults;
}
const made: FaultSwitch[] = [];
afterEach(async () => {
  disk = "writable";
  for (const faults of made.splice(0)) await faults.allOff();
});
const on = (faults: FaultSwitch) => FAULT_NAMES.filter((name) => faults.isOn(name));

test("a fault is switched once however often it is asked for, in the order asked", async () => {
  const faults = faultSwitch();
  const asked = [true, true, false, false, true].map((state) => faults.set("slow-service", state));
  await Promise.all(asked);
  expect(written).toEqual([{ paymentsDelayMs: 400 }, { paymentsDelayMs: 0 }, { paymentsDelayMs: 400 }]);
  expect(on(faults)).toEqual(["slow-service"]);
});

test("a fault that can't be taken back stays on and keeps no other on", async () => {
  const faults = faultSwitch();
  await faults.set("refused-port", true);
  await faults.set("crash-loop", true);
  disk = "full";
  await expect(faults.allOff()).rejects.toThrow("ENOSPC");
  expect(on(faults)).toEqual(["refused-port"]);
  disk = "writable";
  await faults.allOff();
  expect(on(faults)).toEqual([]);
});
