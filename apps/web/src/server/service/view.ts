/** Services as pages show them. */
import {
  type ByServiceName,
  MOST_FAILING,
  MOST_HOLDERS,
  type ServiceView,
  type WholeServiceView,
} from "@millrace/contract/declared";
import { DOCUMENT_LIMITS } from "@millrace/contract/document";
import { AppError } from "@millrace/contract/error";
import { type Family, parseAddress } from "@millrace/contract/prefix";
import * as repo from "./repo.ts";
import { backendsOfService } from "./resolve.ts";

/** What a host said longer ago holds no more. */
const HEARD_WITHIN_MS = 60_000;

export async function listServices(): Promise<ServiceView[]> {
  return (await repo.list(null, DOCUMENT_LIMITS.listed)).map(viewOf);
}

export async function getService({ namespace, name }: ByServiceName): Promise<WholeServiceView> {
  const [row] = await repo.list({ namespace, name }, 1);
  const why = `there is no service ${namespace}/${name}`;
  if (!row) throw new AppError("NOT_FOUND", why, { publicMessage: why });
  const families = [];
  for (const family of familiesOf(row))
    families.push({
      family,
      ...(await backendsOfService({ namespace, name, reading: row.reading }, family)),
    });
  const [holders, failing] = await Promise.all([
    repo.findHolders(namespace, name, MOST_HOLDERS),
    repo.findFailing(row, HEARD_WITHIN_MS, MOST_FAILING),
  ]);
  return { ...viewOf(row), families, holders, failing };
}

function familiesOf({ reading, addresses }: repo.ListRow): Family[] {
  if (reading.headless) return [4, 6];
  return addresses.flatMap((address) => parseAddress(address)?.family ?? []);
}

function viewOf({ reading, nodePorts, pods, ready, draining, ...row }: repo.ListRow): ServiceView {
  const ports = reading.ports.map(({ name, protocol, port }) => {
    const held = nodePorts.find((one) => one.protocol === protocol && one.servicePort === port);
    return { name, protocol, port, nodePort: held?.port ?? null };
  });
  const { headless, affinitySeconds, externalTraffic = null } = reading;
  return {
    ...row,
    ...{ isHeadless: headless, ports, affinitySeconds, externalTraffic },
    backends: { pods, ready, draining },
  };
}
