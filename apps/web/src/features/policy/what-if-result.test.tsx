import type { End } from "@millrace/contract/flow";
import type { FlowId, Milliseconds } from "@millrace/contract/ids";
import { NuqsTestingAdapter } from "nuqs/adapters/testing";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { WhatIfResult } from "./what-if-result.tsx";
import { WHAT_IF_MS, type WhatIfAnswer } from "./what-if-words.ts";

const end = (ip: string, port: number, pod: string | null): End => ({
  ...{ ip, port, pod, kind: pod ? "pod" : "unknown", host: null, namespace: null, container: null },
  ...{ service: null, labels: {}, unknown: null },
});
const answer: WhatIfAnswer = {
  ...{ ok: true, from: 0 as Milliseconds, to: WHAT_IF_MS as Milliseconds, sampled: false, more: 4 },
  ...{ judged: 9, changed: 2, leftOut: ["Namespace shop"], notJudged: [{ why: "gone", flows: 3 }] },
  changes: [
    {
      ...{ flows: 2, example: "018f0000-0000-7000-8000-000000000001" as FlowId, proto: 6 },
      ...{ src: end("198.51.100.7", 0, null), dst: end("10.201.0.2", 22, "db-1") },
      before: { verdict: "forwarded", by: null },
      after: { verdict: "dropped", by: { namespace: "shop", name: "db", place: 0 } },
    },
  ],
};

test("a result says the sum, who talks to whom, both verdicts with their rules, and what is missing", () => {
  const html = renderToStaticMarkup(
    <NuqsTestingAdapter>
      <WhatIfResult answer={answer} askedMs={WHAT_IF_MS} />
    </NuqsTestingAdapter>,
  );
  const words = html.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
  expect(words).toContain("2 of 9 flows of the last 1h would meet another verdict.");
  expect(words).toContain("198.51.100.7 → db-1:22");
  expect(words).toMatch(/forwarded .*no policy has a say .*dropped .*shop\/db, no rule allows it/);
  expect(words).toContain("4 more of such lines are not listed.");
  expect(words).toContain("an end was a pod that isn&#x27;t there any more");
  expect(words).toContain("Namespace shop");
  expect(html).toContain(`/flows?t=1h&amp;q=flow%3D${answer.changes[0]?.example}`);
});
