/*
 * Headers at random for the differential test: of IP with tags, options, fragments and extensions, and what TCP's segments say.
 */
import { addressOf } from "./model/bytes.ts";
import { PROTO, packet, type TcpFlags } from "./packet-builder.ts";
import { addressIn, POD_P, POD_Q, type Random } from "./random-world.ts";

export const plainIp = (family: 4 | 6, from: string, to: string) =>
  family === 4 ? packet().ethernet().ip4(from, to) : packet().ethernet().ip6(from, to);

export function anyIp(random: Random, family: 4 | 6, from: string, to: string) {
  let built = packet().ethernet();
  if (random.may(4)) built = built.vlan(random.below(3), random.one(["vlan", "qinq"] as const));
  if (random.may(1)) built = built.vlan(5);
  const isFragment = random.may(8);
  const [id, later, proto] = [
    random.below(3),
    random.may(50),
    random.one([PROTO.udp, PROTO.tcp, PROTO.icmp]),
  ];
  if (family === 4) {
    const options = random.may(5) ? { options: random.one([4, 12, 28, 40]) } : {};
    if (!isFragment) return built.ip4(from, to, { ...options, id, ...(random.may(3) ? { proto: 47 } : {}) });
    if (later) return built.ip4(from, to, { ...options, id, fragmentOffset: 64, proto });
    return built.ip4(from, to, { ...options, id, moreFragments: true });
  }
  let six = built.ip6(from, to, isFragment ? { next: PROTO.fragment } : {});
  if (isFragment) return later ? six.fragment6(id, 64, random.may(50), proto) : six.fragment6(id, 0, true);
  if (random.may(5)) six = six.extension(random.one([0, 43, 60] as const), random.below(3) + 1);
  if (random.may(1)) for (let n = 0; n < 9; n++) six = six.extension(60);
  return random.may(2) ? six.auth() : random.may(2) ? six.fragment6(id, 0, false) : six;
}

export function anyFlags(random: Random, isOut: boolean): TcpFlags {
  const seq = random.below(3);
  return random.one<TcpFlags>([
    { ack: true },
    { ack: true },
    { ack: true, psh: true },
    { ack: true },
    isOut ? { syn: true, seq } : { syn: true, ack: true, ackSeq: seq + 1 },
    random.may(30) ? { syn: true, seq } : { ack: true },
    random.may(50) ? { fin: true, ack: true } : { ack: true },
    random.may(30) ? { rst: true, ack: random.may(50) } : {},
  ]);
}

export const isIp = (frame: Buffer): boolean => [0x0800, 0x86dd].includes(frame.readUInt16BE(12));

/** By the address that it was sent to. */
export function isToPod(frame: Buffer): boolean {
  const to = frame.readUInt16BE(12) === 0x0800 ? frame.subarray(30, 34) : frame.subarray(38, 54);
  return (
    isIp(frame) &&
    [POD_P, POD_Q].some((pod) => [addressIn(pod[4]), addressIn(pod[6])].includes(addressOf(to)))
  );
}
