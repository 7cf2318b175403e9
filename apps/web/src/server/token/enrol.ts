/** How an agent gets in, and out: one-time enrolment tokens, revoked credentials. The agent's side is agent-gateway's. */
import { AppError } from "@millrace/contract/error";
import type { AgentView, CreateEnrolTokenInput } from "@millrace/contract/setting";
import type { z } from "zod";
import { env } from "../../env.ts";
import { type Author, change } from "../audit/service.ts";
import { systemClock } from "../clock.ts";
import { tellOfHost } from "../network/service.ts";
import { ingestUrl } from "../origin.ts";
import { ENROL_TOKEN, hashSecret, newSecret } from "../secret.ts";
import * as repo from "./repo.ts";

export async function listAgents(): Promise<AgentView[]> {
  return (await repo.findAgents()).map((row) => ({
    host: row.name,
    enrolledAtMs: row.enrolledAt.getTime(),
    lastSeenMs: row.heartbeatAt?.getTime() ?? null,
    revokedAtMs: row.revokedAt?.getTime() ?? null,
  }));
}

export type EnrolTokenMade = { token: string; command: string; expiresAtMs: number };

export async function createEnrolToken(
  input: z.infer<typeof CreateEnrolTokenInput>,
  author: Author,
): Promise<EnrolTokenMade> {
  const token = newSecret(ENROL_TOKEN);
  const expiresAtMs = systemClock.now() + input.expiresInMinutes * 60_000;
  const hostName = input.host ?? null;
  const detail = { expiresInMinutes: input.expiresInMinutes };
  const target = hostName ?? "any host";
  await change({ author, action: "agents.createEnrolToken", target, detail }, (tx) =>
    repo.insertEnrolToken(tx, {
      hash: hashSecret(token),
      hostName,
      createdBy: author.email,
      expiresAt: new Date(expiresAtMs),
    }),
  );
  return { token, command: enrolCommand(token, hostName), expiresAtMs };
}

/** As tools/agent-command.mjs has it: Node's own flags keep the agent small. */
const AGENT = "node --enable-source-maps --max-semi-space-size=2 --v8-pool-size=1 apps/agent/build/main.js";

/** The token goes through a file: a command line can be read by every user of the machine. */
function enrolCommand(token: string, host: string | null): string {
  const name = host ?? "$(hostname)";
  return (
    `(umask 077; echo ${token} > enrol-token) && ${AGENT} --server ${ingestUrl(env())} ` +
    `--host-name ${name} --enrol-token-file enrol-token`
  );
}

export async function revokeAgent(host: string, author: Author): Promise<{ host: string }> {
  const hostId = await change({ author, action: "agents.revoke", target: host }, async (tx) => {
    const revoked = await repo.revokeCredential(tx, host, new Date(systemClock.now()));
    if (revoked === undefined)
      throw new AppError("NOT_FOUND", `no agent ${host} with a good credential`, {
        publicMessage: `There is no agent “${host}” whose credential could be revoked`,
      });
    return revoked;
  });
  await tellOfHost(hostId);
  return { host };
}
