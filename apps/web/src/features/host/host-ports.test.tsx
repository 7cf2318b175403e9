import type { NetworkReport } from "@millrace/contract/agent-protocol";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { HostPorts } from "./host-ports.tsx";

type Port = NetworkReport["hostPorts"]["some"][number];
const port = (more: Partial<Port> = {}): Port => ({
  ...{ protocol: "tcp", port: 8080, address: null, pod: "shop/web-1", podPort: 80 },
  ...more,
});
const words = (count: number, ...some: Port[]) =>
  renderToStaticMarkup(<HostPorts ports={{ count, some }} />).replaceAll(/<[^>]*>/g, " ");

test("each port is told with where it is open, its pod and the pod's port, and how many more there are", () => {
  const dns = port({ protocol: "udp", port: 53, address: "192.0.2.1", pod: "infra/dns-1", podPort: 5353 });
  const text = words(
    7,
    port(),
    dns,
    port({ port: 81, address: "0.0.0.0" }),
    port({ port: 82, address: "::" }),
  );
  expect(text).toMatch(/8080\/tcp +all +shop\/web-1 +80 .*53\/udp +192\.0\.2\.1 +infra\/dns-1 +5353/);
  expect(text).toMatch(/81\/tcp +all IPv4 .*82\/tcp +all IPv6 /);
  expect(text).toMatch(/and +3 +more/);
});

test("none is told as none", () => {
  expect(words(0)).toContain("None leads to a pod.");
});
