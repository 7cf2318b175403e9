/**
 * The running kernel's drop reasons: numbers differ from kernel to kernel, so names come from its BTF.
 * Which of them are ordinary ends is the table in packages/abi; an unknown one counts as a loss.
 */

import { dropReason, dropReasonName } from "@millrace/abi/drop-reasons";
import { DropClass } from "@millrace/abi/generated/event";

export type DropReason = { name: string; ordinary: boolean };

/** Above these bits stand the reasons of subsystems that number their own. */
const SUBSYSTEM_SHIFT = 16;

export class DropReasons {
  readonly #byNumber = new Map<number, DropReason>();

  constructor(enumerators: readonly { name: string; value: bigint }[]) {
    for (const { name: enumerator, value } of enumerators) {
      const name = dropReasonName(enumerator);
      if (name === undefined) continue;
      this.#byNumber.set(Number(value), { name, ordinary: dropReason(name).class === "ordinary" });
    }
  }

  of(reason: number): DropReason {
    return this.#byNumber.get(reason) ?? { name: unknownName(reason), ordinary: false };
  }

  /** For the kernel's `drop_classes`. */
  classes(): { reason: number; class: number }[] {
    return [...this.#byNumber].map(([reason, { ordinary }]) => ({
      reason,
      class: ordinary ? DropClass.ORDINARY : DropClass.LOSS,
    }));
  }
}

function unknownName(reason: number): string {
  const subsystem = reason >>> SUBSYSTEM_SHIFT;
  return subsystem ? `SUBSYSTEM_${subsystem}_REASON_${reason & 0xffff}` : `REASON_${reason}`;
}
