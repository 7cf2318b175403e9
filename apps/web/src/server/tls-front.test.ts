import { createServer, request } from "node:http";
import { get } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { expect, test } from "vitest";
import { CERT, KEY } from "./testing/certificate.ts";
import { startTlsFront } from "./tls-front.ts";

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    const told = () => resolve((server.address() as AddressInfo).port);
    if (server.listening) told();
    else server.once("listening", told);
  });

async function withFront(run: (port: number) => Promise<void>): Promise<void> {
  const plain = createServer((req, res) => res.end(`you asked for ${req.url}`)).listen(0, "127.0.0.1");
  const front = startTlsFront(
    { host: "127.0.0.1", port: 0, behind: await listening(plain) },
    { cert: Buffer.from(CERT), key: Buffer.from(KEY) },
  );
  try {
    await run(await listening(front));
  } finally {
    plain.closeAllConnections();
    plain.close();
    front.close();
  }
}

test("what comes over TLS is answered by the server behind", () =>
  withFront(async (port) => {
    const text = await new Promise<string>((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port,
        path: "/x",
        servername: "localhost",
        ca: CERT,
      };
      get(options, async (answer) => {
        let body = "";
        for await (const chunk of answer) body += chunk;
        resolve(body);
      }).on("error", reject);
    });
    expect(text).toBe("you asked for /x");
  }));

test("what comes in clear gets no answer", () =>
  withFront(async (port) => {
    const outcome = await new Promise<string>((resolve) => {
      request({ host: "127.0.0.1", port }, () => resolve("answered"))
        .on("error", () => resolve("refused"))
        .end();
    });
    expect(outcome).toBe("refused");
  }));
