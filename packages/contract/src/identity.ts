/**
 * Identities: the numbers that stand for sets of labels, in packets and in policy. Which number a set has is
 * the control plane's to say; what is not a workload of ours has one of the reserved.
 */
import { z } from "zod";

/** 24 bits: they travel in an overlay packet beside the network's number. */
export const LAST_IDENTITY = 0xff_ffff;
/** Those below are reserved and never stand for labels. */
export const FIRST_IDENTITY = 256;

export const RESERVED_IDENTITIES = {
  /** The host a packet is on, its own processes. */
  host: 1,
  /** Anything outside the pools. */
  world: 2,
  /** In a pool, but nobody has published it. */
  unmanaged: 3,
  /** Ingest and web. */
  controlPlane: 4,
} as const;

export const IdentityNumber = z.int().min(1).max(LAST_IDENTITY);

export const MOST_LABELS = 64;
/** jsonb has no half of a character. */
const isWhole = (text: string): boolean => !/[\ud800-\udfff]/u.test(text);
const Text = (most: number) => z.string().max(most).refine(isWhole, "holds half a character");
/** Those that policy may ask for. Each different set is an identity: what is different for each pod doesn't belong here. */
export const Labels = z
  .record(Text(317).min(1), Text(253))
  .refine((labels) => Object.keys(labels).length <= MOST_LABELS, `at most ${MOST_LABELS} labels`);
export type Labels = z.infer<typeof Labels>;

/** Equal for equal sets, whatever order they were written in. */
export const labelsText = (labels: Labels): string =>
  JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
