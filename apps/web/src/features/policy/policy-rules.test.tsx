import type { Policy } from "@millrace/contract/policy";
import { NuqsTestingAdapter } from "nuqs/adapters/testing";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { PolicyRules } from "./policy-rules.tsx";

const policy: Policy = {
  ...{ number: 3, revision: 7, namespace: "shop", name: "web", tier: "tenant", mode: "enforce" },
  ...{ subject: { pods: [], namespaces: null }, isolates: ["ingress"] },
  rules: [{ place: 1, direction: "ingress", action: "deny", peers: null, ports: null }],
};
const markup = (of: Policy) =>
  renderToStaticMarkup(
    <NuqsTestingAdapter>
      <PolicyRules policy={of} />
    </NuqsTestingAdapter>,
  );

test("each rule leads to the flows it decided, and so does what no rule allows", () => {
  const html = markup(policy);
  expect(html).toContain("May not be reached by");
  expect(html).toContain(`href="/flows?q=rule%3D3%2F1"`);
  expect(html).toContain(`href="/flows?q=rule%3D3%2F0"`);
});

test("without isolation nothing is decided by no rule", () => {
  const html = markup({ ...policy, isolates: [], rules: [] });
  expect(html).toContain("It has no rule.");
  expect(html).not.toContain("3%2F0");
});
