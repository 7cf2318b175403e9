"use client";
/** Ports of the host that lead to its pods, as their runtime asked for them. */
import type { NetworkReport } from "@millrace/contract/agent-protocol";
import { count } from "@millrace/contract/units";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";

type Ports = NetworkReport["hostPorts"];
type Port = Ports["some"][number];

const addressText = ({ address }: Port): string => {
  if (address === null) return "all";
  return address === "0.0.0.0" ? "all IPv4" : address === "::" ? "all IPv6" : address;
};

export function HostPorts({ ports }: { ports: Ports }) {
  const more = ports.count - ports.some.length;
  return (
    <Section title="Ports of the host" note="what comes to one by the uplink is its pod's">
      <PlainTable
        label="Ports of the host"
        rows={ports.some}
        rowKey={(port) => `${port.protocol} ${port.port} ${port.address} ${port.pod}`}
        empty="None leads to a pod."
        columns={[
          {
            title: "Port",
            cell: (port) => <span className="figure">{`${port.port}/${port.protocol}`}</span>,
          },
          { title: "At", cell: (port) => <span className="figure">{addressText(port)}</span> },
          { title: "Pod", cell: (port) => port.pod },
          {
            title: "Its port",
            align: "right",
            cell: (port) => <span className="figure">{port.podPort}</span>,
          },
        ]}
      />
      {more > 0 && (
        <p className="py-1 text-text-3">
          and <Quantity value={count(more)} /> more
        </p>
      )}
    </Section>
  );
}
