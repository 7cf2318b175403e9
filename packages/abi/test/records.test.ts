/*
 * What holds for every generated record, found by their names: decode and encode undo each other, and no
 * bytes whatever make a decoder throw.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import * as config from "../src/generated/config.ts";
import * as endpoint from "../src/generated/endpoint.ts";
import * as event from "../src/generated/event.ts";
import * as flow from "../src/generated/flow.ts";
import * as socket from "../src/generated/socket.ts";
import * as trace from "../src/generated/trace.ts";

type Decode = (view: DataView, at?: number) => object | undefined;
type Encode = (value: object, view: DataView, at?: number) => void;

interface RecordType {
  name: string;
  size: number;
  decode: Decode;
  encode: Encode;
}

const RECORDS = [config, endpoint, event, flow, socket, trace].flatMap(recordsOf);

function recordsOf(module: object): RecordType[] {
  const members = module as Record<string, unknown>;
  return Object.keys(members)
    .filter((key) => key.startsWith("decode"))
    .map((key) => {
      const name = key.slice("decode".length);
      const constant = name.replace(/(?<=.)([A-Z])/g, "_$1").toUpperCase();
      return {
        name,
        size: members[`${constant}_SIZE`] as number,
        decode: members[key] as Decode,
        encode: members[`encode${name}`] as Encode,
      };
    });
}

test("every shared struct has a record here", () => {
  expect(RECORDS.length).toBeGreaterThanOrEqual(20);
  for (const { name, size } of RECORDS) expect(size, name).toBeGreaterThan(0);
});

describe.each(RECORDS)("$name", ({ size, decode, encode }) => {
  // 45 KB of random bytes a run would make this suite slow for no gain.
  const numRuns = size > 4096 ? 5 : 100;

  test.prop([fc.uint8Array({ minLength: size, maxLength: size })], { numRuns })(
    "what is decoded encodes to bytes that decode to the same",
    (bytes) => {
      const value = decode(new DataView(bytes.buffer)) as object;
      const again = new DataView(new ArrayBuffer(size));
      encode(value, again);
      expect(decode(again)).toEqual(value);
    },
  );

  test.prop([fc.integer({ min: 0, max: size - 1 }), fc.integer({ min: -3, max: 3 })], { numRuns })(
    "too few bytes, or a place outside of them, decode to undefined",
    (length, at) => {
      expect(decode(new DataView(new ArrayBuffer(length)), at)).toBeUndefined();
    },
  );

  test.prop([fc.uint8Array({ minLength: size + 1, maxLength: size + 64 })], { numRuns })(
    "a record may lie anywhere in longer bytes",
    (bytes) => {
      const at = bytes.length - size;
      const alone = bytes.slice(at);
      expect(decode(new DataView(bytes.buffer), at)).toEqual(decode(new DataView(alone.buffer)));
    },
  );

  test.prop([fc.integer({ min: 0, max: size - 1 })], { numRuns })(
    "encoding into too little room throws, and writes nothing beyond it",
    (room) => {
      const value = decode(new DataView(new ArrayBuffer(size))) as object;
      expect(() => encode(value, new DataView(new ArrayBuffer(room)))).toThrow(RangeError);
    },
  );
});

test("decoded bytes are a copy: the reader may reuse its buffer", () => {
  const bytes = new Uint8Array(flow.FLOW_KEY_SIZE);
  const key = flow.decodeFlowKey(new DataView(bytes.buffer));
  bytes.fill(9);
  expect(key?.saddr).toEqual(new Uint8Array(16));
});

test("ports are host numbers of network-order bytes", () => {
  const view = new DataView(new ArrayBuffer(flow.FLOW_KEY_SIZE));
  view.setUint8(flow.FLOW_KEY_OFFSETS.dport, 1);
  view.setUint8(flow.FLOW_KEY_OFFSETS.dport + 1, 0xbb);
  expect(flow.decodeFlowKey(view)?.dport).toBe(443);
});

test("encoding zeroes the padding, and refuses bytes that are too long for their field", () => {
  const view = new DataView(new Uint8Array(endpoint.ENDPOINT_KEY_SIZE).fill(0xff).buffer);
  endpoint.encodeEndpointKey({ netnsCookie: 1n, ifindex: 2 }, view);
  expect([...new Uint8Array(view.buffer)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
  const key = flow.readFlowKey(new DataView(new ArrayBuffer(flow.FLOW_KEY_SIZE)), 0);
  const room = new DataView(new ArrayBuffer(flow.FLOW_KEY_SIZE));
  expect(() => flow.encodeFlowKey({ ...key, saddr: new Uint8Array(17) }, room)).toThrow(RangeError);
});
