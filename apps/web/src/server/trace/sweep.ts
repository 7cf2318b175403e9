/**
 * What no report brings about: deadlines that passed, leases that ended, agents that fell silent. A
 * level-triggered loop in the ingest process: each round reads the open sessions anew. Two loops at once do no
 * harm, and a lock keeps it to one.
 */
import { systemClock } from "../clock.ts";
import { log } from "../log.ts";
import { abilityOf } from "./able.ts";
import * as repo from "./repo.ts";
import { applyToHost, fireDeadlines, settleAfter } from "./session.ts";

const ROUND_MS = 1000;

/** Runs until the returned function is called, which waits for the round under way. */
export function startSweep(): () => Promise<void> {
  let stopped = false;
  let wake = () => {};
  const run = async () => {
    while (!stopped) {
      await sweep().catch((error) =>
        log().warn({ err: error }, "traces could not be swept; tried again soon"),
      );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ROUND_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (stopped) wake();
      });
    }
  };
  const running = run();
  return () => {
    stopped = true;
    wake();
    return running;
  };
}

/** One round at the clock's time; a session's failure doesn't keep the others waiting. */
export async function sweep(clock = systemClock): Promise<void> {
  const now = new Date(clock.now());
  for (const id of await repo.findOpenSessionIds())
    await sweepSession(id, now).catch((error) =>
      log().error({ err: error, trace: id }, "a trace was not swept"),
    );
}

async function sweepSession(id: string, now: Date): Promise<void> {
  await repo.transact(async (tx) => {
    if (!(await repo.asOnlySweeper(tx))) return;
    const session = await repo.lockSession(tx, id);
    if (!session || session.state === "done") return;
    const names = session.hosts.filter((host) => host.state !== "ended").map((host) => host.host.name);
    for (const facts of await repo.findHostFacts(names, false, tx)) {
      const { online } = abilityOf(session.spec.kind, facts);
      const host = session.hosts.find((part) => part.hostId === facts.id);
      if (online || !host) continue;
      const detail = facts.revoked ? "its agent's credential was revoked" : "its agent fell silent";
      const cause = { author: "millrace", why: "silence", end: "agent-lost" as const, detail, now };
      if (await applyToHost(tx, session, host, "lost", cause)) await settleAfter(tx, session, host, cause);
    }
    await fireDeadlines(tx, session, now);
  });
}
