/** What if documents were applied, or policies deleted: which of the flows that were recorded would meet another verdict. */
import { z } from "zod";
import { DOCUMENT_LIMITS, DocumentName, DocumentObject, DocumentProblem } from "./document.ts";
import { End, TimeRange } from "./flow.ts";
import { FlowId, Milliseconds } from "./ids.ts";
import { VERDICTS } from "./verdict.ts";

export const WHAT_IF_LIMITS = {
  /** The newest of the range. */
  flows: 50_000,
  rangeMs: 86_400_000,
  /** Groups of flows that are told of; the largest. */
  changes: 50,
} as const;

export const WhatIfInput = z
  .object({
    /** As they would be applied. */
    documents: z.array(DocumentObject).max(DOCUMENT_LIMITS.atOnce),
    /** As they would be deleted. */
    remove: z.array(DocumentName).max(DOCUMENT_LIMITS.atOnce).default([]),
    range: TimeRange.refine(
      ({ from, to }) => to - from <= WHAT_IF_LIMITS.rangeMs,
      "must be no longer than a day",
    ),
  })
  .refine(({ documents, remove }) => documents.length + remove.length > 0, {
    path: ["documents"],
    message: "must not be empty where nothing is removed",
  });
export type WhatIfInput = z.infer<typeof WhatIfInput>;

/**
 * Why a flow can't be judged. opener-unknown: nobody saw who opened it. gone: an end was a pod that isn't there any more, so
 * its labels aren't known. changed: an end's address has another pod, or another set of labels, since. time: it was not
 * come to in time.
 */
export const NOT_JUDGED = ["opener-unknown", "gone", "changed", "time"] as const;
export type NotJudged = (typeof NOT_JUDGED)[number];

export const WhatIfVerdict = z.object({
  verdict: z.enum(VERDICTS),
  /** Whose word it is; place 0: no rule allows it. null: no policy has a say in it. */
  by: z.object({ namespace: z.string(), name: z.string(), place: z.int().nonnegative() }).nullable(),
});
export type WhatIfVerdict = z.infer<typeof WhatIfVerdict>;

/** Flows between the same two, to the same port, that would change alike. */
export const WhatIfChange = z.object({
  flows: z.int().positive(),
  /** One of them, the newest. */
  example: FlowId,
  src: End,
  dst: End,
  proto: z.int(),
  before: WhatIfVerdict,
  after: WhatIfVerdict,
});
export type WhatIfChange = z.infer<typeof WhatIfChange>;

/** With problems nothing was compared. */
export const WhatIfOutput = z.discriminatedUnion("ok", [
  z.object({
    ok: z.literal(true),
    /** Of the range so much was read; flows before it are not among those counted. */
    from: Milliseconds,
    to: Milliseconds,
    /** Not even of that all flows: there were more than are read at once. */
    sampled: z.boolean(),
    judged: z.int().nonnegative(),
    changed: z.int().nonnegative(),
    /** The largest first. */
    changes: z.array(WhatIfChange).max(WHAT_IF_LIMITS.changes),
    /** Groups that are not listed. */
    more: z.int().nonnegative(),
    notJudged: z.array(z.object({ why: z.enum(NOT_JUDGED), flows: z.int().positive() })),
    /** Documents that are no policies, as people say them: what they would change was left out of account. */
    leftOut: z.array(z.string()),
  }),
  z.object({ ok: z.literal(false), problems: z.array(DocumentProblem) }),
]);
export type WhatIfOutput = z.infer<typeof WhatIfOutput>;
