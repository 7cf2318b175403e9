import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Command } from "commander";
import { afterEach, expect, test, vi } from "vitest";
import { EXIT, exitCodeOf, explain } from "./failure.ts";
import { createProgram, VERSION } from "./program.ts";

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
  vi.unstubAllEnvs();
});

/** What a run of the program ends with: its exit code, what its parser says, what we say. */
async function endOf(...argv: string[]): Promise<{ code: number; parser: string; said: string }> {
  vi.stubEnv("MILLRACE_CONFIG", "/dev/null");
  let parser = "";
  const quiet = (command: Command) => {
    command.configureOutput({ writeOut: (text) => (parser += text), writeErr: (text) => (parser += text) });
    command.commands.forEach(quiet);
  };
  const program = createProgram();
  quiet(program);
  try {
    await program.parseAsync(argv, { from: "user" });
    return { code: 0, parser, said: "" };
  } catch (error) {
    return { code: exitCodeOf(error), parser, said: explain(error) };
  }
}

async function answering(status: number, type: string, body: string): Promise<string> {
  server = createServer((_, answer) => answer.writeHead(status, { "content-type": type }).end(body));
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  [["observe", "--folow"], /unknown option '--folow'/],
  [["stats"], /unknown command 'stats'/],
  [["trace", "run"], /missing required argument 'kind'/],
  [["status", "-o", "xml"], /'xml' is invalid/],
  [["trace", "list", "-o", "xml"], /'xml' is invalid/],
  [["apply"], /required option '-f, --filename <file...>' not specified/],
  [["get"], /missing required argument 'kind'/],
])("%j is bad usage, told apart from a fleet that isn't well", async (argv, line) => {
  const { code, parser, said } = await endOf(...argv);
  expect(code).toBe(EXIT.usage);
  expect(parser).toMatch(line);
  expect(said).toBe("");
});

test.each([
  [["observe", "--last", "0"], /--last: “0” is not a whole number/],
  [["observe", "--since", "yesterday"], /--since: “yesterday” is neither a duration/],
  [["observe", "--since", "1"], /^--since: “1” has no unit: a duration is like 5m or 2h$/],
  [["observe", "--since", "5m", "--until", "2026"], /^--until: “2026” has no unit/],
  [["observe", "--not"], /--not takes one filter flag/],
  [["observe", "--server", "localhost:3000"], /is not a URL/],
  [["trace", "stop"], /give a session's id or --all/],
  [["apply", "-f", "/none.yaml"], /^\/none.yaml: ENOENT/],
  [["apply", "-f", "/dev/null"], /^\/dev\/null: no document in it/],
  [["get", "pods"], /“pods” is no kind: Namespace, NetworkPolicy/],
  [["get", "svc", "a/b/c"], /“a\/b\/c” is no name/],
  [["get", "svc", "a/b", "-n", "c"], /not one of namespace c/],
  [["connectivity", "test", "--host", "h1=/a.sock", "h2"], /^--host: “h2” is not like host-1=/],
  [["delete"], /give either -f or a kind and a name/],
  [["delete", "svc"], /give either -f or a kind and a name/],
  [
    ["trace", "run", "drops", "--host", "h1", "--rate", "x", "--port", "0", "--duration", "1h30"],
    /^--duration: “1h30” is not a duration/,
  ],
  [
    ["trace", "run", "drops", "--host", "h1", "--rate", "x", "--port", "0"],
    /^the trace is not valid: --port: [^\n]*; --rate: [^\n]*$/,
  ],
])("%j is refused in one line before anything is asked", async (argv, line) => {
  const { code, said } = await endOf(...argv);
  expect(said).toMatch(line);
  expect(code).toBe(EXIT.usage);
});

test("help and the version are no failures", async () => {
  expect(await endOf("observe", "--help")).toMatchObject({ code: 0, said: "" });
  const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, "../package.json"), "utf8"));
  expect(VERSION).toBe(version);
  expect(await endOf("--version")).toMatchObject({ code: 0, parser: `${version}\n` });
});

test("every command and every option of it is described", () => {
  const undescribed = (command: Command): string[] => [
    ...(command.description() ? [] : [command.name()]),
    ...command.options.filter((o) => !o.description).map((o) => `${command.name()} ${o.flags}`),
    ...command.commands.flatMap(undescribed),
  ];
  expect(undescribed(createProgram())).toEqual([]);
});

test("a server that isn't there is named, with why", async () => {
  const address = await answering(200, "text/plain", "");
  await new Promise((resolve) => server?.close(resolve));
  const { code, said } = await endOf("status", "--server", address);
  expect(said).toBe(`${address} can't be reached (ECONNREFUSED)`);
  expect(code).toBe(EXIT.unavailable);
});

test("what answers and isn't Millrace is named with what it answered", async () => {
  const address = await answering(502, "text/html", "<html>Bad Gateway</html>");
  const { code, said } = await endOf("observe", "--server", address);
  expect(said).toMatch(new RegExp(`^${address} does not answer as Millrace does \\(HTTP 502, text/html\\)`));
  expect(code).toBe(EXIT.unavailable);
});
