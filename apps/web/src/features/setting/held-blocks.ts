/** What hosts hold of the pools, in words. Pure. */
import type { HeldBlocks } from "@millrace/contract/pool";

const SHOWN = 3;

/** The first blocks, and how many there are beyond them. */
export function addressText({ blocks }: Pick<HeldBlocks, "blocks">): string {
  const shown = blocks.slice(0, SHOWN).map(({ prefix4, prefix6 }) => prefix4 ?? prefix6 ?? "");
  const more = blocks.length - shown.length;
  return more > 0 ? `${shown.join(" ")} and ${more} more` : shown.join(" ");
}

export const heldBy = (held: readonly HeldBlocks[], host: string | null): HeldBlocks[] =>
  held.filter((row) => row.host === host);
export const blockCount = (held: readonly HeldBlocks[]): number =>
  held.reduce((sum, { blocks }) => sum + blocks.length, 0);
