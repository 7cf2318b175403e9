import type { HostDetail } from "@millrace/contract/host";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { ClockProvider } from "@/view/clock.tsx";
import { HostFlowTable } from "./host-flow-table.tsx";

type Beat = NonNullable<HostDetail["heartbeat"]>;
const holder = (pod: string, flows: number) => ({ namespace: "shop", pod, interface: "eth0", flows });
const maps = [{ name: "flows", type: "hash", used: 912, capacity: 2000, bytes: 1 }];

const words = (flowTable: Beat["flowTable"]) =>
  renderToStaticMarkup(
    <ClockProvider serverNow={0}>
      <HostFlowTable heartbeat={{ maps, flowTable } as Partial<Beat> as Beat} atMs={0} />
    </ClockProvider>,
  ).replaceAll(/<[^>]*>/g, " ");

test("who holds the table is told with how much of its share that is, and how many more there are", () => {
  const text = words({ budget: 1000, endpoints: 5, holders: [holder("web-1", 900), holder("cart-1", 12)] });
  expect(text).toMatch(/shop\/web-1 eth0.*90 +%.*900.*shop\/cart-1 eth0/);
  expect(text).toMatch(/and +3 +more that hold fewer/);
  expect(text).toMatch(/912 +of +2 +k +flows/);
});

test("nobody who holds any, and an agent that can't tell, are told apart", () => {
  expect(words({ budget: 1000, endpoints: 0, holders: [] })).toContain("No endpoint holds a flow.");
  expect(words(null)).toContain("too old to tell who holds it");
});
