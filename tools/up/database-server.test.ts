// What a person is told of a database that can't be used.
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { placeOf, versionProblem, withDatabase } from "./database-server.mjs";
import { freePort } from "./preflight.mjs";

const refusalOf = (url: string) =>
  withDatabase(url, async () => undefined).then(
    () => "",
    (error: Error) => error.message,
  );

test("a database that isn't there is one line with its place and the reason, without the password", async () => {
  const port = await freePort();
  // A name with two addresses fails twice, in an error whose own message is empty.
  for (const host of ["127.0.0.1", "localhost"]) {
    const said = await refusalOf(`postgresql://me:secret@${host}:${port}/mine`);
    expect(said).toContain(`the database at ${host}:${port}/mine can't be used: `);
    expect(said).toContain("ECONNREFUSED");
    expect(said).not.toMatch(/secret|\n/);
  }
});

test("what closes the connection without a word of PostgreSQL's is said, not waited for", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  try {
    expect(await refusalOf(`postgresql://me:secret@127.0.0.1:${port}/mine`)).toMatch(/can't be used: \S/);
  } finally {
    server.close();
  }
});

test("the place of a database is shown with what its URL says of it", () => {
  expect(placeOf("postgresql://u:p@db.example/mine?sslmode=require")).toBe("db.example/mine");
  expect(placeOf("postgresql:///mine?host=/run/postgresql")).toBe("the local socket/mine");
});

test("a server that is too old is told with both versions", () => {
  expect(versionProblem("140009")).toBe("it is PostgreSQL 14, and Millrace needs 15 or newer");
  expect(versionProblem("90624")).toMatch(/PostgreSQL 9,/);
  expect(versionProblem("150000")).toBeUndefined();
  expect(versionProblem("180004")).toBeUndefined();
});
