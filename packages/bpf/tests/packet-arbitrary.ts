/*
 * Frames at random for properties of the hooks: TCP, UDP, ICMP, fragments, tags, noise, over few addresses and
 * ports so that flows meet again. What a test run refuses to take is left out.
 */
import { fc } from "@fast-check/vitest";
import { viewOf } from "./observer.ts";
import { packet } from "./packet-builder.ts";

const HOSTS = ["10.1.0.1", "10.1.0.2", "10.1.0.3"];
const HOSTS6 = ["fd00::1", "fd00::2"];

const flags = fc.record({
  syn: fc.boolean(),
  ack: fc.boolean(),
  fin: fc.boolean(),
  rst: fc.boolean(),
  seq: fc.integer({ min: 0, max: 3 }),
});
const pair = fc.tuple(fc.constantFrom(...HOSTS), fc.constantFrom(...HOSTS));
const pair6 = fc.tuple(fc.constantFrom(...HOSTS6), fc.constantFrom(...HOSTS6));
const port = fc.integer({ min: 1, max: 6 });
const size = fc.integer({ min: 0, max: 64 });
const eth = () => packet().ethernet();

const anything: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .tuple(pair, port, port, flags, size)
    .map(([[a, b], p, q, f, n]) => eth().ip4(a, b).tcp(p, q, f).payload(n).bytes()),
  fc.tuple(pair, port, port, size).map(([[a, b], p, q, n]) => eth().ip4(a, b).udp(p, q).payload(n).bytes()),
  fc
    .tuple(pair6, port, port, size)
    .map(([[a, b], p, q, n]) => eth().ip6(a, b).extension(0).udp(p, q).payload(n).bytes()),
  fc.tuple(pair, port).map(([[a, b], id]) => eth().ip4(a, b).icmp(8, 0, id).bytes()),
  fc
    .tuple(pair, port, fc.boolean())
    .map(([[a, b], id, first]) =>
      first
        ? eth().ip4(a, b, { id, moreFragments: true }).udp(1, 2).payload(8).bytes()
        : eth().ip4(a, b, { id, fragmentOffset: 16, proto: 17 }).payload(8).bytes(),
    ),
  fc.constant(eth().arp().bytes()),
  fc.uint8Array({ minLength: 15, maxLength: 120 }),
  fc
    .tuple(fc.constantFrom(0x0800, 0x86dd, 0x8100), fc.uint8Array({ minLength: 1, maxLength: 120 }))
    .map(([type, noise]) =>
      Uint8Array.from([...eth().vlan(1).bytes().slice(0, 12), type >> 8, type & 255, ...noise]),
    ),
);

/** A test run refuses IP frames without a whole IP header; truncation.kernel.test.ts has all of those. */
function runnable(frame: Uint8Array): boolean {
  return frame.length >= 54 || ![0x0800, 0x86dd].includes(viewOf(frame).getUint16(12));
}

export const frames: fc.Arbitrary<Uint8Array> = anything.filter(runnable);
