import http from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../testing/temporary.ts";
import { ControlPlane } from "./client.ts";
import { ControlWatch } from "./watch.ts";

async function watching(answers: ((response: http.ServerResponse) => void)[]) {
  const heard: string[] = [];
  const asked: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request);
    const answer = answers.shift();
    if (answer) answer(response);
    else response.writeHead(200, { "content-type": "text/event-stream" }).write(": here\n\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const client = new ControlPlane(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`);
  client.setCredential("own");
  // Chance is none at all: reconnects come after half a second.
  const watch = new ControlWatch({ client, random: () => 0, on: (what) => heard.push(what) });
  onTestFinished(() => {
    watch.stop();
    client.server.close();
    server.closeAllConnections();
    server.close();
  });
  watch.start();
  return { heard, asked, watch };
}
const events =
  (...chunks: string[]) =>
  (response: http.ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const chunk of chunks) response.write(chunk);
  };

describe("the server's hints", () => {
  test("are heard however they are cut into pieces, and what is none is passed over", async () => {
    const { heard, asked } = await watching([
      events(
        "event: connected\ndata: {}\n\n",
        'data: {"wh',
        'at":"traces"}\nid: 1\n\n: ping\n\ndata: rubbish\n\ndata: {"what":"else"}\n\n',
        'data:{"what":"credential-revoked"}\n\n',
      ),
    ]);
    await until("both", () => heard.length === 2);
    expect(heard).toEqual(["traces", "credential-revoked"]);
    expect(asked[0]?.headers.authorization).toBe("Bearer own");
    expect(asked[0]?.url).toBe("/trpc/control.watch");
  });

  test.each<[string, (response: http.ServerResponse) => void]>([
    ["an error", (response) => response.writeHead(500).end("oops")],
    ["a hang-up", (response) => response.destroy()],
    ["an end", (response) => response.writeHead(200).end()],
    ["a line without end", events(`data: ${"x".repeat(40_000)}`)],
  ])("are asked for again after %s", async (_, broken) => {
    const { heard } = await watching([broken, events('data: {"what":"traces"}\n\n')]);
    await until("the hint", () => heard.length === 1);
  });

  test("are not asked for any more once it has been stopped", async () => {
    const { asked, watch } = await watching([events("")]);
    await until("the question", () => asked.length === 1);
    const closed = new Promise((resolve) => asked[0]?.socket.once("close", resolve));
    watch.stop();
    await closed;
    expect(asked).toHaveLength(1);
  });
});
