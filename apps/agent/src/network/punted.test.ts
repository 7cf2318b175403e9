import { describe, expect, test } from "vitest";
import { type HeldPacket, VNET_HEADER_BYTES } from "./held-packet.ts";
import { Punted } from "./punted.ts";

const PORT = 8472;
const ready = { isReady: () => true };
const OWN = "10.200.0.7";
const puntedBy = (questionOf: (held: HeldPacket) => string) =>
  new Punted({
    ...{ questionOf, isOwn: (address) => address === OWN },
    isOutside: (question) => question.startsWith("10.9."),
  });
/** As the device hands a packet over: a header for segmentation, then IP. */
function packetTo(destination: string, bytes = 40): Uint8Array {
  const packet = new Uint8Array(VNET_HEADER_BYTES + bytes);
  packet[VNET_HEADER_BYTES] = 0x45;
  packet.set(destination.split(".").map(Number), VNET_HEADER_BYTES + 16);
  return packet;
}
function batchOf(...packets: Uint8Array[]): Uint8Array {
  return Buffer.concat(
    packets.map((packet) => {
      const record = Buffer.alloc(8 + Math.ceil(packet.length / 8) * 8);
      record.writeUInt32LE(packet.length, 0);
      record.set(packet, 8);
      return record;
    }),
  );
}

test("packets wait by destination, are put back in order as they came, and counted", () => {
  const punted = puntedBy(({ destination }) => destination);
  const packets = [packetTo("10.1.0.1"), packetTo("10.1.0.2"), packetTo("10.1.0.1", 44)];
  expect(punted.take(batchOf(...packets), PORT, 0)).toEqual(["10.1.0.1", "10.1.0.2"]);
  expect(punted.take(batchOf(packetTo("10.1.0.1", 48)), PORT, 0)).toEqual([]);
  const put: number[] = [];
  punted.release("10.1.0.1", { ...ready, host: null, write: (packet) => put.push(packet.length) > 0 });
  expect(put).toEqual([50, 54, 58]);
  punted.release("10.1.0.2", null);
  expect(punted.counts).toMatchObject({ taken: 4, putBack: 3, absent: 1 });
  expect(punted.addresses()).toEqual([]);
});

test("a packet nobody answered for in time is given up", () => {
  const punted = puntedBy(({ destination }) => destination);
  punted.take(batchOf(packetTo("10.1.0.1")), PORT, 0);
  punted.expire(2999);
  expect(punted.counts.late).toBe(0);
  punted.expire(3000);
  expect(punted.counts.late).toBe(1);
});

test("a flood is bounded, and what has no room is counted", () => {
  const punted = puntedBy(({ destination }) => destination);
  punted.take(batchOf(...Array.from({ length: 1500 }, () => packetTo("10.1.0.1"))), PORT, 0);
  expect(punted.counts).toMatchObject({ taken: 1500, overflowed: 476 });
  punted.release("10.1.0.1", { ...ready, host: null, write: () => true });
  expect(punted.take(batchOf(packetTo("10.1.0.1")), PORT, 0)).toEqual(["10.1.0.1"]);
});

test("a flood of what outsiders bring leaves pods' packets their room", () => {
  const punted = puntedBy(({ destination }) => destination);
  punted.take(
    batchOf(...Array.from({ length: 600 }, (_, i) => packetTo(`10.9.${i >> 8}.${i & 255}`))),
    PORT,
    0,
  );
  expect(punted.counts.overflowed).toBe(88);
  expect(punted.take(batchOf(packetTo("10.1.0.1")), PORT, 0)).toEqual(["10.1.0.1"]);
  punted.expire(3000);
  punted.take(batchOf(packetTo("10.9.0.1")), PORT, 3000);
  expect(punted.counts.overflowed).toBe(88);
});

test("what is no IP packet, or no whole one, is counted and dropped", () => {
  const punted = puntedBy(({ destination }) => destination);
  expect(punted.take(batchOf(new Uint8Array(3), packetTo("10.1.0.1").subarray(0, 25)), PORT, 0)).toEqual([]);
  expect(punted.counts.failed).toBe(2);
});

test("a packet the device doesn't take is counted as failed", () => {
  const punted = puntedBy(({ destination }) => destination);
  punted.take(batchOf(packetTo("10.1.0.1")), PORT, 0);
  punted.release("10.1.0.1", { ...ready, host: null, write: () => false });
  expect(punted.counts).toMatchObject({ putBack: 0, failed: 1 });
});

test("of a packet to a pod here the sender is asked about, and who can't be judged yet waits on", () => {
  const punted = puntedBy(({ source }) => source);
  const packet = packetTo("10.1.0.1");
  packet.set([10, 2, 0, 7], VNET_HEADER_BYTES + 12);
  expect(punted.take(batchOf(packet), PORT, 0)).toEqual(["10.2.0.7"]);
  const seen: string[] = [];
  const at = { host: null, write: () => true };
  punted.release("10.2.0.7", {
    ...at,
    isReady: ({ source, destination }) => seen.push(`${source} ${destination}`) < 0,
  });
  expect([seen, punted.addresses()]).toEqual([["10.2.0.7 10.1.0.1"], ["10.2.0.7"]]);
  punted.expire(2999);
  punted.release("10.2.0.7", { ...at, ...ready });
  expect(punted.counts).toMatchObject({ taken: 1, putBack: 1, late: 0 });
  punted.take(batchOf(packet), PORT, 0);
  punted.release("10.2.0.7", { ...at, isReady: () => false });
  punted.expire(3000);
  expect(punted.counts.late).toBe(1);
});

describe("a tunnel of a host that isn't known", () => {
  /** From a host on the underlay, with a packet of one pod to another inside. */
  function tunnelled(host: string, from: string, to: string, pendingChecksum = false): Uint8Array {
    const inner = packetTo(to);
    inner.set(from.split(".").map(Number), VNET_HEADER_BYTES + 12);
    const packet = new Uint8Array(inner.length + 50);
    packet.set(inner.subarray(VNET_HEADER_BYTES), VNET_HEADER_BYTES + 50);
    packet[VNET_HEADER_BYTES] = 0x45;
    packet[VNET_HEADER_BYTES + 9] = 17;
    packet.set(host.split(".").map(Number), VNET_HEADER_BYTES + 12);
    packet.set([PORT >> 8, PORT & 255], VNET_HEADER_BYTES + 22);
    if (pendingChecksum) packet.set([1, 0, 90, 0, 0, 0, 70, 0, 16, 0]);
    return packet;
  }

  test("is put back without its outer headers", () => {
    const punted = puntedBy(({ source }) => source);
    const packet = tunnelled("10.200.0.1", "10.201.0.5", "10.201.1.6", true);
    expect(punted.take(batchOf(packet), PORT, 0)).toEqual(["10.201.0.5"]);
    const put: Uint8Array[] = [];
    punted.release("10.201.0.5", { ...ready, host: "10.200.0.1", write: (bytes) => put.push(bytes) > 0 });
    const [back] = put as [Uint8Array];
    expect(back).toHaveLength(VNET_HEADER_BYTES + 40);
    expect([...back.subarray(VNET_HEADER_BYTES + 16, VNET_HEADER_BYTES + 20)]).toEqual([10, 201, 1, 6]);
    expect([...back.subarray(0, VNET_HEADER_BYTES)]).toEqual([1, 0, 40, 0, 0, 0, 20, 0, 16, 0]);
  });

  test("for a node port is asked about itself, and put back as it came: only the tunnel says which port that was", () => {
    const punted = puntedBy(({ isRelayed, tunnelFrom }) => `${isRelayed} ${tunnelFrom}`);
    const packet = tunnelled("10.200.0.1", "192.0.2.1", "10.201.1.6", true);
    packet[VNET_HEADER_BYTES + 28] = 0x09;
    expect(punted.take(batchOf(packet), PORT, 0)).toEqual(["true 10.200.0.1"]);
    const put: Uint8Array[] = [];
    const write = (bytes: Uint8Array) => put.push(bytes) > 0;
    punted.release("true 10.200.0.1", { ...ready, host: "10.200.0.1", write });
    expect(put).toEqual([packet]);
  });

  test("with an answer that goes out from this host's own address is asked about itself, too", () => {
    const punted = puntedBy(({ isRelayed, tunnelFrom }) => `${isRelayed} ${tunnelFrom}`);
    expect(punted.take(batchOf(tunnelled("10.200.0.1", OWN, "192.0.2.1")), PORT, 0)).toEqual([
      "true 10.200.0.1",
    ]);
  });

  test("that speaks for a pod of another host goes nowhere, and is counted", () => {
    const punted = puntedBy(({ source }) => source);
    punted.take(batchOf(tunnelled("10.200.0.9", "10.201.0.5", "10.201.1.6")), PORT, 0);
    punted.release("10.201.0.5", { ...ready, host: "10.200.0.1", write: () => true });
    expect(punted.counts).toMatchObject({ putBack: 0, forged: 1 });
  });
});
