/*
 * Whether a pod's books balance: its flows and classes against its total, and that against what its own interface counts.
 */
import { expect } from "vitest";
import type { TestHost, TestPod } from "./forwarder.ts";
import { booksOf } from "./sums.ts";
import { settled } from "./waiting.ts";

/** Once its counters stand still. */
export async function expectBooksBalance(host: TestHost, pod: TestPod): Promise<void> {
  for (const { accounted, total, device } of await settled("the pod's counters", () => booksOf(host, pod))) {
    expect(accounted).toEqual(total);
    expect({ packets: total.packets, bytes: total.bytes }).toEqual(device);
  }
}
