/**
 * How the lab's pods come to their links: by the plain kernel's bridge, with addresses that the lab gives, or by a CNI
 * plugin, called as its specification says. Which one is the lab's owner's to say.
 */
import { podNetnsStep, podStep } from "./network-plan.ts";
import { hostPaths, type StatePaths } from "./state-directory.ts";
import { doStep, undoStep } from "./step.ts";
import { LabError, run } from "./subprocess.ts";
import { netnsPath, type PodPlan } from "./topology.ts";

export interface Wiring {
  /** Makes the pod's namespace with eth0 in it; the plan with the addresses and names it came to. */
  wire(plan: PodPlan): Promise<PodPlan>;
  /** What failed. */
  unwire(plan: PodPlan): Promise<string[]>;
}

export class BridgeWiring implements Wiring {
  async wire(plan: PodPlan): Promise<PodPlan> {
    await doStep(podStep(plan));
    return plan;
  }
  unwire(plan: PodPlan): Promise<string[]> {
    return undoStep(podStep(plan));
  }
}

const CNI_VERSION = "1.1.0";
/** The dataplane may come up after the lab: the plugin waits for it. */
const WAIT_MS = 60_000;
const TIMEOUT_MS = 90_000;

type CniResult = {
  interfaces: { name: string; mac?: string; sandbox?: string }[];
  ips: { address: string }[];
};

export class CniWiring implements Wiring {
  readonly #plugin: string;
  readonly #state: StatePaths;

  constructor(plugin: string, state: StatePaths) {
    this.#plugin = plugin;
    this.#state = state;
  }

  async wire(plan: PodPlan): Promise<PodPlan> {
    await doStep(podNetnsStep(plan));
    try {
      const { interfaces, ips } = JSON.parse(await this.#call("ADD", plan)) as CniResult;
      const address = (v6: boolean) => ips.map((ip) => ip.address).find((one) => one.includes(":") === v6);
      const host = interfaces.find(({ sandbox }) => !sandbox);
      const pod = interfaces.find(({ sandbox }) => sandbox);
      return {
        ...plan,
        ip4: withoutLength(address(false)),
        ip6: withoutLength(address(true)),
        mac: pod?.mac ?? plan.mac,
        hostDevice: host?.name ?? plan.hostDevice,
      };
    } catch (error) {
      await undoStep(podNetnsStep(plan));
      throw error;
    }
  }

  async unwire(plan: PodPlan): Promise<string[]> {
    const failures = await this.#call("DEL", plan).then(
      () => [],
      (error: Error) => [error.message],
    );
    return [...failures, ...(await undoStep(podNetnsStep(plan)))];
  }

  async #call(command: "ADD" | "DEL", plan: PodPlan): Promise<string> {
    const { cniSocket } = hostPaths(this.#state, plan.host.name);
    const environment = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: plan.netns,
      CNI_NETNS: netnsPath(plan.netns),
      CNI_IFNAME: "eth0",
      CNI_PATH: "/opt/cni/bin",
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${plan.namespace};K8S_POD_NAME=${plan.name}`,
    };
    // With nobody to answer, a pod that goes is not worth waiting for: its namespace takes the link along.
    const waitMs = command === "ADD" ? WAIT_MS : 1000;
    const config = {
      ...{ cniVersion: CNI_VERSION, name: "lab", type: "millrace", agentSocket: cniSocket, waitMs },
      runtimeConfig: { portMappings: plan.hostPorts ?? [] },
    };
    const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const argv = ["env", ...assignments, this.#plugin];
    const { code, stdout, stderr } = await run({ argv, stdin: JSON.stringify(config) }, TIMEOUT_MS);
    if (code === 0) return stdout;
    const said = (stdout || stderr).trim() || `exit code ${code} without a word`;
    throw new LabError(`CNI ${command} of pod ${plan.name}: ${said}`);
  }
}

const withoutLength = (cidr: string | undefined): string => cidr?.split("/", 1)[0] ?? "";
