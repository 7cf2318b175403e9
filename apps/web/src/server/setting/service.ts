/**
 * Settings of the installation: how long telemetry is kept, which the ingest process acts on. Others are their nouns' own,
 * and only kept here.
 */
import { Retention, type RetentionView } from "@millrace/contract/setting";
import { type Author, change } from "../audit/service.ts";
import { isDatabaseAway } from "../errors.ts";
import * as repo from "./repo.ts";

export { findSetting, upsertSetting } from "./repo.ts";

const KEY = "retention";
/** Safe for a machine that nobody looks after: a week, 20 GB. */
export const DEFAULT_RETENTION: Retention = { rawDays: 7, rawBytes: 20e9, rollupDays: 90 };

/** What holds now; a stored value that is no longer valid counts as none. */
export async function currentRetention(): Promise<Retention> {
  const stored = Retention.safeParse(await repo.findSetting(KEY));
  return stored.success ? stored.data : DEFAULT_RETENTION;
}

export async function getRetention(): Promise<RetentionView> {
  const [settings, { appliedBytes, ...usage }] = await Promise.all([
    currentRetention(),
    repo.telemetryUsage(),
  ]);
  return { settings, capped: cappedBy(settings, appliedBytes), ...usage };
}

/** Only the default is ever cut: what somebody chose holds, from ingest's next round on. */
function cappedBy(settings: Retention, appliedBytes: number | null): RetentionView["capped"] {
  const isDefault = settings.rawBytes === DEFAULT_RETENTION.rawBytes;
  if (!isDefault || appliedBytes === null || appliedBytes >= settings.rawBytes) return null;
  return {
    rawBytes: appliedBytes,
    why: "a quarter of the database's disk that is free of other things, as long as nobody chose a size",
  };
}

/** What the ingest process keeps to, for everybody to see. */
export const tellAppliedRetention = ({ rawBytes }: Retention): Promise<void> =>
  repo.storeAppliedBytes(rawBytes);

export async function setRetention(input: Retention, author: Author): Promise<RetentionView> {
  const detail = { from: await currentRetention(), to: input };
  await change({ author, action: "retention.set", target: KEY, detail }, (tx) =>
    repo.upsertSetting(tx, KEY, input),
  );
  return getRetention();
}

/** Why this process can't work now, or undefined. */
export async function readiness(): Promise<string | undefined> {
  try {
    await repo.findSetting(KEY);
    return undefined;
  } catch (error) {
    return isDatabaseAway(error) ? "the database can't be reached" : "the database is not migrated";
  }
}
