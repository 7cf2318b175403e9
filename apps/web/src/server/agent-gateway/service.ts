/** How an agent gets in and says that it lives. Telemetry is ingest's, traces are trace's. */
import {
  type EnrolInput,
  type EnrolOutput,
  type Heartbeat,
  type HelloInput,
  type HelloOutput,
  PROTOCOL_VERSION,
} from "@millrace/contract/agent-protocol";
import { AppError } from "@millrace/contract/error";
import { HostId } from "@millrace/contract/ids";
import type { z } from "zod";
import { notify } from "../bus.ts";
import type { Clock } from "../clock.ts";
import { hashSecret } from "../secret.ts";
import { type AgentHost, Credentials, isEqual, newCredential } from "./credential.ts";
import * as repo from "./repo.ts";

export type { AgentHost, Credentials };

/** What agents are told to do: read out each second, say that they live every five. */
const INTERVAL_MS = 1_000;
export const HEARTBEAT_MS = 5_000;

export const agentCredentials = (clock: Clock): Credentials => new Credentials(repo.findCredential, clock);

/** For how long an answer that was lost can be asked for again, with the key that it was given for. */
const ANSWERED_AGAIN_S = 24 * 3600;

type Enrolment = z.infer<typeof EnrolInput>;
type Enrolled = z.infer<typeof EnrolOutput>;

/** Gives a host its credential for a one-time token. A token without a name can't take over a host that is there. */
export async function enrol(input: Enrolment): Promise<Enrolled> {
  const incompatible = incompatibility(input.protocol);
  if (incompatible) throw incompatible;
  return repo.transact(async (tx) => {
    const token = await repo.takeToken(tx, hashSecret(input.token), input.host);
    if (!token) return enrolledBefore(tx, input);
    const hostId = await enrolledHost(tx, input.host, token);
    const { credential, hash } = newCredential(hostId, input.key);
    await repo.setCredential(tx, hostId, hash);
    await repo.insertAudit(tx, input.host, { hostId });
    await notify(tx, "millrace_agents", String(hostId));
    return { hostId: HostId.parse(hostId), credential };
  });
}

/** The same answer once more, to nobody but the one who has the credential's key; changes nothing. */
async function enrolledBefore(tx: repo.Transaction, { token, host, key }: Enrolment): Promise<Enrolled> {
  const found = key && (await repo.findEnrolled(tx, hashSecret(token), host, ANSWERED_AGAIN_S));
  if (found) {
    const { credential, hash } = newCredential(found.id, key);
    if (isEqual(hash, found.hash)) return { hostId: HostId.parse(found.id), credential };
  }
  throw new AppError("UNAUTHENTICATED", `a token that can't enrol ${host}`, {
    publicMessage: "This enrolment token is unknown, used, expired, or for another host",
  });
}

async function enrolledHost(tx: repo.Transaction, name: string, token: repo.EnrolToken): Promise<number> {
  const made = await repo.insertHost(tx, name);
  if (made !== undefined) return made;
  const there = await repo.lockHost(tx, name);
  if (!there) throw new AppError("CONFLICT", `host ${name} vanished while it enrolled`);
  if (token.hostName === null)
    throw new AppError("CONFLICT", `host ${name} is enrolled already`, {
      publicMessage: `There is a host ${name} already: to replace its agent, make a token for ${name}`,
    });
  return there.id;
}

export async function hello(
  host: AgentHost,
  input: HelloInput,
  clock: Clock,
): Promise<z.infer<typeof HelloOutput>> {
  const incompatible = incompatibility(input.protocol);
  if (incompatible) {
    await repo.saveIncompatible(host.hostId, incompatible.message);
    throw incompatible;
  }
  await repo.saveHello(host.hostId, input);
  return {
    hostId: HostId.parse(host.hostId),
    serverTimeMs: clock.now(),
    intervalMs: INTERVAL_MS,
    heartbeatMs: HEARTBEAT_MS,
  };
}

export async function heartbeat(
  host: AgentHost,
  input: Heartbeat,
  clock: Clock,
): Promise<{ serverTimeMs: number }> {
  await repo.saveHeartbeat(host.hostId, input);
  return { serverTimeMs: clock.now() };
}

/** Said with both versions; nothing of the host changes. */
function incompatibility(protocol: number): AppError | undefined {
  if (protocol === PROTOCOL_VERSION) return undefined;
  const message = `the agent speaks protocol ${protocol}, this server speaks ${PROTOCOL_VERSION}`;
  return new AppError("INCOMPATIBLE", message, { publicMessage: message });
}
