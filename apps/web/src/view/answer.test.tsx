import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { Answer } from "./answer.tsx";
import { ClockProvider } from "./clock.tsx";

const query = {
  error: null,
  isFetching: false,

  refetch: () => undefined,
};
const draw = (over: { error?: unknown; data?: string }, serverNow = Date.now()): string =>
  renderToStaticMarkup(
    <ClockProvider serverNow={serverNow}>
      <Answer
        query={{ ...query, dataUpdatedAt: Date.now() - 90_000, data: undefined, ...over }}
        skeleton="loading"
      >
        {(data) => data}
      </Answer>
    </ClockProvider>,
  );
const down = new TypeError("fetch failed");

test("a query's answer is loading, there, failed with a way to try again, or there with its age", () => {
  expect(draw({})).toBe("loading");
  expect(draw({ data: "rows" })).toBe("rows");
  expect(draw({ error: down })).toMatch(/role="alert".*doesn&#x27;t answer.*Try again/);
  expect(draw({ data: "rows", error: down })).toMatch(/Not current: this is from.*1m \d+s ago.*rows/);
});
test("how old an answer is doesn't depend on how wrong the reader's clock is", () => {
  const ahead = Date.now() + 3_600_000;
  expect(draw({ data: "rows", error: down }, ahead)).toMatch(/1m \d+s ago/);
});
