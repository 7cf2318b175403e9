// A client of Redis over one connection: commands out, replies back in the same order.
import { createConnection } from "node:net";
import { decode, encode } from "./resp.mjs";

const TIMEOUT_MS = 2_000;

/** A client over one connection; when that fails, every command under way fails, and it is not used again. */
export function redisClient(host, { family = 4 } = {}) {
  const socket = createConnection({ host, port: 6379, family });
  const waiting = [];
  let received = "";
  let failure;
  const fail = (error) => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
    socket.destroy();
  };
  socket.setEncoding("latin1");
  socket.setTimeout(TIMEOUT_MS, () => waiting.length > 0 && fail(new Error("redis doesn't answer")));
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("redis closed the connection")));
  socket.on("data", (part) => {
    received += part;
    for (let reply = decode(received); reply; reply = decode(received)) {
      received = reply.rest;
      const { resolve, reject } = waiting.shift();
      if (reply.value instanceof Error) reject(reply.value);
      else resolve(reply.value);
    }
  });
  return {
    usable: () => failure === undefined,
    close: () => socket.end(),
    command: (...parts) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        waiting.push({ resolve, reject });
        socket.write(encode(parts));
      }),
  };
}
