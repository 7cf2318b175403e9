import { expect, test } from "vitest";
import { readEnv } from "../../env.ts";
import { doorsOf } from "./doors.ts";

const env = (given: Record<string, string>) => readEnv({ DATABASE_URL: "postgresql://x/y", ...given });
const own = { TLS_CERT_FILE: "/etc/hostname", TLS_KEY_FILE: "/etc/hostname" };

test("without a certificate there is one door, in clear", () => {
  expect(doorsOf(env({}))).toEqual([{ host: "127.0.0.1", port: 3001 }]);
});

test("with our own certificate nothing in clear is open but loopback, for the agents of this machine", () => {
  const doors = doorsOf(env({ ...own, INGEST_HOST: "0.0.0.0" }));
  expect(doors.filter((door) => !door.tls)).toEqual([{ host: "127.0.0.1", port: 3001 }]);
  expect(doors.filter((door) => door.tls)).toMatchObject([{ host: "0.0.0.0", port: 3444 }]);
});
