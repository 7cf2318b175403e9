/** What a what-if came to, in words: how many flows, of which time, and which couldn't be judged. Pure. */
import { count, text } from "@millrace/contract/units";
import type { NotJudged, WhatIfOutput, WhatIfVerdict } from "@millrace/contract/what-if";
import { spanText } from "@/ui/instant.ts";

/** The flows that are tried: of the last hour. */
export const WHAT_IF_MS = 3_600_000;

export type WhatIfAnswer = Extract<WhatIfOutput, { ok: true }>;

const flows = (n: number): string => `${text(count(n))} ${n === 1 ? "flow" : "flows"}`;

/** `askedMs`: how long a range was asked for. */
export function whatIfSentence(
  { judged, changed, from, to, sampled }: WhatIfAnswer,
  askedMs: number,
): string {
  const reached = to - from;
  const time =
    reached < askedMs
      ? `the last ${spanText(reached)}, as far as was read,`
      : `the last ${spanText(askedMs)}`;
  if (judged === 0) return `No flow of ${time} could be judged.`;
  const verb = "would meet another verdict";
  const some = sampled ? `${flows(judged)}, a part of those` : flows(judged);
  if (changed === 0) return `None of ${some} of ${time} ${verb}.`;
  return `${text(count(changed))} of ${some} of ${time} ${verb}.`;
}

const WHY: Record<NotJudged, string> = {
  "opener-unknown": "nobody saw who opened them",
  gone: "an end was a pod that isn't there any more",
  changed: "an end's address has another pod or other labels since",
  time: "there was no time left",
};

export const notJudgedSentences = (missed: WhatIfAnswer["notJudged"]): string[] =>
  missed.map((one) => `${flows(one.flows)} couldn't be judged: ${WHY[one.why]}.`);

export function saidBy({ by }: WhatIfVerdict): string {
  if (!by) return "no policy has a say";
  const rule = by.place === 0 ? "no rule allows it" : `rule ${by.place}`;
  return `${by.namespace}/${by.name}, ${rule}`;
}
