/** A web process that can't work says why and ends, instead of failing at the first request. */
import { type Env, env, unknownAddress } from "../env.ts";
import { refusal } from "./auth.ts";
import { stampClientAddresses } from "./client-address.ts";
import { log } from "./log.ts";
import { publicUrl } from "./origin.ts";
import { readCertificate, startTlsFront } from "./tls-front.ts";

const EX_CONFIG = 78;

export function checkAtStart(): void {
  try {
    const e = env();
    if (!e.BETTER_AUTH_SECRET) throw new Error("BETTER_AUTH_SECRET is not set: npm start makes one");
    const unknown = unknownAddress(e);
    if (unknown) throw new Error(unknown);
    const closed = refusal();
    if (closed) log().warn(closed);
    stampClientAddresses();
    if (e.TLS_CERT_FILE && e.TLS_KEY_FILE) serveTls(e, readCertificate(e.TLS_CERT_FILE, e.TLS_KEY_FILE));
    log().info({ url: publicUrl(e) }, "the dashboard listens");
  } catch (error) {
    process.stderr.write(`millrace web: ${(error as Error).message}\n`);
    process.exit(EX_CONFIG);
  }
}

function serveTls(e: Env, certificate: Parameters<typeof startTlsFront>[1]): void {
  const front = startTlsFront({ host: e.HOST, port: e.TLS_PORT, behind: e.PORT }, certificate);
  front.on("error", (error) => {
    process.stderr.write(`millrace web: can't listen on ${e.HOST}:${e.TLS_PORT}: ${error.message}\n`);
    process.exit(1);
  });
}
