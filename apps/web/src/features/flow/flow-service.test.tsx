import type { FlowRow } from "@millrace/contract/flow";
import { NuqsTestingAdapter } from "nuqs/adapters/testing";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { ClockProvider } from "@/view/clock.tsx";
import { end, flowRow } from "./flow-row.fixture.ts";
import { FlowService } from "./flow-service.tsx";
import { ServiceMark } from "./service-mark.tsx";

const PAYMENTS = { ip: "10.210.0.4", port: 80, namespace: "shop", name: "payments" };
const words = (node: React.ReactNode) =>
  renderToStaticMarkup(
    <ClockProvider serverNow={0}>
      <NuqsTestingAdapter>{node}</NuqsTestingAdapter>
    </ClockProvider>,
  )
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&#x27;", "'");
const drawer = (row: FlowRow) => words(<FlowService row={row} />);

test("a flow's service stands between its source and the backend, before and after translation", () => {
  const row = flowRow({ asked: PAYMENTS, dst: end({ ip: "10.201.0.5", port: 8080 }) });
  expect(drawer(row)).toContain("web-1→10.210.0.4:80 shop/payments→10.201.0.5:8080");
  expect(words(<ServiceMark row={row} />)).toContain("shop/payments");
});

test("an address that is no service's is told as one", () => {
  const row = flowRow({ asked: { ...PAYMENTS, namespace: null, name: null } });
  expect(drawer(row)).toContain("was no service's that is declared");
  expect(drawer(row)).not.toContain("null");
  expect(words(<ServiceMark row={row} />)).toContain("service");
});

test("a flow that asked for none has neither part nor mark", () => {
  expect([drawer(flowRow()), words(<ServiceMark row={flowRow()} />)]).toEqual(["", ""]);
});
