import type { NetworkReport } from "@millrace/contract/agent-protocol";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { HostPodLinks } from "./host-pod-links.tsx";

const words = (links: NetworkReport["podLinks"]) =>
  renderToStaticMarkup(<HostPodLinks links={links} />).replaceAll(/<[^>]*>/g, " ");

test("it is told what new links are made of, and how many there are of each kind", () => {
  const text = words({ kind: "netkit", count: { netkit: 3, veth: 12 } });
  expect(text).toMatch(/New ones are made of +netkit +There are of netkit +3 +There are of veth +12/);
});

test("of an agent that says nothing about it nothing is told", () => {
  expect(words(null)).toBe("");
});
