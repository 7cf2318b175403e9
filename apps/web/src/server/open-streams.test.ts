import { expect, test } from "vitest";
import { metrics } from "./metrics.ts";
import { countedStream, MOST_OPEN } from "./open-streams.ts";

async function* endless(): AsyncGenerator<number> {
  for (let n = 0; ; n++) yield n;
}

test("one account has so many streams open and no more, until one ends, and another's are its own", async () => {
  const refused = async () => (await metrics().streamsRefused.get()).values[0]?.value ?? 0;
  const opened = Array.from({ length: MOST_OPEN }, () => countedStream(endless(), "one"));
  for (const stream of opened) await stream.next();
  const before = await refused();
  await expect(countedStream(endless(), "one").next()).rejects.toMatchObject({ code: "BUSY" });
  expect(await refused()).toBe(before + 1);
  expect((await countedStream(endless(), "two").next()).value).toBe(0);
  await opened[0]?.return(undefined);
  expect((await countedStream(endless(), "one").next()).value).toBe(0);
  for (const stream of opened) await stream.return(undefined);
});
