/** Runs the program that takes translations without a flow out of the kernel's table. */
import {
  encodeTranslationSweep,
  readTranslationSweep,
  TRANSLATION_SWEEP_SIZE,
} from "@millrace/abi/generated/nat";
import type { BpfProgram } from "@millrace/native/native";

/** A port may be claimed a moment before its flow says so; seconds are more than enough. */
const GRACE_S = 10;

/** How many there were, and how many of those belonged to no flow and are gone. */
export function sweepTranslations(program: BpfProgram): { found: number; removed: number } {
  const ctx = new Uint8Array(TRANSLATION_SWEEP_SIZE);
  encodeTranslationSweep({ graceS: GRACE_S, found: 0, removed: 0 }, new DataView(ctx.buffer));
  const { ctxOut } = program.testRun({ ctx });
  const view = new DataView(ctxOut.buffer, ctxOut.byteOffset, ctxOut.byteLength);
  const { found, removed } = readTranslationSweep(view, 0);
  return { found, removed };
}
