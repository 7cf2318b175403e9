import { expect, test } from "vitest";
import { BODY_MAX_BYTES, bounded, DOCUMENTS_MAX_BYTES } from "./body-limit.ts";

const post = (
  body: string | ReadableStream,
  headers: Record<string, string> = {},
  procedure = "x",
): Request =>
  new Request(`http://127.0.0.1:3000/api/trpc/${procedure}`, {
    method: "POST",
    body,
    headers,
    duplex: "half",
  } as RequestInit);

test("a body that fits comes through as it was", async () => {
  const request = post('{"a":1}', { "content-type": "application/json", cookie: "c=1" });
  const read = (await bounded(request)) as Request;
  expect(await read.json()).toEqual({ a: 1 });
  expect(read.headers.get("cookie")).toBe("c=1");
  const plain = new Request("http://127.0.0.1:3000/");
  expect(await bounded(plain)).toBe(plain);
});

test("a body that says how long it is, and is too long, is not read", async () => {
  const answer = await bounded(post("x", { "content-length": String(BODY_MAX_BYTES + 1) }));
  expect((answer as Response).status).toBe(413);
});

test("documents may be longer, and have a bound too", async () => {
  const status = async (bytes: number, procedure: string) => {
    const answer = await bounded(post("x".repeat(bytes), {}, procedure));
    return answer instanceof Response ? answer.status : "read";
  };
  expect(await status(BODY_MAX_BYTES + 1, "documents.applyAll")).toBe("read");
  expect(await status(BODY_MAX_BYTES + 1, "documents.check")).toBe("read");
  expect(await status(BODY_MAX_BYTES + 1, "policies.whatIf")).toBe("read");
  expect(await status(BODY_MAX_BYTES + 1, "documents.delete")).toBe(413);
  expect(await status(DOCUMENTS_MAX_BYTES + 1, "documents.applyAll")).toBe(413);
});

test("an endless body that says nothing is left after the bound", async () => {
  let pulled = 0;
  let left = false;
  const endless = new ReadableStream({
    pull: (stream) => {
      pulled += 65_536;
      stream.enqueue(new Uint8Array(65_536));
    },
    cancel: () => {
      left = true;
    },
  });
  const answer = await bounded(post(endless));
  expect((answer as Response).status).toBe(413);
  expect(left).toBe(true);
  expect(pulled).toBeLessThan(BODY_MAX_BYTES * 2);
});
