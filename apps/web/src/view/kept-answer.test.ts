import {
  keepPreviousData,
  QueryClient,
  QueryObserver,
  type QueryObserverOptions,
  type QueryObserverResult,
} from "@tanstack/react-query";
import { beforeEach, expect, test, vi } from "vitest";
import { type Kept, keep, NOTHING_KEPT, withKept } from "./kept-answer.ts";

type Asked = { question: string; step: number };
let fails: boolean;
let kept: Kept<string>;
let seen: { data: string | undefined; failed: boolean }[];
let observer: QueryObserver<string>;
let now: Asked;

const optionsOf = ({ question, step }: Asked): QueryObserverOptions<string> => ({
  queryKey: [question, step],
  queryFn: async () => {
    if (fails) throw new Error("down");
    return `${question} at ${step}`;
  },
  placeholderData: keepPreviousData,
  retry: false,
});
function draw(result: QueryObserverResult<string>): void {
  kept = keep(kept, now.question, result);
  const { data, error } = withKept<string, QueryObserverResult<string>>(kept, result);
  seen.push({ data, failed: error !== null });
}
async function ask(question: string, step: number): Promise<void> {
  now = { question, step };
  observer.setOptions(optionsOf(now));
  draw(observer.getCurrentResult());
  await vi.waitFor(() => expect(observer.getCurrentResult().fetchStatus).toBe("idle"));
}

beforeEach(async () => {
  [fails, kept, seen, now] = [false, NOTHING_KEPT, [], { question: "all", step: 1 }];
  observer = new QueryObserver(new QueryClient(), optionsOf(now));
  observer.subscribe(draw);
  await ask("all", 1);
});

test("while its time moves on and nobody answers, the last answer stays, never without the failure once it is known", async () => {
  fails = true;
  await ask("all", 2);
  const known = seen.findIndex(({ failed }) => failed);
  await ask("all", 3);
  await ask("all", 4);
  for (const state of seen.slice(known)) expect(state).toEqual({ data: "all at 1", failed: true });
  expect(kept.at).toBeGreaterThan(0);
});
test("the first answer after a failure is current again", async () => {
  fails = true;
  await ask("all", 2);
  fails = false;
  await ask("all", 3);
  expect(seen.at(-1)).toEqual({ data: "all at 3", failed: false });
});
test("another question that fails doesn't get the answer to this one, at no step", async () => {
  fails = true;
  await ask("some", 1);
  const known = seen.findIndex(({ failed }) => failed);
  await ask("some", 2);
  for (const state of seen.slice(known)) expect(state).toEqual({ data: undefined, failed: true });
});
test("what didn't change is the same object, or drawing it would never end", () => {
  const result = observer.getCurrentResult();
  expect(keep(kept, "all", result)).toBe(kept);
});
