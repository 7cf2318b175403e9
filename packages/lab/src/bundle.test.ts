/** The OCI configuration says what a runtime interface would say, and no more than the container needs. */
import { expect, test } from "vitest";
import { ociConfig } from "./bundle.ts";
import { planHost, planPod } from "./topology.ts";

const container = { name: "ledger", argv: ["/bin/true"], restart: true };
const pod = planPod(
  "demo",
  planHost("demo", 1),
  {
    name: "checkout",
    namespace: "shop",
    hostNumber: 1,
    labels: { app: "checkout" },
    containers: [container],
  },
  10,
);
const config = ociConfig({
  labName: "demo",
  pod,
  podUid: "0f1e2d3c-0000-4000-8000-000000000000",
  container,
  rootfs: "/state/rootfs",
  mounts: [],
});

test("pod and container are named in the annotations a runtime interface sets", () => {
  expect(config).toMatchObject({
    annotations: {
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.container-name": "ledger",
      "io.kubernetes.cri.sandbox-name": "checkout",
      "io.kubernetes.cri.sandbox-namespace": "shop",
      "io.kubernetes.cri.sandbox-uid": "0f1e2d3c-0000-4000-8000-000000000000",
      "io.kubernetes.cri.sandbox-id": expect.stringMatching(/^[0-9a-f]{64}$/),
      "millrace.io/labels": '{"app":"checkout"}',
    },
  });
});

test("the container has namespaces of its own but for the pod's network", () => {
  expect(config).toMatchObject({
    linux: {
      cgroupsPath: "/millrace-lab/demo/checkout/ledger",
      namespaces: [
        { type: "pid" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        { type: "network", path: "/run/netns/mr-demo-pod-checkout" },
      ],
    },
  });
});

test("the root is read-only and the capabilities are two", () => {
  expect(config).toMatchObject({
    root: { readonly: true },
    process: { noNewPrivileges: true, capabilities: { bounding: ["CAP_NET_RAW", "CAP_NET_BIND_SERVICE"] } },
  });
});
