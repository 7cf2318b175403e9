/**
 * Kubernetes' Service, read as far as Millrace carries it out. What it doesn't do is refused with its field, unless it is
 * the default or only a wish; an unknown field is somebody's mistake. Names and labels are not looked at here, nor whether an
 * address is free: that is the control plane's to know.
 */
import { PORT_NAME } from "@millrace/contract/named-port";
import { type Family, parseAddress } from "@millrace/contract/prefix";
import {
  AFFINITY_SECONDS,
  NODE_PORT_RANGE,
  SERVICE_LIMITS,
  SERVICE_PROTOCOLS,
  TRAFFIC_POLICIES,
  type TrafficPolicy,
} from "@millrace/contract/service";
import { z } from "zod";
import { metadataWith } from "./metadata.ts";
import { fields, type Reading, read } from "./reading.ts";
import { LabelMap } from "./selector.ts";
import {
  AnyAddress,
  FamilyName,
  Ignored,
  only,
  Port,
  ProtocolName,
  plainAddress,
  refused,
  ServicePortName,
} from "./service-fields.ts";

export type ServiceProtocolNumber = 6 | 17 | 132;
export type ServiceReading = {
  /** null: its backends are what its slices say, and nothing else. */
  selector: Record<string, string> | null;
  /** It has no virtual address, and gets none. */
  headless: boolean;
  /** Asked for, at most one a family; the others are the control plane's to give. */
  addresses: string[];
  /** It has an address of each of these, given or not; null: of each family that there is a range of. */
  families: Family[] | null;
  affinitySeconds: number | null;
  /** Of a service whose ports have node ports, and of no other: whose backends those send to. */
  externalTraffic?: TrafficPolicy;
  ports: {
    name: string;
    protocol: ServiceProtocolNumber;
    port: number;
    /** A number, or the name that the pod gives one of its ports. Slices have their own. */
    target: number | string;
    /** Asked for; without it one is given, if the service has node ports. */
    nodePort?: number;
  }[];
};

export function readService(document: unknown): Reading<ServiceReading> {
  const whole = read(ServiceDocument, document);
  if (!whole.ok) return whole;
  const { spec } = whole.value;
  const given = [...new Set([spec.clusterIP ?? "", ...(spec.clusterIPs ?? [])])].filter((one) => one !== "");
  const headless = given.includes("None");
  const selector = spec.selector ?? {};
  return {
    ok: true,
    value: {
      selector: Object.keys(selector).length > 0 ? selector : null,
      headless,
      addresses: headless ? [] : [...new Set(given.map(plainAddress))],
      families: headless ? [] : familiesOf(spec, given.map(familyOf)),
      affinitySeconds:
        spec.sessionAffinity === "ClientIP"
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS.usual)
          : null,
      ...(spec.type === "NodePort" ? { externalTraffic: spec.externalTrafficPolicy ?? "Cluster" } : {}),
      ports: (spec.ports ?? []).map(({ name, protocol, port, targetPort, nodePort }) => ({
        ...{ name: name ?? "", protocol: SERVICE_PROTOCOLS[protocol], port, target: targetPort ?? port },
        ...(nodePort === undefined ? {} : { nodePort }),
      })),
    },
  };
}

const familyOf = (text: string): Family => parseAddress(text)?.family ?? 4;

type SpecFamilies = { ipFamilies?: ("IPv4" | "IPv6")[] | undefined; ipFamilyPolicy?: string | undefined };
function familiesOf({ ipFamilies, ipFamilyPolicy }: SpecFamilies, given: readonly Family[]): Family[] | null {
  const named = ipFamilies?.map((name): Family => (name === "IPv4" ? 4 : 6));
  const [first = 4] = named ?? given;
  if (ipFamilyPolicy === "SingleStack") return [first];
  if (ipFamilyPolicy === "RequireDualStack") return [first, first === 4 ? 6 : 4];
  if (ipFamilyPolicy === "PreferDualStack") return null;
  return named ?? (given.length > 0 ? [...given] : null);
}

const ClusterIp = z.union([z.literal(["", "None"]), AnyAddress], {
  error: "must be an IPv4 or IPv6 address, or None for a service without one",
});

const NO_TARGET = "must be a port number or a port's name: at most 15 small letters, digits and hyphens";
const ServicePort = fields({
  name: ServicePortName.optional(),
  protocol: ProtocolName,
  port: Port,
  targetPort: z.union([Port, z.string().regex(PORT_NAME, NO_TARGET)], { error: NO_TARGET }).optional(),
  appProtocol: Ignored,
  nodePort: z.int().min(NODE_PORT_RANGE.first).max(NODE_PORT_RANGE.last).optional(),
});

const LOAD_BALANCERS = "is not done: it is of load balancers";
const ServiceSpec = fields({
  type: only(
    ["ClusterIP", "NodePort"],
    "load balancers and names outside are not done, so it must be",
  ).optional(),
  clusterIP: ClusterIp.optional(),
  clusterIPs: z.array(ClusterIp).max(2).optional(),
  ipFamilies: z.array(FamilyName).min(1).max(2).optional(),
  ipFamilyPolicy: z.enum(["SingleStack", "PreferDualStack", "RequireDualStack"]).optional(),
  ports: z.array(ServicePort).max(SERVICE_LIMITS.ports).optional(),
  selector: LabelMap.optional(),
  sessionAffinity: z.enum(["None", "ClientIP"]).optional(),
  sessionAffinityConfig: fields({
    clientIP: fields({
      timeoutSeconds: z.int().min(AFFINITY_SECONDS.least).max(AFFINITY_SECONDS.most).optional(),
    }).optional(),
  }).optional(),
  internalTrafficPolicy: only(["Cluster"], "backends of all hosts are used, so it must be").optional(),
  // A wish, and what is true of every published pod.
  trafficDistribution: Ignored,
  publishNotReadyAddresses: Ignored,
  externalIPs: refused("is not done: a service has its virtual address and node ports"),
  externalName: refused("is not done: it would be an answer of DNS"),
  externalTrafficPolicy: z.enum(TRAFFIC_POLICIES).optional(),
  healthCheckNodePort: refused(LOAD_BALANCERS),
  allocateLoadBalancerNodePorts: refused(LOAD_BALANCERS),
  loadBalancerClass: refused(LOAD_BALANCERS),
  loadBalancerIP: refused(LOAD_BALANCERS),
  loadBalancerSourceRanges: refused("is not done: say it as a policy"),
}).superRefine((spec, ctx) => {
  const say = (path: (string | number)[], message: string) =>
    ctx.addIssue({ code: "custom", path, message, input: spec });
  addressesTogether(spec, say);
  portsTogether(spec, say);
  if (spec.type === "NodePort") nodePortsTogether(spec, say);
  else noNodePorts(spec, say);
});

type Say = (path: (string | number)[], message: string) => void;
type SpecAddresses = {
  clusterIP?: string | undefined;
  clusterIPs?: string[] | undefined;
  ipFamilies?: string[] | undefined;
  ipFamilyPolicy?: string | undefined;
};

/** One address a family, and what is said twice is said alike. */
function addressesTogether(spec: SpecAddresses, say: Say): void {
  const { clusterIP = "", clusterIPs = [], ipFamilies } = spec;
  if (clusterIPs.length > 0 && clusterIP !== "" && clusterIPs[0] !== clusterIP)
    say(["clusterIPs", 0], `must be clusterIP, ${clusterIP}`);
  if (clusterIPs.length > 1 && clusterIPs.includes("None")) say(["clusterIPs"], "None stands alone");
  if (ipFamilies && new Set(ipFamilies).size < ipFamilies.length) say(["ipFamilies"], "names a family twice");
  const familyName = (text: string) => `IPv${parseAddress(text)?.family}`;
  const given = [...new Set([clusterIP, ...clusterIPs])].filter((text) => parseAddress(text));
  if (spec.ipFamilyPolicy === "SingleStack" && Math.max(given.length, ipFamilies?.length ?? 0) > 1)
    say(["ipFamilyPolicy"], "is SingleStack, but two families are named");
  given.forEach((text, i) => {
    const path = clusterIPs.includes(text) ? ["clusterIPs", clusterIPs.indexOf(text)] : ["clusterIP"];
    if (given.slice(0, i).some((other) => familyName(other) === familyName(text)))
      say(path, `is a second ${familyName(text)} address: a service has one a family`);
    if (ipFamilies && !ipFamilies.includes(familyName(text)))
      say(path, `is an ${familyName(text)} address, which ipFamilies doesn't name`);
  });
}

type SpecPorts = {
  clusterIP?: string | undefined;
  clusterIPs?: string[] | undefined;
  externalTrafficPolicy?: string | undefined;
  ports?:
    | { name?: string | undefined; protocol: string; port: number; nodePort?: number | undefined }[]
    | undefined;
};
function portsTogether({ clusterIP, clusterIPs = [], ports = [] }: SpecPorts, say: Say): void {
  if (ports.length === 0 && clusterIP !== "None" && !clusterIPs.includes("None"))
    say(["ports"], "a service with a virtual address has at least one port");
  ports.forEach(({ name = "", protocol, port }, i) => {
    const before = ports.slice(0, i);
    if (ports.length > 1 && name === "") say(["ports", i, "name"], "of several ports each has a name");
    if (before.some((other) => (other.name ?? "") === name && name !== ""))
      say(["ports", i, "name"], `another port is “${name}” too`);
    if (before.some((other) => other.protocol === protocol && other.port === port))
      say(["ports", i, "port"], `${port}/${protocol} is there twice`);
  });
}

/** What answers at a node port is what answers at the virtual address. */
function nodePortsTogether({ clusterIP, clusterIPs = [], ports = [] }: SpecPorts, say: Say): void {
  if (clusterIP === "None" || clusterIPs.includes("None"))
    say(
      [clusterIP === "None" ? "clusterIP" : "clusterIPs"],
      "is None, but a service with node ports has a virtual address",
    );
  ports.forEach(({ protocol, nodePort }, i) => {
    if (protocol === "SCTP")
      say(["ports", i, "protocol"], "is SCTP, which has no node ports: it must be TCP or UDP");
    const isSame = (other: (typeof ports)[number]) =>
      other.protocol === protocol && other.nodePort === nodePort;
    if (nodePort !== undefined && ports.slice(0, i).some(isSame))
      say(["ports", i, "nodePort"], `${nodePort}/${protocol} is there twice`);
  });
}

function noNodePorts({ externalTrafficPolicy, ports = [] }: SpecPorts, say: Say): void {
  const why = "is for node ports, and type is not NodePort";
  if (externalTrafficPolicy !== undefined) say(["externalTrafficPolicy"], why);
  ports.forEach(({ nodePort }, i) => {
    if (nodePort !== undefined) say(["ports", i, "nodePort"], why);
  });
}

const ServiceDocument = fields({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: metadataWith([]),
  spec: ServiceSpec,
});
