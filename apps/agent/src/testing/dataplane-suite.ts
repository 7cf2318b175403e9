/**
 * What the agent relies on of any dataplane, fake or real, as one suite: so that tests over the fake say
 * something about the kernel. Tests only.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { describe, expect, test } from "vitest";
import type { Dataplane, TableBytes } from "../dataplane/dataplane.ts";
import { INGRESS, readTotals } from "../telemetry/endpoint-baseline.ts";
import { FlowTable, RECORD } from "../telemetry/flow-table.ts";
import { until } from "./temporary.ts";

export type Stage = {
  /** A new life over the same kernel; the one before has been closed or killed. */
  open: () => Dataplane;
  point: { cookie: bigint; ifindex: number; netns: string; endpointId: number };
  /** Sends so many packets out of the interface, each answered, all of one flow. */
  exchange: (packets: number) => void;
};
const EVERYTHING = 0xffff_ffff_ffff_ffffn;

export function describeDataplane(
  name: string,
  onStage: (run: (stage: Stage) => Promise<void>) => Promise<void>,
) {
  const total = (plane: Dataplane): number => {
    const { count, values, cpus, stride } = plane.readEndpoints();
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    if (count === 0) return 0;
    const totals = readTotals(view, 0, cpus, stride);
    return (totals[0] as number) + (totals[INGRESS] as number);
  };
  const retiredPackets = (plane: Dataplane): number => {
    const { values, cpus, stride } = plane.readEndpoints();
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    const totals = readTotals(view, 0, cpus, stride);
    const at = EndpointClass.FLOW_RETIRED * 3;
    return (totals[at] as number) + (totals[INGRESS + at] as number);
  };
  const flowPackets = (plane: Dataplane): number => {
    const table = new FlowTable(plane.readFlows());
    let sum = 0;
    for (let i = 0; i < table.count; i++) sum += table.counter(i, 0) + table.counter(i, 3);
    return sum;
  };
  const begin = (stage: Stage) => {
    const plane = stage.open();
    const { generation } = plane.start(undefined);
    plane.attach(stage.point);
    return { plane, generation };
  };

  describe(name, () => {
    test("counts from the attach to the detach, and an attach that is repeated changes nothing", () =>
      onStage(async (stage) => {
        const { plane } = begin(stage);
        stage.exchange(3);
        plane.attach(stage.point);
        stage.exchange(2);
        expect(total(plane)).toBe(10);
        expect(flowPackets(plane)).toBe(10);
        plane.detach(stage.point);
        stage.exchange(4);
        expect(total(plane)).toBe(10);
        plane.forget(stage.point);
        expect(plane.readEndpoints().count).toBe(0);
        await plane.close({ remove: true });
      }));

    test("goes on counting while nobody runs, and the next life adopts what was counted", () =>
      onStage(async (stage) => {
        const { plane, generation } = begin(stage);
        plane.markReported();
        stage.exchange(2);
        await plane.close({ remove: false });
        stage.exchange(3);
        const next = stage.open();
        expect(next.start(generation)).toEqual({ generation, adopted: true });
        expect(next.endpoints()).toMatchObject([
          { cookie: stage.point.cookie, endpointId: stage.point.endpointId },
        ]);
        next.attach(stage.point);
        stage.exchange(1);
        expect(total(next)).toBe(12);
        expect(flowPackets(next)).toBe(12);
        await next.close({ remove: true });
      }));

    test("what was reported to somebody's baselines is of no use without them; what never was is adopted", () =>
      onStage(async (stage) => {
        const first = begin(stage);
        stage.exchange(2);
        await first.plane.close({ remove: false });
        const second = stage.open();
        expect(second.start(undefined)).toEqual({ generation: first.generation, adopted: true });
        second.markReported();
        await second.close({ remove: false });
        const third = stage.open();
        expect(third.start(undefined).adopted).toBe(false);
        expect(third.readFlows().count).toBe(0);
        expect(third.endpoints()).toEqual([]);
        await third.close({ remove: true });
      }));

    test("retires what is quiet and no other; packets of a retired flow are counted apart until it is deleted", () =>
      onStage(async (stage) => {
        const { plane } = begin(stage);
        stage.exchange(2);
        const before = 1n; // of a machine that has just been booted, too
        const keys = Buffer.from(plane.readFlows().keys.subarray(0, 44));
        expect(plane.retireFlows(keys, 1, before)).toBe(0);
        expect(plane.retireFlows(keys, 1, EVERYTHING)).toBe(1);
        plane.barrier();
        stage.exchange(3);
        const table = new FlowTable(plane.readFlows());
        expect([table.count, table.record(0, RECORD.lifecycle)]).toEqual([1, 1]);
        expect(flowPackets(plane)).toBe(4);
        expect(retiredPackets(plane)).toBe(6);
        plane.deleteFlows(keys, 1);
        stage.exchange(1);
        expect(flowPackets(plane)).toBe(2);
        expect(total(plane)).toBe(12);
        await plane.close({ remove: true });
      }));

    test("hands out a flow that moved once until it changes, whichever way it is asked for", () =>
      onStage(async (stage) => {
        const { plane } = begin(stage);
        const packetsOf = (tables: Iterable<TableBytes>): number[] =>
          [...tables].flatMap((bytes) => {
            const table = new FlowTable({ ...bytes, keys: bytes.keys.slice(), values: bytes.values.slice() });
            return Array.from({ length: table.count }, (_, i) => table.counter(i, 0) + table.counter(i, 3));
          });
        stage.exchange(2);
        const keys = Buffer.from(plane.readFlows().keys.subarray(0, 44));
        expect(packetsOf(plane.scanFlows())).toEqual([4]);
        expect(packetsOf(plane.changedFlows(keys, 1))).toEqual([]);
        expect(packetsOf(plane.scanFlows())).toEqual([]);
        stage.exchange(1);
        await until("it is told of", () => {
          const moved = packetsOf(plane.movedFlows());
          return moved.length > 0 && moved[0] === 6;
        });
        expect(packetsOf(plane.changedFlows(keys, 1))).toEqual([]);
        plane.retireFlows(keys, 1, EVERYTHING);
        expect(packetsOf(plane.changedFlows(keys, 1))).toEqual([6]);
        expect(plane.missedMoves()).toBe(false);
        await plane.close({ remove: true });
      }));

    test("knows a namespace by its cookie and its interfaces' own counters", () =>
      onStage(async (stage) => {
        const { plane } = begin(stage);
        expect(plane.netnsCookie(stage.point.netns)).toBe(stage.point.cookie);
        const own = () =>
          plane.interfaces(stage.point.netns).find(({ ifindex }) => ifindex === stage.point.ifindex);
        const before = own()?.stats.tx_packets ?? 0n;
        stage.exchange(5);
        expect((own()?.stats.tx_packets ?? 0n) - before).toBe(5n);
        await plane.close({ remove: true });
      }));
  });
}
