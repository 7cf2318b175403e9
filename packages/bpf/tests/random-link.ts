/*
 * What a pod asks its link, for the differential test, and what is no packet at all.
 */
import { checksummed } from "./checksums.ts";
import { packet } from "./packet-builder.ts";
import type { Random } from "./random-world.ts";

export function arpQuestion(random: Random): Buffer {
  const frame = Buffer.from(packet().ethernet().arp().bytes());
  frame.writeUInt16BE(1, 14);
  frame.writeUInt16BE(0x0800, 16);
  frame.set([6, 4], 18);
  frame.writeUInt16BE(random.one([1, 1, 1, 2]), 20);
  frame.fill(2, 22, 28);
  frame.set([10, 201, 1, random.one([7, 8, 0])], 28);
  frame.set(
    random.one([
      [169, 254, 1, 1],
      [10, 201, 1, 7],
      [10, 201, 1, 8],
    ]),
    38,
  );
  if (random.may(10)) frame.fill(0, 28, 32);
  return frame;
}

export function solicitation(random: Random, froms: readonly string[]): Buffer {
  const message = Buffer.alloc(random.may(85) ? 24 : 16);
  message.set([0xfe, 0x80], 0);
  message[15] = 1;
  message.set([1, 1, 2, 2, 2, 2, 2, 2].slice(0, message.length - 16), 16);
  const from = random.one(froms);
  const to = random.one(["ff02::1:ff00:1", "fe80::1"]);
  const asking = packet()
    .ethernet()
    .ip6(from, to)
    .icmp6(random.one([135, 135, 135, 136, 133, 143]));
  const frame = checksummed(asking.raw(message).bytes());
  if (random.may(85)) frame[21] = 255;
  return frame;
}

export function noise(random: Random): Buffer {
  const head = packet()
    .ethernet(random.one([0x0800, 0x86dd, 0x88cc, 0x8100]))
    .bytes();
  const bytes = Buffer.from(Array.from({ length: 40 + random.below(60) }, () => random.below(256)));
  return Buffer.concat([head, bytes]);
}
