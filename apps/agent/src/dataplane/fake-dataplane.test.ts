import { describeDataplane } from "../testing/dataplane-suite.ts";
import { FakeHost } from "../testing/fake-host.ts";
import { FakeDataplane } from "./fake-dataplane.ts";

describeDataplane("the fake dataplane", async (run) => {
  const host = new FakeHost();
  const pod = host.addPod("web", "10.0.0.1");
  const point = { cookie: pod.cookie as bigint, ifindex: 2, netns: "web", endpointId: 7 };
  const tuple = { local: "10.0.0.1", remote: "10.0.0.2", sport: 1, dport: 0, proto: 1 };
  await run({
    open: () => new FakeDataplane(host.kernel),
    point,
    exchange: (packets) => {
      const key = { ...host.key(pod, tuple), endpointId: point.endpointId };
      for (let i = 0; i < packets; i++) {
        host.kernel.packet(key, 0, 98);
        host.kernel.packet(key, 1, 98);
      }
    },
  });
});
