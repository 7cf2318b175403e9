/**
 * The drop reasons of the running kernel, and our own dataplane's: numbers differ from kernel to kernel, so names come from its BTF.
 * Which of them are ordinary ends is the table in packages/abi; an unknown one counts as a loss.
 */

import { dropReason, dropReasonName } from "@millrace/abi/drop-reasons";
import { OWN_REASON_NAMES } from "@millrace/abi/drop-reasons/own";
import { DROP_PLACES } from "@millrace/abi/drop-reasons/place";
import { DropClass, type DropPlace, DropPlaceLimit } from "@millrace/abi/generated/event";
import { PathLimit } from "@millrace/abi/generated/flow";
import type { DropClasses } from "../dataplane/dataplane.ts";

/** Where a kernel function is in this boot: from, up to but without. */
export type SymbolRange = { name: string; start: bigint; end: bigint };

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
    const own = OWN_REASON_NAMES.get(reason - PathLimit.REASON_BASE);
    if (own !== undefined) return { name: own, ordinary: false };
    return this.#byNumber.get(reason) ?? { name: unknownName(reason), ordinary: false };
  }

  /** A function that this kernel doesn't have, or hides, leaves its reason the class it has elsewhere. */
  classes(rangesOf: (functions: readonly string[]) => readonly SymbolRange[]): DropClasses {
    const places = this.#places(rangesOf);
    const byPlace = new Set(places.map(({ reason }) => reason));
    const reasons = [...this.#byNumber].map(([reason, { ordinary }]) => {
      const alone = ordinary ? DropClass.ORDINARY : DropClass.LOSS;
      return { reason, class: byPlace.has(reason) ? DropClass.BY_PLACE : alone };
    });
    return { reasons, places };
  }

  #places(rangesOf: (functions: readonly string[]) => readonly SymbolRange[]): DropPlace[] {
    const numbers = new Map([...this.#byNumber].map(([number, { name }]) => [name, number]));
    const known = DROP_PLACES.flatMap(({ reason: name, place }) => {
      const reason = numbers.get(name);
      return reason === undefined ? [] : [{ reason, place }];
    });
    if (known.length === 0) return [];
    return rangesOf(known.map(({ place }) => place))
      .flatMap(({ name, start, end }) =>
        known
          .filter(({ place }) => place === name)
          .map(({ reason }) => ({ start, end, reason, dropClass: DropClass.ORDINARY })),
      )
      .slice(0, DropPlaceLimit.PLACES);
  }
}

function unknownName(reason: number): string {
  const subsystem = reason >>> SUBSYSTEM_SHIFT;
  return subsystem ? `SUBSYSTEM_${subsystem}_REASON_${reason & 0xffff}` : `REASON_${reason}`;
}
