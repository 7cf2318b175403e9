import type { Milliseconds } from "@millrace/contract/ids";
import { expect, test } from "vitest";
import { notJudgedSentences, saidBy, type WhatIfAnswer, whatIfSentence } from "./what-if-words.ts";

const HOUR = 3_600_000;
const answer = (over: Partial<WhatIfAnswer>): WhatIfAnswer => ({
  ...{ ok: true, from: 0 as Milliseconds, to: HOUR as Milliseconds, sampled: false, judged: 0, changed: 0 },
  ...{ changes: [], more: 0, notJudged: [], leftOut: [] },
  ...over,
});

test("the sentence says how many of how many, and of what time", () => {
  expect(whatIfSentence(answer({ judged: 1, changed: 1 }), HOUR)).toMatch(
    /^1 of 1 flow of the last 1h would/,
  );
  expect(whatIfSentence(answer({ judged: 7 }), HOUR)).toMatch(/^None of 7 flows of the last 1h/);
  expect(whatIfSentence(answer({}), HOUR)).toMatch(/^No flow of the last 1h could be judged/);
  const short = answer({ judged: 50_000, changed: 2, from: 3_000_000 as Milliseconds, sampled: true });
  expect(whatIfSentence(short, HOUR)).toMatch(
    /^2 of .* flows, a part of those of the last 10m, as far as was read,/,
  );
});

test("what couldn't be judged is told with the reason, and a verdict with whose it is", () => {
  expect(notJudgedSentences([{ why: "gone", flows: 1 }])).toEqual([
    "1 flow couldn't be judged: an end was a pod that isn't there any more.",
  ]);
  expect(saidBy({ verdict: "forwarded", by: null })).toBe("no policy has a say");
  const by = { namespace: "shop", name: "db", place: 0 };
  expect(saidBy({ verdict: "dropped", by })).toBe("shop/db, no rule allows it");
  expect(saidBy({ verdict: "dropped", by: { ...by, place: 2 } })).toBe("shop/db, rule 2");
});
