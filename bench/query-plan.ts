/**
 * The plans of whatever statements a piece of work runs, by Postgres' auto_explain: the very statements with
 * their very values. It slows them down: never while measuring.
 */
import pg from "pg";
import { closeDatabase, pool, useDatabase } from "../apps/web/src/server/db.ts";

const SETTINGS = {
  session_preload_libraries: "auto_explain",
  "auto_explain.log_min_duration": "0",
  "auto_explain.log_analyze": "on",
  "auto_explain.log_buffers": "on",
  "auto_explain.log_nested_statements": "on",
  client_min_messages: "log",
} as const;

export async function plansOf(url: string, work: () => Promise<unknown>): Promise<string[]> {
  const plans: string[] = [];
  await closeDatabase();
  await set(url, (name, value) => `set ${name} = '${value}'`);
  try {
    await useDatabase(url);
    pool().on("connect", (client) => client.on("notice", ({ message }) => plans.push(message ?? "")));
    await work();
  } finally {
    await closeDatabase();
    await set(url, (name) => `reset ${name}`);
    await useDatabase(url);
  }
  return plans.filter((plan) => plan.startsWith("duration:"));
}

async function set(url: string, clause: (name: string, value: string) => string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("load 'auto_explain'"); // its settings are known once it is loaded
    const database = client.escapeIdentifier(new URL(url).pathname.slice(1));
    for (const [name, value] of Object.entries(SETTINGS))
      await client.query(`alter database ${database} ${clause(name, value)}`);
  } finally {
    await client.end();
  }
}
