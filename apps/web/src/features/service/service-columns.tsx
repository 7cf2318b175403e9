/** The columns of the table of services. */
import type { ServiceView } from "@millrace/contract/declared";
import { count } from "@millrace/contract/units";
import Link from "next/link";
import { Quantity } from "@/ui/quantity.tsx";
import type { TableColumn } from "@/ui/table-column.ts";
import { DECLARED_COLUMNS } from "@/view/declared-columns.tsx";
import { addressText, nodePortsText, portText, readyOf, serviceName } from "./service-words.ts";

export const SERVICE_COLUMNS: readonly TableColumn<ServiceView>[] = [
  {
    id: "name",
    title: "Service",
    sort: "name",
    width: 200,
    grow: 2,
    cell: (service) => (
      <Link
        href={`/services/${serviceName(service)}`}
        className="figure truncate text-accent hover:underline"
      >
        {serviceName(service)}
      </Link>
    ),
  },
  {
    id: "addresses",
    title: "Virtual addresses",
    width: 190,
    grow: 2,
    cell: (service) => (
      <span className={service.addresses.length > 0 ? "figure truncate" : "text-text-3"}>
        {addressText(service)}
      </span>
    ),
  },
  {
    id: "ports",
    title: "Ports",
    width: 160,
    grow: 2,
    cell: ({ ports }) => <span className="figure truncate">{ports.map(portText).join(", ")}</span>,
  },
  {
    id: "nodePorts",
    title: "Node ports",
    help: "Ports of every host's own addresses that lead to it. Cluster: to backends of all hosts. Local: to those on that host alone",
    width: 140,
    grow: 1,
    cell: (service) => (
      <span className="truncate">
        <span className="figure">{nodePortsText(service)}</span>
        {service.externalTraffic && <span className="text-text-3"> {service.externalTraffic}</span>}
      </span>
    ),
  },
  {
    id: "ready",
    title: "Ready",
    help: "Backends that get new connections: pods that it selects, and endpoints that its slices name",
    sort: "ready",
    width: 80,
    align: "right",
    cell: (service) => <Ready of={service} />,
  },
  {
    id: "draining",
    title: "Draining",
    help: "Backends that go on with what they serve and get nothing new",
    sort: "draining",
    width: 84,
    align: "right",
    cell: ({ backends }) => <Quantity value={count(backends.draining)} />,
  },
  {
    id: "hosts",
    title: "Hosts",
    help: "That go by an answer about it now: each is told of a change",
    sort: "hosts",
    width: 70,
    align: "right",
    cell: ({ hosts }) => <Quantity value={count(hosts)} />,
  },
  ...DECLARED_COLUMNS,
];

function Ready({ of }: { of: ServiceView }) {
  const ready = readyOf(of);
  if (ready > 0) return <Quantity value={count(ready)} />;
  return (
    <span className="text-warn" title="Connections to it fail: there is nothing behind it">
      ▲ <span className="figure">0</span>
    </span>
  );
}
