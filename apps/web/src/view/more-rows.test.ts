import { InfiniteQueryObserver, QueryClient } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import { wantsNextPage } from "./more-rows.tsx";

test("a next page that fails is not asked for again and again while the end of the list is in sight", async () => {
  const asked: number[] = [];
  const observer = new InfiniteQueryObserver(new QueryClient(), {
    queryKey: ["list"],
    queryFn: async ({ pageParam }) => {
      asked.push(pageParam);
      if (pageParam > 1) throw new Error("down");
      return pageParam + 1;
    },
    initialPageParam: 0,
    getNextPageParam: (next: number) => next,
    retry: false,
  });
  let told = 0;
  observer.subscribe((result) => {
    if (result.isFetchNextPageError) told++;
    // As a table does, whose end stays in sight. It stops at ten, or this test would not.
    if (wantsNextPage(result) && asked.length < 10) void result.fetchNextPage();
  });
  await vi.waitFor(() => expect(told).toBeGreaterThan(0));
  await vi.waitFor(() => expect(observer.getCurrentResult().fetchStatus).toBe("idle"));
  expect(asked).toEqual([0, 1, 2]);
});
