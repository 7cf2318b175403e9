/**
 * The pods of a lab: adding, removing and looking them up. What happens to one pod happens in order; pods
 * are otherwise independent. Which pods there should be is the caller's to say (shop.ts, a test).
 */
import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { removeCgroups } from "./cgroup.ts";
import {
  type ContainerHome,
  endContainer,
  podHostsFile,
  type RunningContainer,
  startContainer,
} from "./container.ts";
import { kill, processesInNetns } from "./process-table.ts";
import { hostPaths } from "./state-directory.ts";
import { LabError, until } from "./subprocess.ts";
import {
  type ContainerSpec,
  type HostPlan,
  netnsPath,
  nextPodNumber,
  type PodPlan,
  type PodSpec,
  planPod,
} from "./topology.ts";
import type { Wiring } from "./wiring.ts";

/** A container that should run: `running` is the present one, replaced under a new id after each end. */
export type ContainerSlot = {
  spec: ContainerSpec;
  running: RunningContainer | undefined;
  restarts: number;
  /** Of starts in a row that didn't last; the keeper waits longer after each. */
  shortLives: number;
};
export type Pod = { plan: PodPlan; uid: string; containers: ContainerSlot[] };

const PROCESS_END_DEADLINE_MS = 5_000;

/** Every name the shop's programs may ask for, in both families. */
const hostsFile = (pods: Iterable<PodPlan>): string =>
  [
    "127.0.0.1 localhost",
    "::1 localhost",
    ...[...pods].flatMap((p) => [`${p.ip4} ${p.name}`, `${p.ip6} ${p.name}`]),
  ]
    .join("\n")
    .concat("\n");

/** Ends what runs in namespaces beside the containers, such as a tool that a test started there. */
export async function endProcessesInNetns(paths: readonly string[]): Promise<void> {
  const gone = await until(
    () => {
      const pids = processesInNetns(paths);
      for (const pid of pids) kill(pid, "SIGKILL");
      return pids.length === 0;
    },
    PROCESS_END_DEADLINE_MS,
    20,
  );
  if (!gone) throw new LabError(`processes in ${paths.join(", ")} won't die`);
}

export class Pods {
  readonly #home: ContainerHome;
  readonly #hosts: readonly HostPlan[];
  readonly #wiring: Wiring;
  readonly #pods = new Map<string, Pod>();
  readonly #planned = new Map<string, PodPlan>();
  readonly #lastNumber = new Map<string, number>();
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(home: ContainerHome, hosts: readonly HostPlan[], wiring: Wiring) {
    this.#home = home;
    this.#hosts = hosts;
    this.#wiring = wiring;
  }

  all(): Pod[] {
    return [...this.#pods.values()];
  }

  get(name: string): Pod {
    const pod = this.#pods.get(name);
    if (!pod)
      throw new LabError(
        `no pod '${name}' in the lab; it has ${[...this.#pods.keys()].join(", ") || "none"}`,
      );
    return pod;
  }

  /** Gives a pod its address, so that others can know it before it starts. */
  plan(spec: PodSpec): PodPlan {
    if (this.#planned.has(spec.name)) throw new LabError(`the lab has a pod '${spec.name}' already`);
    const host = this.#hosts[spec.hostNumber - 1];
    if (!host) throw new LabError(`pod '${spec.name}': the lab has no host ${spec.hostNumber}`);
    const numberOf = (plan: PodPlan) => Number(plan.ip4.split(".")[3]);
    const onHost = [...this.#planned.values()].filter((plan) => plan.host.number === host.number);
    const number = nextPodNumber(new Set(onHost.map(numberOf)), this.#lastNumber.get(host.name));
    const plan = planPod(this.#home.labName, host, spec, number);
    this.#lastNumber.set(host.name, number);
    this.#planned.set(spec.name, plan);
    return plan;
  }

  /** Namespace and link, before anything runs in it: then others can know its addresses. */
  async wire(plan: PodPlan): Promise<PodPlan> {
    return await this.inOrder(plan.name, async () => {
      try {
        const wired = await this.#wiring.wire(plan);
        this.#planned.set(plan.name, wired);
        return wired;
      } catch (error) {
        this.#planned.delete(plan.name);
        throw error;
      }
    });
  }

  /** Of a pod that is wired. */
  async start(plan: PodPlan): Promise<Pod> {
    return await this.inOrder(plan.name, () => this.#start(plan));
  }

  async #start(plan: PodPlan): Promise<Pod> {
    const pod: Pod = { plan, uid: randomUUID(), containers: [] };
    try {
      await writeFile(
        podHostsFile(hostPaths(this.#home.state, plan.host.name), plan),
        hostsFile(this.#planned.values()),
      );
      for (const spec of plan.containers) {
        const running = await startContainer(this.#home, plan, pod.uid, spec);
        pod.containers.push({ spec, running, restarts: 0, shortLives: 0 });
      }
    } catch (error) {
      await this.#dismantle(pod);
      this.#planned.delete(plan.name);
      throw error;
    }
    this.#pods.set(plan.name, pod);
    return pod;
  }

  async remove(name: string): Promise<void> {
    await this.inOrder(name, async () => {
      const pod = this.get(name);
      this.#pods.delete(name);
      await this.#dismantle(pod);
      this.#planned.delete(name);
    });
  }

  async #dismantle(pod: Pod): Promise<void> {
    const { plan, containers } = pod;
    await Promise.all(containers.map(({ running }) => running && endContainer(this.#home, plan, running)));
    await endProcessesInNetns([netnsPath(plan.netns)]);
    const failures = await this.#wiring.unwire(plan);
    const cgroups = removeCgroups(this.#home.labName, plan.name);
    await rm(podHostsFile(hostPaths(this.#home.state, plan.host.name), plan), { force: true });
    if (failures.length + cgroups.length > 0) {
      throw new LabError(`pod ${plan.name} isn't removed in full: ${[...failures, ...cgroups].join("; ")}`);
    }
  }

  /** Takes the container's end for granted and starts its successor, under a new id. */
  async replaceContainer(pod: Pod, slot: ContainerSlot): Promise<void> {
    const ended = slot.running;
    slot.running = undefined;
    if (ended) await endContainer(this.#home, pod.plan, ended);
    slot.running = await startContainer(this.#home, pod.plan, pod.uid, slot.spec);
    slot.restarts++;
  }

  /** Runs `work` after everything asked of that pod before; a pod is never changed from two sides at once. */
  inOrder<T>(podName: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(podName) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#queues.set(podName, mine);
    const forget = () => {
      if (this.#queues.get(podName) === mine) this.#queues.delete(podName);
    };
    mine.then(forget, forget);
    return mine;
  }
}
