// The few things the schema engine does to whole databases. Not its work inside one: engine.mjs.

/** @param {string} url */
export const databaseName = (url) => decodeURIComponent(new URL(url).pathname.slice(1));

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

/** @param {string} url @param {(client: import("pg").Client) => Promise<unknown>} [work] */
async function connected(url, work = async () => undefined) {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The server's own database, from which others are made and dropped. */
function adminUrl(url) {
  const admin = new URL(url);
  admin.pathname = "/postgres";
  admin.search = "";
  return admin.href;
}

export const canConnect = (url) => connected(url);

export async function createDatabase(url) {
  const name = databaseName(url);
  await connected(adminUrl(url), (client) => client.query(`create database ${quoted(name)}`));
  return { databaseName: name };
}

export async function dropDatabase(url) {
  const statement = `drop database if exists ${quoted(databaseName(url))} with (force)`;
  await connected(adminUrl(url), (client) => client.query(statement));
}

/** Prisma's code for what went wrong while connecting. */
export function errorCode(error) {
  if (error?.code === "3D000") return "P1003";
  if (error?.code === "28P01" || error?.code === "28000") return "P1000";
  if (error?.code === "ECONNREFUSED" || error?.code === "ENOTFOUND" || error?.errors) return "P1001";
  return "P1010";
}
