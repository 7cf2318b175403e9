/**
 * One lab, from up to down: hosts, the shop's pods, live settings and faults, as a library for tests and
 * benchmarks and under `lab up`. It wires the parts together and has no policy of its own. The product never
 * imports it.
 */
import { type Logger, pino } from "pino";
import { cgroupId } from "./cgroup.ts";
import { type ContainerHome, execInContainer, reportFile } from "./container.ts";
import { eachOf } from "./each.ts";
import { FAULT_NAMES, FAULTS, faultName } from "./fault.ts";
import { FaultSwitch } from "./fault-switch.ts";
import { Keeper } from "./keeper.ts";
import type { LabOptions } from "./lab-options.ts";
import { hostStep, type PodNetwork, underlayStep } from "./network-plan.ts";
import { type Pod, Pods } from "./pods.ts";
import { claim, refuseWhenUp } from "./registry.ts";
import { makeRootfs } from "./rootfs.ts";
import { checkRate, LiveSettings, normalSettings, type ShopSettings, writeSettings } from "./settings.ts";
import { shopPods } from "./shop.ts";
import { hostPaths, makeState, type StatePaths, statePaths } from "./state-directory.ts";
import {
  type ContainerStatus,
  type HostStatus,
  type LabStatus,
  type PodStatus,
  readReport,
} from "./status.ts";
import { doStep, undoStep } from "./step.ts";
import { LabError, type Outcome, run, until } from "./subprocess.ts";
import { removeLeftovers, sweep } from "./sweep.ts";
import { type HostPlan, netnsPath, type PodPlan, type PodSpec, planHosts } from "./topology.ts";
import { BridgeWiring, CniWiring } from "./wiring.ts";

export type ExecOptions = { container?: string; stdin?: string; timeoutMs?: number };

export const DEFAULT_NAME = "demo";
export const DEFAULT_HOSTS = 2;
export const DEFAULT_RATE_PER_SECOND = 20;
/** Starting a container is work for both of two cores; more at once only makes each slower. */
const PODS_AT_ONCE = 4;
const READY_DEADLINE_MS = 15_000;

export class Lab {
  readonly name: string;
  readonly #state: StatePaths;
  readonly #hosts: readonly HostPlan[];
  readonly #home: ContainerHome;
  readonly #log: Logger;
  readonly #pods: Pods;
  readonly #keeper: Keeper;
  readonly #faults: FaultSwitch;
  readonly #settings: LiveSettings;
  readonly #network: PodNetwork;
  #filled = false;
  #ended: Promise<void> | undefined;

  private constructor(
    home: ContainerHome,
    hosts: readonly HostPlan[],
    settings: ShopSettings,
    { cniPlugin }: LabOptions,
    log: Logger,
  ) {
    this.name = home.labName;
    this.#state = home.state;
    this.#hosts = hosts;
    this.#home = home;
    this.#log = log;
    this.#settings = new LiveSettings(home.state, settings);
    this.#network = cniPlugin === undefined ? "bridge" : "cni";
    const wiring = cniPlugin === undefined ? new BridgeWiring() : new CniWiring(cniPlugin, home.state);
    this.#pods = new Pods(home, hosts, wiring);
    this.#keeper = new Keeper(this.#pods, log);
    this.#faults = new FaultSwitch(this.#pods, (change) => this.#settings.change(change));
  }

  /** Comes back with everything running, or throws and leaves nothing. */
  static async up(options: LabOptions): Promise<Lab> {
    const lab = await Lab.open(options);
    await lab.fill(options);
    return lab;
  }

  /** Comes back with the hosts alone, or throws and leaves nothing. */
  static async open(options: LabOptions): Promise<Lab> {
    const name = options.name ?? DEFAULT_NAME;
    const log = options.log ?? pino({ level: "silent" });
    const state = statePaths(options.stateDirectory);
    const hosts = planHosts(name, options.hosts ?? DEFAULT_HOSTS);
    const settings = normalSettings(options.ratePerSecond ?? DEFAULT_RATE_PER_SECOND);
    refuseWhenUp(name, state);
    const swept = await sweep(state.directory, name);
    if (swept.name !== name) await sweep(state.directory, name);
    if (swept.processes + swept.namespaces > 0) log.warn(swept, "removed what an earlier lab had left");
    const owner = claim(name, state);
    let lab: Lab | undefined;
    try {
      await makeState(
        state,
        hosts.map((host) => host.name),
        owner,
      );
      const home = { labName: name, state, sharedMounts: await makeRootfs(state.rootfs) };
      lab = new Lab(home, hosts, settings, options, log);
      await lab.#makeHosts();
      return lab;
    } catch (error) {
      const removed = lab ? lab.down() : removeLeftovers(name, state);
      await removed.catch((also: Error) => log.error({ error: also.message }, "a failed up left something"));
      throw error;
    }
  }

  async #makeHosts(): Promise<void> {
    // Quiet until everyone is ready: the first request must not meet a port that nobody has opened.
    await writeSettings(this.#state, { ...this.#settings.current, ratePerSecond: 0 });
    await doStep(underlayStep(this.name));
    for (const host of this.#hosts) await doStep(hostStep(this.name, host, this.#hosts, this.#network));
  }

  /** Brings the shop up on the hosts, or throws and leaves nothing of the lab. */
  async fill({ shop = true, signal }: Pick<LabOptions, "shop" | "signal">): Promise<void> {
    try {
      await this.#fill(shop, signal);
    } catch (error) {
      await this.down().catch((also: Error) =>
        this.#log.error({ error: also.message }, "a failed up left something"),
      );
      throw error;
    }
  }

  async #fill(shop: boolean, signal: AbortSignal | undefined): Promise<void> {
    const refuseWhenStopped = () => {
      if (signal?.aborted) throw new LabError(`lab ${this.name}: stopped while it came up`);
    };
    const plans = (shop ? shopPods(this.#hosts.length) : []).map((spec) => this.#pods.plan(spec));
    const wired: PodPlan[] = [];
    // All links before the first container: each container is told every pod's address.
    await eachOf(plans, PODS_AT_ONCE, async (plan) => {
      refuseWhenStopped();
      wired.push(await this.#pods.wire(plan));
    });
    await eachOf(wired, PODS_AT_ONCE, async (plan) => {
      refuseWhenStopped();
      await this.#pods.start(plan);
    });
    this.#keeper.start();
    await this.#untilReady(signal);
    await this.#settings.change({});
    this.#filled = true;
  }

  async #untilReady(signal: AbortSignal | undefined): Promise<void> {
    const unready = () =>
      this.#pods
        .all()
        .flatMap(({ plan }) =>
          plan.containers
            .filter((spec) => spec.reports && this.#report(plan, spec).ready !== 1)
            .map((spec) => `${plan.name}/${spec.name}`),
        );
    const ready = await until(
      () => signal?.aborted === true || unready().length === 0,
      READY_DEADLINE_MS,
      20,
    );
    if (signal?.aborted) throw new LabError(`lab ${this.name}: stopped while it came up`);
    if (!ready)
      throw new LabError(`lab ${this.name}: ${unready().join(", ")} not ready in ${READY_DEADLINE_MS} ms`);
  }

  /** Removes everything; a second call waits for the first. */
  down(): Promise<void> {
    this.#ended ??= this.#takeDown();
    return this.#ended;
  }

  async #takeDown(): Promise<void> {
    await this.#keeper.stop();
    // Each of these may fail on what someone else broke; the sweep at the end finds what is left by itself.
    const attempts: Array<() => Promise<unknown>> = [
      () => this.#faults.allOff(),
      () => eachOf(this.#pods.all(), PODS_AT_ONCE, (pod) => this.#pods.remove(pod.plan.name)),
      ...this.#hosts.map((host) => () => undoStep(hostStep(this.name, host, this.#hosts, this.#network))),
      () => undoStep(underlayStep(this.name)),
    ];
    for (const attempt of attempts) {
      await attempt().catch((error: Error) =>
        this.#log.warn({ error: error.message }, "taking the lab down"),
      );
    }
    await removeLeftovers(this.name, this.#state);
  }

  host(number: number): HostStatus {
    const host = this.#hosts[number - 1];
    if (!host) throw new LabError(`lab ${this.name} has hosts 1 to ${this.#hosts.length}, not ${number}`);
    return this.#hostStatus(host);
  }

  pod(name: string): PodStatus {
    return this.#podStatus(this.#pods.get(name));
  }

  async addPod(spec: PodSpec): Promise<PodStatus> {
    return this.#podStatus(await this.#pods.start(await this.#pods.wire(this.#pods.plan(spec))));
  }

  async removePod(name: string): Promise<void> {
    await this.#pods.remove(name);
  }

  /** Runs a program inside a container of the pod, of its first one unless another is named. */
  async exec(podName: string, argv: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
    const pod = this.#pods.get(podName);
    const wanted = options.container ?? pod.plan.containers[0]?.name;
    const running = pod.containers.find(({ spec }) => spec.name === wanted)?.running;
    if (!running) throw new LabError(`pod ${podName} has no running container '${wanted}'`);
    return await execInContainer(this.#home, pod.plan, running, argv, options);
  }

  /** Runs a program of the machine inside the network namespace of a pod's or host's status. */
  async execInNetns(
    at: { netns: string },
    argv: readonly string[],
    options: ExecOptions = {},
  ): Promise<Outcome> {
    const command = { argv: ["nsenter", `--net=${at.netns}`, ...argv] };
    return await run(
      options.stdin === undefined ? command : { ...command, stdin: options.stdin },
      options.timeoutMs,
    );
  }

  async fault(name: string, on: boolean): Promise<void> {
    await this.#faults.set(faultName(name), on);
    this.#log.info({ fault: name, on }, "fault switched");
  }

  async setRate(ratePerSecond: number): Promise<void> {
    await this.#settings.change({ ratePerSecond: checkRate(ratePerSecond) });
  }

  status(): LabStatus {
    return {
      name: this.name,
      stateDirectory: this.#state.directory,
      pid: process.pid,
      ratePerSecond: this.#settings.current.ratePerSecond,
      filled: this.#filled,
      faults: FAULT_NAMES.map((name) => {
        const { title, where, expects } = FAULTS[name];
        return { name, title, where, expects, on: this.#faults.isOn(name) };
      }),
      hosts: this.#hosts.map((host) => this.#hostStatus(host)),
    };
  }

  #hostStatus(host: HostPlan): HostStatus {
    return {
      name: host.name,
      netns: netnsPath(host.netns),
      runcRoot: hostPaths(this.#state, host.name).runcRoot,
      cniSocket: this.#network === "cni" ? hostPaths(this.#state, host.name).cniSocket : null,
      uplink: { device: "eth0", ip4: host.uplink4, ip6: host.uplink6 },
      podNetwork4: host.podNetwork4,
      podNetwork6: host.podNetwork6,
      pods: this.#pods
        .all()
        .filter((pod) => pod.plan.host.number === host.number)
        .map((pod) => this.#podStatus(pod)),
    };
  }

  #podStatus({ plan, containers }: Pod): PodStatus {
    const { name, namespace, labels, ip4, ip6, mac, hostDevice } = plan;
    const shown: ContainerStatus[] = containers.map(({ spec, running, restarts }) => ({
      ...{ name: spec.name, id: running?.id ?? "", pid: running?.pid ?? 0, restarts },
      ...{ cgroup: running?.cgroup ?? "", cgroupId: running ? cgroupId(running.cgroup) : 0 },
      report: this.#report(plan, spec),
    }));
    const netns = netnsPath(plan.netns);
    return { name, namespace, labels, netns, ip4, ip6, mac, device: "eth0", hostDevice, containers: shown };
  }

  #report(plan: PodPlan, spec: PodSpec["containers"][number]): Record<string, number> {
    return readReport(reportFile(this.#home, plan, spec));
  }
}
