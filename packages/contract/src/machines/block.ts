/** A block of a pool's addresses, as the control plane keeps it. Whose it is is a field; only a free one is nobody's. */
import type { Machine } from "./machine.ts";

export type BlockState = "free" | "leased" | "quarantined";
export type BlockEvent = "lease" | "silence" | "return" | "release";

export const BLOCK: Machine<BlockState, BlockEvent> = {
  initial: "free",
  states: {
    free: { on: { lease: "leased" }, waitsFor: "a host that asks for a block" },
    // The time since its host was heard. Its pods may go on without their agent: the block stays theirs.
    leased: { on: { silence: "quarantined" }, deadline: { ms: 60_000, event: "silence" } },
    quarantined: {
      on: { return: "leased", release: "free" },
      waitsFor: "its host's return, or a person who releases it",
    },
  },
};
