// Starts an instance in order, and stops it in the opposite one: database, schema, ingest and dashboard, lab,
// agents. What it runs is built already. The order is the point here; each part has a module of its own.
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { run } from "../command.mjs";
import { startDatabase } from "./database.mjs";
import { enrolmentToken, firstAdministrator, firstPool, forgetCredentials } from "./enrolment.mjs";
import { labProgram, removePins, sweepLab, sweepLeftovers } from "./leftovers.mjs";
import { migrate } from "./migrate.mjs";
import { secretsIn } from "./secrets.mjs";
import { createService } from "./service.mjs";
import { agentService, ingestService, labService, serverEnv, webService } from "./services.mjs";
import { answers, until } from "./until.mjs";

/** @typedef {(name: string, work: () => Promise<string | undefined>) => Promise<void>} DoStep
 *  @typedef {import("./service.mjs").Service} Service
 *  @typedef {{ instance: import("./instance.mjs").Instance, log: import("./log.mjs").Log, doStep: DoStep,
 *    running: { database: Service[], servers: Service[], agents: Service[] }, stopping: boolean,
 *    hosts: import("./services.mjs").Host[] }} Site what runs, and where; the hosts to observe */

/** @returns {Site} */
export const createSite = (instance, log, doStep) => ({
  instance,
  log,
  doStep,
  running: { database: [], servers: [], agents: [] },
  stopping: false,
  hosts: instance.lab ? [] : [{ name: hostname() }],
});

/** @param {Site} site */
const surroundings = ({ instance, log }) => ({ log, runFolder: instance.in("run") });

/** @param {Site} site @param {Service[]} group @param {import("./service.mjs").ServiceSpec} spec */
function launch(site, group, spec) {
  if (site.stopping) throw new Error(`${spec.name} is not started: everything is stopping`);
  const service = createService(spec, surroundings(site));
  group.push(service);
  service.start();
  return service;
}

/** Clean ground: nothing of an earlier run that was cut off.
 * @param {Site} site */
async function sweep({ instance, doStep }) {
  mkdirSync(instance.in("run"), { recursive: true, mode: 0o700 });
  await doStep("sweep", () => sweepLeftovers(instance));
}

/** A database that answers, with the schema of this checkout.
 * @param {Site} site @returns {Promise<Record<string, string>>} the servers' environment */
async function openDatabase(site) {
  const { instance, doStep, running } = site;
  const secrets = secretsIn(instance.in("secrets.json"));
  let url = "";
  await doStep("database", async () => {
    const database = await startDatabase(instance, secrets, (spec) => launch(site, running.database, spec));
    url = database.url;
    return database.note;
  });
  await doStep("migrations", () => migrate(url));
  return serverEnv(instance, secrets, url, process.env);
}

/** Starts a server and waits until it says that it is ready.
 * @param {Site} site @param {import("./service.mjs").ServiceSpec} spec @param {string} url */
async function startServer(site, spec, url) {
  const service = launch(site, site.running.servers, spec);
  const broken = () =>
    service.failures() >= 5 ? `${spec.name} keeps ending; see its lines above` : undefined;
  await until(() => answers(url), { what: spec.name, ms: 60_000, broken });
  return undefined;
}

/** A lab that starts again has new hosts: nothing of the earlier ones, and agents that are of the new ones.
 * @param {Site} site */
async function clearGround(site) {
  const { instance, running } = site;
  await Promise.all(running.agents.map((agent) => agent.stop()));
  if (running.agents.length) await removePins(instance.pinRoot);
  await sweepLab(instance);
  if (!site.stopping) for (const agent of running.agents) agent.start();
}

/** @param {Site} site */
async function startLab(site) {
  const { instance } = site;
  if (!instance.lab) return "not wanted";
  const spec = { ...labService(instance), before: () => clearGround(site) };
  const service = launch(site, site.running.servers, spec);
  const broken = () =>
    service.failures() >= 3 ? "the lab does not come up; see its lines above" : undefined;
  const up = async () => {
    site.hosts = await labHosts(instance);
    return site.hosts.length > 0;
  };
  await until(up, { what: "the lab", ms: 60_000, broken, everyMs: 300 });
  return `${site.hosts.length} hosts`;
}

/** One agent for each host.
 * @param {Site} site @param {Record<string, string>} env @param {boolean} isNew the database, to everybody */
async function startAgents(site, env, isNew) {
  const { instance, hosts } = site;
  if (isNew) forgetCredentials(instance, hosts);
  if (instance.dataplane) await firstPool(env);
  const startOne = async (host) => {
    const tokenFile = await enrolmentToken(instance, host, env);
    launch(site, site.running.agents, agentService(instance, host, tokenFile, process.env));
  };
  await Promise.all(hosts.map(startOne));
  return hosts.map((host) => host.name).join(", ");
}

/** The lab's pods come when there is somebody to wire them.
 * @param {Site} site */
async function wirePods({ instance, running }) {
  const lab = running.servers.find(({ name }) => name === "lab");
  const broken = () =>
    (lab?.failures() ?? 0) >= 3 ? "the pods don't come up; see the lab's lines above" : undefined;
  const pods = async () => (await labHosts(instance)).flatMap((host) => host.pods ?? []).length;
  await until(async () => (await pods()) > 0, { what: "the lab's pods", ms: 60_000, broken, everyMs: 300 });
  return `${await pods()} pods`;
}

/** What `--no-serve` stops after.
 * @param {Site} site */
export async function onlyDatabase(site) {
  await sweep(site);
  await openDatabase(site);
}

/** @param {Site} site @returns {Promise<string[]>} what to tell the person who started it */
export async function start(site) {
  const { instance, doStep } = site;
  await sweep(site);
  const ingestUrl = `http://127.0.0.1:${instance.ingestPort}/healthz`;
  const serverSide = async () => {
    const env = await openDatabase(site);
    /** @type {{ words: string[], isNew: boolean }} */
    let signIn = { words: [], isNew: false };
    await doStep("first sign-in", async () => {
      signIn = await firstAdministrator(instance, env);
      return undefined;
    });
    await Promise.all([
      doStep("ingest", () => startServer(site, ingestService(env), ingestUrl)),
      doStep("web", () => startServer(site, webService(env), `${instance.plainAddress}/healthz`)),
    ]);
    return { env, ...signIn };
  };
  const [{ env, words, isNew }] = await Promise.all([serverSide(), doStep("lab", () => startLab(site))]);
  await doStep("agents", () => startAgents(site, env, isNew));
  if (instance.dataplane) await doStep("pods", () => wirePods(site));
  return words;
}

/** Agents first, so that what they still hold reaches the database; the database last.
 * @param {Site} site */
export async function stop(site) {
  const { instance, log, running } = site;
  site.stopping = true;
  const end = (services) => Promise.all(services.map((service) => service.stop()));
  await end(running.agents);
  await removePins(instance.pinRoot).catch((error) => log.line("up", `pins are left: ${error.message}`));
  await end(running.servers);
  await end(running.database);
}

/** @param {import("./instance.mjs").Instance} instance @returns {Promise<import("./services.mjs").Host[]>} */
export async function labHosts(instance) {
  const args = [labProgram, "status", "--state", instance.in("lab"), "-o", "json"];
  const { code, stdout } = await run(process.execPath, args);
  return code === 0 ? JSON.parse(stdout).hosts : [];
}
