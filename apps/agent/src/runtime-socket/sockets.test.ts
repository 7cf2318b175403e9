import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { grpcServer, rawServer, restServer } from "../testing/socket-server.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { askContainerd } from "./containerd.ts";
import { askCri } from "./cri.ts";
import { askDocker } from "./docker.ts";
import { askPodman } from "./podman.ts";
import { Containers, CriContainers, Namespaces, PodSandboxes } from "./schema.ts";
import type { Ask } from "./told.ts";

const failureOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "no failure",
    (error: Error) => error.message,
  );

const POD = "checkout-6d5f7c9b8d-x2x4z";
const SANDBOXES = PodSandboxes.encode({
  items: [
    {
      ...{ id: "s1", metadata: { name: POD, namespace: "shop" } },
      labels: { app: "checkout", "io.kubernetes.pod.name": POD },
    },
  ],
});
const CONTAINERS = CriContainers.encode({
  containers: [
    {
      ...{ id: "c1", podSandboxId: "s1", metadata: { name: "app" }, image: { image: "shop/checkout:3" } },
      labels: { "io.kubernetes.container.name": "app" },
    },
  ],
});

describe("what runtimes tell", () => {
  test("Docker: name, image, labels, and the pod that cri-dockerd notes there", async () => {
    const socket = await restServer((url, response) => {
      const labels = { "io.kubernetes.pod.name": "db-0", "io.kubernetes.pod.namespace": "data" };
      const one = { Id: "a", Names: ["/web"], Image: "box:1", Labels: { app: "web" }, More: 1 };
      const all = [one, { Id: "b", Labels: labels }];
      response.end(url === "/containers/json?all=1" ? JSON.stringify(all) : "[]");
    });
    expect(await askDocker(socket)(["a"])).toMatchObject([
      { id: "a", name: "web", image: "box:1", labels: { app: "web" }, podName: null },
      { id: "b", name: null, image: null, podName: "db-0", podNamespace: "data" },
    ]);
  });

  test("podman: pods and which container is a pod's infrastructure", async () => {
    const socket = await restServer((_, response) => {
      const infra = { Id: "i", Names: ["x-infra"], PodName: "shop", IsInfra: true, Labels: { tier: "back" } };
      const member = { Id: "a", Names: ["a"], Image: "box:1", PodName: "shop", IsInfra: false, Labels: null };
      response.end(JSON.stringify([infra, member]));
    });
    expect(await askPodman(socket)(["a"])).toMatchObject([
      { id: "i", podName: "shop", isSandbox: true, labels: { tier: "back" } },
      { id: "a", name: "a", podName: "shop", isSandbox: false, labels: {} },
    ]);
    const empty = await restServer((_, response) => response.end("null"));
    expect(await askPodman(empty)(["a"])).toEqual([]);
  });

  test("the CRI: pod labels without the kubelet's own, containers with the pod they are in", async () => {
    const socket = await grpcServer(({ method }) => ({
      message: method.endsWith("/ListPodSandbox") ? SANDBOXES : CONTAINERS,
    }));
    expect(await askCri(socket)([])).toEqual([
      {
        ...{ id: "s1", name: null, podName: POD, podNamespace: "shop" },
        ...{ isSandbox: true, image: null, labels: { app: "checkout" } },
      },
      {
        ...{ id: "c1", name: "app", podName: POD, podNamespace: "shop" },
        ...{ isSandbox: false, image: "shop/checkout:3", labels: { app: "checkout" } },
      },
    ]);
  });

  test("containerd: each namespace by its own API, Kubernetes' by the CRI, Docker's not at all", async () => {
    const asked: string[] = [];
    const socket = await grpcServer(({ method, headers, message: question }) => {
      const namespace = String(headers["containerd-namespace"] ?? "");
      asked.push(
        `${method.split("/").at(-2)} ${namespace} ${question.toString("latin1").slice(2)}`.trimEnd(),
      );
      if (method.includes(".Namespaces/")) {
        const names = ["default", "k8s.io", "moby"];
        return { message: Namespaces.encode({ namespaces: names.map((name) => ({ name })) }) };
      }
      if (method.includes("RuntimeService")) return { refuse: 12 };
      const labels = { app: "web", "nerdctl/name": "web-1", "io.containerd.image": "x" };
      return { message: Containers.encode({ containers: [{ id: "web", labels, image: "box:1" }] }) };
    });
    expect(await askContainerd(socket)(["web"])).toMatchObject([
      { id: "web", name: "web-1", image: "box:1", labels: { app: "web" } },
    ]);
    expect([...new Set(asked)].sort()).toEqual([
      'containerd.services.containers.v1.Containers default id=="web"',
      "containerd.services.namespaces.v1.Namespaces",
      "runtime.v1.RuntimeService",
    ]);
  });
});

const ASKS: [string, (socket: string) => Ask][] = [
  ["Docker", askDocker],
  ["podman", askPodman],
  ["the CRI", askCri],
  ["containerd", askContainerd],
];

describe.each(ASKS)("%s, when nothing is told", (_, askAt) => {
  const ask = (socket: string) => failureOf(askAt(socket)(["a"]));

  test("because its socket is absent, or left by a daemon that is gone", async () => {
    const socket = path.join(temporaryDirectory("socket"), "x.sock");
    expect(await ask(socket)).toBe(`${socket} isn't there`);
    fs.writeFileSync(socket, "");
    expect(await ask(socket)).toBe(`${socket} is there, but nobody answers at it`);
  });

  test("because the answer is something else", async () => {
    expect(await ask(await rawServer((c) => c.end("220 mail\r\n")))).toMatch(
      /x\.sock gave no answer|hung up/,
    );
    expect(await ask(await rawServer((c) => c.destroy()))).toMatch(/x\.sock (gave no answer|hung up)/);
  });
});

describe("an answer that is hostile", () => {
  test("by never ending is waited for no longer than two seconds", async () => {
    const socket = await rawServer(() => {});
    const failures = await Promise.all(ASKS.map(([, askAt]) => failureOf(askAt(socket)(["a"]))));
    for (const failure of failures) expect(failure).toMatch(/no whole answer within 2 s/);
  });

  test("by its size is not taken in", async () => {
    const megabyte = Buffer.alloc(1 << 20, "1");
    const endless = await restServer((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(megabyte));
      };
      response.on("drain", more);
      more();
    });
    expect(await failureOf(askDocker(endless)(["a"]))).toMatch(/more than 16 MB/);
    const large = await grpcServer(() => ({ message: Buffer.alloc((16 << 20) + 1) }));
    expect(await failureOf(askCri(large)(["a"]))).toMatch(/more than 16 MB/);
  });

  test("by its form is told from none", async () => {
    for (const body of ["{", '{"a":1}', '[{"Id":5}]', '[{"Id":"a","Labels":{"a":1}}]']) {
      const socket = await restServer((_, response) => response.end(body));
      expect(await failureOf(askDocker(socket)(["a"]))).toMatch(/an answer to .* that can't be read/);
    }
    for (const raw of [[], [0, 0, 0, 0, 9], [1, 0, 0, 0, 1, 10], [0, 0, 0, 0, 2, 0x0a, 9]]) {
      const socket = await grpcServer(() => ({ raw: Uint8Array.from(raw) }));
      expect(await failureOf(askCri(socket)(["a"]))).toMatch(/an answer that can't be read|status \d+: \w/);
    }
  });

  test("by its status says the status", async () => {
    const socket = await restServer((_, response) => response.writeHead(500).end("[]"));
    expect(await failureOf(askDocker(socket)(["a"]))).toMatch(/with status 500/);
    const refusing = await grpcServer(() => ({ refuse: 7 }));
    expect(await failureOf(askCri(refusing)(["a"]))).toMatch(/refused with gRPC status 7: no/);
  });
});
