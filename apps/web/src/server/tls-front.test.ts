import { createServer, request } from "node:http";
import { get, request as overTls } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { expect, test } from "vitest";
import { CLIENT_ADDRESS, stampClientAddresses } from "./client-address.ts";
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

test("behind it a request has the client's own address, whatever its headers say", async () => {
  const stop = stampClientAddresses();
  const plain = createServer((req, res) => res.end(String(req.headers[CLIENT_ADDRESS])));
  const behind = await listening(plain.listen(0, "127.0.0.1"));
  const front = startTlsFront(
    { host: "127.0.0.1", port: 0, behind },
    { cert: Buffer.from(CERT), key: Buffer.from(KEY) },
  );
  const ask = (port: number, by: typeof request, localAddress: string) =>
    new Promise<string>((resolve, reject) => {
      const headers = { [CLIENT_ADDRESS]: "192.0.2.7", "x-forwarded-for": "192.0.2.8" };
      const options = { host: "127.0.0.1", port, servername: "localhost", ca: CERT, localAddress, headers };
      by(options, async (answer) => {
        let body = "";
        for await (const chunk of answer) body += chunk;
        resolve(body);
      })
        .on("error", reject)
        .end();
    });
  try {
    expect(await ask(await listening(front), overTls, "127.0.0.5")).toBe("127.0.0.5");
    expect(await ask(behind, request, "127.0.0.6")).toBe("127.0.0.6");
  } finally {
    stop();
    plain.closeAllConnections();
    plain.close();
    front.close();
  }
});
