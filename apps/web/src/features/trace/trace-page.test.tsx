import { TraceSessionId } from "@millrace/contract/ids";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { ApiProvider } from "@/trpc/client.tsx";
import { ClockProvider } from "@/view/clock.tsx";
import { TracePage } from "./trace-page.tsx";

test("a trace has its heading, and the way back, before it is there", () => {
  const html = renderToStaticMarkup(
    <ApiProvider>
      <ClockProvider serverNow={0}>
        <TracePage id={TraceSessionId.parse("018f0000-0000-7000-8000-000000000001")} />
      </ClockProvider>
    </ApiProvider>,
  );
  expect(html).toMatch(/<h1[^>]*>.*Back to the traces.*Trace<.*<\/h1>.*Loading the trace/);
});
