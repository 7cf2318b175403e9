/*
 * Packets as they mustn't be, for the differential test: cut off, with something after their end, without hops, with a byte that is
 * another. What a test run refuses to take is left out.
 */
import { isIp } from "./random-headers.ts";
import { type Random, TUNNEL_PORT } from "./random-world.ts";

/** A test run refuses IP frames without a whole IP header; truncation.kernel.test.ts has all of those. */
const isRunnable = (frame: Buffer): boolean =>
  frame.length >= 15 && (!isIp(frame) || frame.length >= (frame.readUInt16BE(12) === 0x0800 ? 34 : 54));

/** Cut off, or a sender's own honest short one. */
function cut(random: Random, frame: Buffer): Buffer {
  const short = Buffer.from(frame.subarray(0, 15 + random.below(Math.max(1, frame.length - 15))));
  const [is4, is6] = [frame.readUInt16BE(12) === 0x0800, frame.readUInt16BE(12) === 0x86dd];
  if (random.may(50) && is4 && short.length >= 34) short.writeUInt16BE(short.length - 14, 16);
  if (random.may(50) && is6 && short.length >= 54) short.writeUInt16BE(short.length - 54, 18);
  return short;
}
function withHops(random: Random, frame: Buffer): Buffer {
  const changed = Buffer.from(frame);
  if (isIp(frame)) changed[frame.readUInt16BE(12) === 0x0800 ? 22 : 21] = random.below(3);
  return changed;
}
/** Anything but link addresses and IP addresses: what those mean outside the tables, only the kernel's routes know. */
function flipped(random: Random, frame: Buffer): Buffer {
  const changed = Buffer.from(frame);
  const at = 12 + random.below(frame.length - 12);
  const is6 = frame.readUInt16BE(12) === 0x86dd;
  const isTunnel = !is6 && frame.length > 50 && frame.readUInt16BE(36) === TUNNEL_PORT;
  if (isTunnel && at >= 46 && at < 50) return changed; // a flow's bearer says one and the same of its sender
  const isAddress = is6 ? at >= 22 && at < 54 : at >= 26 && at < 34;
  if (!isAddress) changed[at] = random.below(256);
  return changed;
}
function withDontFragment(frame: Buffer): Buffer {
  const changed = Buffer.from(frame);
  if (frame.readUInt16BE(12) === 0x0800) changed[20] = (changed[20] as number) | 0x40;
  return changed;
}

export function perhapsDamaged(random: Random, frame: Buffer): Buffer {
  if (random.may(82)) return frame;
  const damaged = random.one([
    () => cut(random, frame),
    () => Buffer.concat([frame, Buffer.alloc(random.below(30) + 1, 0x77)]),
    () => withHops(random, frame),
    () => flipped(random, frame),
    () => withDontFragment(frame),
  ])();
  return isRunnable(damaged) ? damaged : frame;
}
