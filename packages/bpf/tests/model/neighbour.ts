/*
 * A pod's questions for link addresses (RFC 826, RFC 4861): the host's end of its link answers each with its own.
 */
import { checksumOf, isUnspecified } from "./bytes.ts";
import { ICMP6, LINK_BYTES, type Packet } from "./parse.ts";
import type { Pod } from "./world.ts";

const [SOLICITATION, ADVERTISEMENT] = [135, 136] as const;
const MESSAGE_BYTES = 32; // with the option that says who asks

/** Undefined: it is no question, or one that nobody may answer: who announces or checks an address of its own. */
export function answerArp(pod: Pod, frame: Buffer): Buffer | undefined {
  if (frame.length < 42 || frame.readUInt16BE(12) !== 0x0806) return undefined;
  const arp = frame.subarray(LINK_BYTES, 42);
  const isQuestion =
    arp.readUInt16BE(2) === 0x0800 && arp[4] === 6 && arp[5] === 4 && arp.readUInt16BE(6) === 1;
  const [sender, target] = [arp.subarray(14, 18), arp.subarray(24, 28)];
  if (!isQuestion || sender.equals(target) || sender.equals(Buffer.alloc(4))) return undefined;
  const answer = Buffer.from(frame);
  const asker = arp.subarray(8, 14);
  answer.set(asker, 0);
  answer.set(pod.linkAddress, 6);
  answer.writeUInt16BE(2, LINK_BYTES + 6);
  answer.set(pod.linkAddress, LINK_BYTES + 8);
  answer.set(target, LINK_BYTES + 14);
  answer.set(asker, LINK_BYTES + 18);
  answer.set(sender, LINK_BYTES + 24);
  return answer;
}

export function answerSolicitation(pod: Pod, frame: Buffer, packet: Packet): Buffer | undefined {
  const at = LINK_BYTES + 40;
  const isSolicitation = packet.proto === ICMP6 && packet.dport === SOLICITATION << 8 && packet.family === 6;
  const isPlain = packet.ipAt === LINK_BYTES && packet.transportAt === at && !packet.fragment;
  if (!isSolicitation || !isPlain || packet.end < at + MESSAGE_BYTES) return undefined;
  if (frame[LINK_BYTES + 7] !== 255 || isUnspecified(packet.saddr)) return undefined;
  const target = frame.subarray(at + 8, at + 24);
  const answer = Buffer.from(frame.subarray(0, at + MESSAGE_BYTES));
  answer.set(frame.subarray(6, 12), 0);
  answer.set(pod.linkAddress, 6);
  answer.writeUInt16BE(MESSAGE_BYTES, LINK_BYTES + 4);
  answer.set(frame.subarray(LINK_BYTES + 8, LINK_BYTES + 24), LINK_BYTES + 24);
  answer.set(target, LINK_BYTES + 8);
  answer[at] = ADVERTISEMENT;
  answer.writeUInt16BE(0, at + 2);
  answer.writeUInt32BE(0xe0000000, at + 4); // router, solicited, override
  answer.set([2, 1, ...pod.linkAddress], at + 24);
  const rest = Uint8Array.of(0, MESSAGE_BYTES, 0, ICMP6);
  answer.writeUInt16BE(checksumOf(answer.subarray(LINK_BYTES + 8, at), rest, answer.subarray(at)), at + 2);
  return answer;
}
