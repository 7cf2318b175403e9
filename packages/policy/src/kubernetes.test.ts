import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { documentsIn, readDocument } from "./document.ts";
import { PolicyDraft } from "./draft.ts";
import { problemText } from "./reading.ts";

const spec = (text: string, metadata = "{ name: p, namespace: shop }") =>
  `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: ${metadata}\nspec: ${text}\n`;
const read = (yaml: string) => readDocument(parse(yaml));
const problems = (yaml: string): string[] => {
  const reading = read(yaml);
  return reading.ok ? [] : reading.problems.map(problemText);
};

test("a document with every feature becomes the policy that is enforced", () => {
  const reading = read(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: checkout
  namespace: shop
  annotations: { millrace.io/mode: observe, other.io/x: y }
spec:
  podSelector:
    matchLabels: { app: checkout }
    matchExpressions: [{ key: env, operator: NotIn, values: [dev] }]
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - podSelector: { matchLabels: { app: web } }
        - namespaceSelector: {}
        - ipBlock: { cidr: 10.0.0.7/8, except: [10.1.0.0/16] }
      ports:
        - port: 80
        - { protocol: UDP, port: 8000, endPort: 8999 }
        - { protocol: SCTP }
        - { port: http }
  egress:
    - {}
`);
  expect(reading).toEqual({
    ok: true,
    value: {
      kind: "policy",
      language: "kubernetes",
      policy: {
        ...{ namespace: "shop", name: "checkout", tier: "tenant", mode: "observe" },
        subject: {
          pods: [
            { key: "app", operator: "In", values: ["checkout"] },
            { key: "env", operator: "NotIn", values: ["dev"] },
          ],
          namespaces: null,
        },
        isolates: ["ingress", "egress"],
        rules: [
          {
            ...{ place: 1, direction: "ingress", action: "allow" },
            peers: [
              { kind: "pods", pods: [{ key: "app", operator: "In", values: ["web"] }], namespaces: null },
              { kind: "pods", pods: [], namespaces: [] },
              { kind: "cidr", cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] },
            ],
            ports: [
              { protocol: 6, port: { from: 80, to: 80 } },
              { protocol: 17, port: { from: 8000, to: 8999 } },
              { protocol: 132, port: null },
              { protocol: 6, port: { name: "http" } },
            ],
          },
          { place: 2, direction: "egress", action: "allow", peers: null, ports: null },
        ],
      },
    },
  });
  if (reading.ok && reading.value.kind === "policy")
    expect(PolicyDraft.parse(reading.value.policy)).toEqual(reading.value.policy);
});

test("a rule keeps its place though rules before it count for nothing", () => {
  const reading = read(spec("{ policyTypes: [Egress], ingress: [{}, {}], egress: [{}] }"));
  expect(reading).toMatchObject({ value: { policy: { rules: [{ place: 3, direction: "egress" }] } } });
});

describe("a problem names its field and what was expected:", () => {
  test.each([
    [
      "{ ingress: [{ from: [{ podSelector: {} }, { ipBlock: { cidr: 10.0.0.0/25, except: [10.0.1.0/24] } }] }] }",
      "spec.ingress[0].from[1].ipBlock.except[0]: 10.0.1.0/24 isn't inside 10.0.0.0/25",
    ],
    [
      "{ ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.0/8, except: [10.0.0.0/8] } }] }] }",
      "spec.ingress[0].from[0].ipBlock.except[0]: 10.0.0.0/8 leaves nothing of 10.0.0.0/8",
    ],
    [
      "{ ingress: [{ from: [{ ipBlock: { cidr: 10.0.0.0/8, except: ['fd00::/64'] } }] }] }",
      "spec.ingress[0].from[0].ipBlock.except[0]: fd00::/64 isn't inside 10.0.0.0/8",
    ],
    [
      "{ egress: [{ to: [{ ipBlock: { cidr: 10.0.0.300/8 } }] }] }",
      "spec.egress[0].to[0].ipBlock.cidr: “10.0.0.300/8” is no block of addresses such as 10.0.0.0/16 or fd00::/64",
    ],
    [
      "{ egress: [{ to: [{ ipBlock: { cidr: 010.0.0.0/8 } }] }] }",
      "spec.egress[0].to[0].ipBlock.cidr: “010.0.0.0/8” is no block of addresses such as 10.0.0.0/16 or fd00::/64",
    ],
    [
      "{ egress: [{ to: [{ ipBlock: { cidr: 10.0.0.1 } }] }] }",
      "spec.egress[0].to[0].ipBlock.cidr: needs a length: 10.0.0.1/32",
    ],
    ["{ egress: [{ to: [{ ipBlock: { except: [] } }] }] }", "spec.egress[0].to[0].ipBlock.cidr: is missing"],
    [
      "{ ingress: [{ from: [{}] }] }",
      "spec.ingress[0].from[0]: names no peer: podSelector, namespaceSelector or ipBlock is needed",
    ],
    [
      "{ ingress: [{ from: [{ podSelector: }] }] }",
      "spec.ingress[0].from[0]: names no peer: podSelector, namespaceSelector or ipBlock is needed",
    ],
    [
      "{ ingress: [{ from: [{ podSelector: {}, ipBlock: { cidr: 0.0.0.0/0 } }] }] }",
      "spec.ingress[0].from[0].ipBlock: must not stand beside podSelector or namespaceSelector: write two peers",
    ],
    ["{ ingress: [{ form: [] }] }", "spec.ingress[0].form: there is no such field; did you mean from?"],
    ["{ egress: [{ from: [] }] }", "spec.egress[0].from: there is no such field"],
    ["{ ingres: }", "spec.ingres: there is no such field; did you mean ingress?"],
    [
      "{ egress: [{ to: [{ ipBlock: { cidr: 10.0.0.0/16, except: [10.0.0.0/8] } }] }] }",
      "spec.egress[0].to[0].ipBlock.except[0]: 10.0.0.0/8 isn't inside 10.0.0.0/16",
    ],
    ["{ podselector: {} }", "spec.podselector: there is no such field; did you mean podSelector?"],
    [
      "{ podSelector: { matchLabel: { a: b } } }",
      "spec.podSelector.matchLabel: there is no such field; did you mean matchLabels?",
    ],
    ["{ podSelector: { app: web } }", "spec.podSelector.app: there is no such field"],
    [
      "{ policyTypes: [ingress] }",
      "spec.policyTypes[0]: must be Ingress or Egress, not “ingress”; did you mean Ingress?",
    ],
    ["{ policyTypes: Ingress }", "spec.policyTypes: must be a list, not “Ingress”"],
    ["{ policyTypes: [Ingress, Egress, Ingress] }", "spec.policyTypes: has 3 entries; at most 2"],
    ["{ ingress: {} }", "spec.ingress: must be a list, not an object"],
    ["{ ingress: [null] }", "spec.ingress[0]: must be an object, not null"],
    [
      "{ ingress: [{ ports: [{ port: 0 }] }] }",
      "spec.ingress[0].ports[0].port: must be from 1 to 65535, not 0",
    ],
    [
      "{ ingress: [{ ports: [{ port: 65536 }] }] }",
      "spec.ingress[0].ports[0].port: must be from 1 to 65535, not 65536",
    ],
    [
      "{ ingress: [{ ports: [{ port: 80.5 }] }] }",
      "spec.ingress[0].ports[0].port: must be from 1 to 65535, not 80.5",
    ],
    [
      "{ ingress: [{ ports: [{ port: '80' }] }] }",
      "spec.ingress[0].ports[0].port: “80” is text, and so a port's name: write 80 without quotes",
    ],
    [
      "{ ingress: [{ ports: [{ port: HTTP }] }] }",
      "spec.ingress[0].ports[0].port: “HTTP” is no port's name: small letters, digits and single “-”, at least one letter, at most 15",
    ],
    [
      "{ ingress: [{ ports: [{ port: [80] }] }] }",
      "spec.ingress[0].ports[0].port: must be a number or a port's name, not a list",
    ],
    [
      "{ ingress: [{ ports: [{ endPort: 90 }] }] }",
      "spec.ingress[0].ports[0].endPort: needs a port, where the range begins",
    ],
    [
      "{ ingress: [{ ports: [{ port: http, endPort: 90 }] }] }",
      "spec.ingress[0].ports[0].endPort: needs a number as port: “http” is a name",
    ],
    [
      "{ ingress: [{ ports: [{ port: 100, endPort: 90 }] }] }",
      "spec.ingress[0].ports[0].endPort: must not be less than port: 90 is before 100",
    ],
    [
      "{ ingress: [{ ports: [{ port: 100, endPort: 70000 }] }] }",
      "spec.ingress[0].ports[0].endPort: must be at most 65535, not the number 70000",
    ],
    [
      "{ ingress: [{ ports: [{ protocol: tcp }] }] }",
      "spec.ingress[0].ports[0].protocol: must be TCP or UDP or SCTP, not “tcp”; did you mean TCP?",
    ],
    [
      "{ ingress: [{ ports: [{ protocol: ICMP }] }] }",
      "spec.ingress[0].ports[0].protocol: must be TCP or UDP or SCTP, not “ICMP”",
    ],
    [
      "{ podSelector: { matchLabels: { version: 1 } } }",
      "spec.podSelector.matchLabels.version: must be a string, not the number 1",
    ],
    [
      "{ podSelector: { matchLabels: { a/b/c: x } } }",
      "spec.podSelector.matchLabels[a/b/c]: “a/b/c” is no label key: up to 63 letters, digits, “-”, “_” and “.”, perhaps after a domain and “/”",
    ],
    [
      "{ podSelector: { matchLabels: { app: 'no spaces' } } }",
      "spec.podSelector.matchLabels.app: “no spaces” is no label value: up to 63 letters, digits, “-”, “_” and “.”, beginning and ending with a letter or digit",
    ],
    [
      "{ podSelector: { matchExpressions: [{ key: a, operator: in, values: [b] }] } }",
      "spec.podSelector.matchExpressions[0].operator: must be In or NotIn or Exists or DoesNotExist, not “in”; did you mean In?",
    ],
    [
      "{ podSelector: { matchExpressions: [{ key: a, operator: In }] } }",
      "spec.podSelector.matchExpressions[0].values: must not be empty: In asks for one of them",
    ],
    [
      "{ podSelector: { matchExpressions: [{ key: a, operator: Exists, values: [b] }] } }",
      "spec.podSelector.matchExpressions[0].values: must be empty: Exists takes none",
    ],
    [
      "{ podSelector: { matchExpressions: [{ operator: Exists }] } }",
      "spec.podSelector.matchExpressions[0].key: is missing",
    ],
    ["", "spec: is missing"],
  ])("%s", (text, problem) => expect(problems(spec(text))).toEqual([problem]));

  test.each([
    [
      "{ name: p, namespace: Shop }",
      "metadata.namespace: “Shop” is no namespace's name: small letters, digits and “-”, at most 63",
    ],
    ["{ name: 'a b' }", "metadata.name: “a b” is no name: small letters, digits, “-” and “.”, at most 253"],
    ["{ namespace: shop }", "metadata.name: is missing"],
    ["{ name: p, anotations: {} }", "metadata.anotations: there is no such field; did you mean annotations?"],
    [
      "{ name: p, annotations: { millrace.io/mode: observed } }",
      "metadata.annotations[millrace.io/mode]: must be enforce or observe, not “observed”; did you mean observe?",
    ],
    [
      "{ name: p, annotations: { millrace.io/moed: observe } }",
      "metadata.annotations[millrace.io/moed]: there is no such annotation; did you mean millrace.io/mode?",
    ],
  ])("%s", (metadata, problem) => expect(problems(spec("{}", metadata))).toEqual([problem]));

  test.each([
    [
      "kind: NetworkPolcy",
      "kind: “NetworkPolcy” is none of NetworkPolicy (networking.k8s.io/v1), Policy (millrace.io/v1), Namespace (v1); did you mean NetworkPolicy?",
    ],
    [
      "a: 1",
      "kind: is missing: one of NetworkPolicy (networking.k8s.io/v1), Policy (millrace.io/v1), Namespace (v1)",
    ],
    ["[]", "must be an object with apiVersion, kind, metadata and spec, not a list"],
    ["", "must be an object with apiVersion, kind, metadata and spec, not null"],
    [
      "{ apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: { name: p }, spec: {} }",
      "apiVersion: must be networking.k8s.io/v1, not “extensions/v1beta1”",
    ],
  ])("%s", (text, problem) => expect(problems(text)).toEqual([problem]));
});

test("all problems are told at once, in the order in which the document is read", () => {
  const text = `
  podSelector: { matchlabels: {} }
  policyTypes: [Ingres]
  ingress:
    - from: [{ ipBlock: { cidr: nowhere } }, {}]
      ports: [{ port: 70000, protocol: udp }, { endPort: 5 }]
    - form: []
  engress: []`;
  expect(problems(spec(text, "{ nam: p }")).map((line) => line.split(": ")[0])).toEqual([
    "metadata.name",
    "metadata.nam",
    "spec.podSelector.matchlabels",
    "spec.policyTypes[0]",
    "spec.ingress[0].from[0].ipBlock.cidr",
    "spec.ingress[0].from[1]",
    "spec.ingress[0].ports[0].protocol",
    "spec.ingress[0].ports[0].port",
    "spec.ingress[0].ports[1].endPort",
    "spec.ingress[1].form",
    "spec.engress",
  ]);
});

test.each([
  [
    "rules",
    `{ ingress: [${"{},".repeat(200)}], egress: [${"{},".repeat(56)}] }`,
    "spec: has 256 rules; at most 255",
  ],
  [
    "peers",
    `{ ingress: [{ from: [${"{ podSelector: {} },".repeat(257)}] }] }`,
    "spec.ingress[0].from: has 257 entries; at most 256",
  ],
  [
    "ports",
    `{ ingress: [{ ports: [${"{ port: 1 },".repeat(65)}] }] }`,
    "spec.ingress[0].ports: has 65 entries; at most 64",
  ],
])("more %s than a policy may have are counted", (_, text, problem) =>
  expect(problems(spec(text))).toEqual([problem]),
);

describe("a Namespace", () => {
  const namespace = (metadata: string) => `apiVersion: v1\nkind: Namespace\nmetadata: ${metadata}\n`;
  test("has its labels, and its name as one", () => {
    expect(
      read(
        namespace(
          "{ name: shop, labels: { team: a } }\nspec: { finalizers: [kubernetes] }\nstatus: { phase: Active }",
        ),
      ),
    ).toEqual({
      ok: true,
      value: {
        kind: "namespace",
        namespace: { name: "shop", labels: { team: "a", "kubernetes.io/metadata.name": "shop" } },
      },
    });
  });
  test.each([
    [
      "{ name: shop.eu }",
      "metadata.name: “shop.eu” is no namespace's name: small letters, digits and “-”, at most 63",
    ],
    [
      "{ name: shop, labels: { kubernetes.io/metadata.name: other } }",
      "metadata.labels[kubernetes.io/metadata.name]: must be the namespace's name, shop",
    ],
    ["{ name: shop, label: {} }", "metadata.label: there is no such field; did you mean labels?"],
  ])("%s", (metadata, problem) => expect(problems(namespace(metadata))).toEqual([problem]));
});

test("a list is the documents that it holds, and anything else is itself", () => {
  expect(documentsIn({ kind: "List", items: [1, 2] })).toEqual([1, 2]);
  expect(documentsIn({ kind: "NetworkPolicyList", items: [] })).toEqual([]);
  expect(documentsIn({ kind: "NetworkPolicy" })).toEqual([{ kind: "NetworkPolicy" }]);
  expect(documentsIn(null)).toEqual([null]);
});
