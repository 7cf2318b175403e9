import { describe, expect, test } from "vitest";
import { readManifests } from "./manifest.ts";

const read = (text: string) => readManifests([{ name: "f.yaml", text }]);
const lines = (text: string, ...paths: string[]) => {
  const [manifest] = read(text).manifests;
  return paths.map((at) => manifest?.lineOf(at));
};

const POLICY = `# a comment
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
  annotations:
    millrace.io/mode: observe
spec:
  podSelector: { matchLabels: { app: web } }
  ingress:
    - from:
        - podSelector: {}
      ports:
        - port: 80

        - port: 443
`;

describe("a field's line", () => {
  test("is that of its name, in maps, lists and flow style", () => {
    expect(
      lines(
        POLICY,
        ...["kind", "metadata.annotations[millrace.io/mode]", "spec.podSelector.matchLabels.app"],
        ...["spec.ingress[0].ports", "spec.ingress[0].ports[1]", "spec.ingress[0].ports[1].port"],
      ),
    ).toEqual([3, 7, 9, 13, 16, 16]);
  });

  test("that isn't there is that of what it is missing in", () => {
    expect(lines(POLICY, "spec.egress[3].to", "metadata.labels", "", "spec.ingress[7]")).toEqual([
      8, 4, 2, 10,
    ]);
  });

  test("counts from the file's first line, in whichever document it is", () => {
    const { manifests } = read(`---\n${POLICY}---\n# nothing\n---\n${POLICY}`);
    expect(manifests.map(({ lineOf }) => lineOf("spec"))).toEqual([9, 28]);
  });

  test("is found in the items of a list", () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n  - kind: Namespace\n  - kind: Service\n    spec:\n      ports: []\n`;
    const { manifests } = read(list);
    expect(manifests.map(({ document }) => document.kind)).toEqual(["Namespace", "Service"]);
    expect(manifests.map(({ lineOf }) => lineOf("kind"))).toEqual([4, 5]);
    expect(manifests[1]?.lineOf("spec.ports")).toBe(7);
  });

  test("is found in JSON", () => {
    expect(lines('{\n "kind": "Service",\n "spec": {\n  "ports": []\n }\n}', "kind", "spec.ports")).toEqual([
      2, 4,
    ]);
  });
});

test.each([
  ["kind: A\nspec: [\n", 3, /flow sequence|flow collection/i],
  ["kind: A\nkind: B\n", 2, /keys must be unique/],
  ["- kind: A\n", 1, /is no document/],
  ["just words\n", 1, /is no document/],
  ["kind: List\nitems:\n  - kind: A\n  - 5\n", 4, /is no document/],
])("%j is refused with its line", (text, line, message) => {
  const { problems } = read(text);
  expect(problems[0]).toMatchObject({ file: "f.yaml", message: expect.stringMatching(message) });
  expect(problems[0]?.line).toBe(line);
});

test("an alias that grows without end is an error, and no end of memory", () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) =>
      `a${i}: &a${i} [${Array(12)
        .fill(i ? `*a${i - 1}` : "x")
        .join(", ")}]`,
  );
  expect(() => read(levels.join("\n"))).toThrow(/alias/i);
});
