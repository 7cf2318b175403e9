import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readDocument } from "./document.ts";
import { PolicyDraft } from "./draft.ts";
import { problemText } from "./reading.ts";

const spec = (text: string, metadata = "{ name: p, namespace: shop }") =>
  `apiVersion: millrace.io/v1\nkind: Policy\nmetadata: ${metadata}\nspec: ${text}\n`;
const read = (yaml: string) => readDocument(parse(yaml));
const problems = (yaml: string): string[] => {
  const reading = read(yaml);
  return reading.ok ? [] : reading.problems.map(problemText);
};

test("a document with every feature becomes the policy that is enforced", () => {
  const reading = read(
    spec(`
  tier: platform
  mode: observe
  subject: { pods: { matchLabels: { app: db } }, namespaces: { matchExpressions: [{ key: env, operator: Exists }] } }
  isolates: [egress]
  egress:
    - action: allow
      to: [{ cidr: 10.0.0.0/8, except: [10.1.0.0/16] }]
      ports: [{ protocol: any, port: 53 }, { protocol: 47 }, { protocol: ICMPv6 }]
  ingress:
    - action: deny
      from: [{ pods: {} }, { namespaces: {} }]
      ports: [{ protocol: TCP, port: 8000, endPort: 8999 }]`),
  );
  expect(reading).toEqual({
    ok: true,
    value: {
      kind: "policy",
      language: "native",
      policy: {
        ...{ namespace: "shop", name: "p", tier: "platform", mode: "observe", isolates: ["egress"] },
        subject: {
          pods: [{ key: "app", operator: "In", values: ["db"] }],
          namespaces: [{ key: "env", operator: "Exists", values: [] }],
        },
        rules: [
          {
            ...{ place: 1, direction: "ingress", action: "deny" },
            peers: [
              { kind: "pods", pods: [], namespaces: null },
              { kind: "pods", pods: [], namespaces: [] },
            ],
            ports: [{ protocol: 6, port: { from: 8000, to: 8999 } }],
          },
          {
            ...{ place: 2, direction: "egress", action: "allow" },
            peers: [{ kind: "cidr", cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] }],
            ports: [
              { protocol: null, port: { from: 53, to: 53 } },
              { protocol: 47, port: null },
              { protocol: 58, port: null },
            ],
          },
        ],
      },
    },
  });
  if (reading.ok && reading.value.kind === "policy")
    expect(PolicyDraft.parse(reading.value.policy)).toEqual(reading.value.policy);
});

test("what is left out: tenant, enforced, isolating nothing, everybody, everything", () => {
  expect(read(spec("{ subject: {}, ingress: [{ action: deny }] }"))).toMatchObject({
    value: {
      policy: {
        ...{ tier: "tenant", mode: "enforce", isolates: [], subject: { pods: [], namespaces: null } },
        rules: [{ place: 1, direction: "ingress", action: "deny", peers: null, ports: null }],
      },
    },
  });
});

const rule = (text: string) => `{ subject: {}, ingress: [{ action: allow, ${text} }] }`;
describe("a problem names its field and what was expected:", () => {
  test.each([
    ["{}", "spec.subject: is missing"],
    ["{ subject: {}, ingress: [{}] }", "spec.ingress[0].action: is missing"],
    [
      "{ subject: {}, ingress: [{ action: drop }] }",
      "spec.ingress[0].action: must be allow or deny, not “drop”",
    ],
    [
      "{ subject: {}, tier: plattform }",
      "spec.tier: must be platform or tenant, not “plattform”; did you mean platform?",
    ],
    [
      "{ subject: {}, isolates: [Ingress] }",
      "spec.isolates[0]: must be ingress or egress, not “Ingress”; did you mean ingress?",
    ],
    ["{ subject: {}, policyTypes: [Ingress] }", "spec.policyTypes: there is no such field"],
    ["{ subject: { pod: {} } }", "spec.subject.pod: there is no such field; did you mean pods?"],
    [rule("from: []"), "spec.ingress[0].from: names nobody; leave it out for everybody"],
    [rule("ports: []"), "spec.ingress[0].ports: names no port; leave it out for all protocols and ports"],
    [rule("from: [{}]"), "spec.ingress[0].from[0]: names no peer: pods, namespaces or cidr is needed"],
    [
      rule("from: [{ pods: {}, cidr: 10.0.0.0/8 }]"),
      "spec.ingress[0].from[0].cidr: must not stand beside pods or namespaces: write two peers",
    ],
    [
      rule("from: [{ pods: {}, except: [10.0.0.0/8] }]"),
      "spec.ingress[0].from[0].except: needs a cidr that it is an exception of",
    ],
    [
      rule("from: [{ cidr: 10.0.0.1/8 }]"),
      "spec.ingress[0].from[0].cidr: 10.0.0.1/8 has bits set beyond its length; 10.0.0.0/8 may be meant",
    ],
    [
      rule("from: [{ cidr: 10.0.0.0/8, except: [11.0.0.0/16] }]"),
      "spec.ingress[0].from[0].except[0]: 11.0.0.0/16 isn't inside 10.0.0.0/8",
    ],
    [
      rule("ports: [{ port: 80 }]"),
      "spec.ingress[0].ports[0].protocol: is missing: ICMP, TCP, UDP, ICMPv6, SCTP, any or a number",
    ],
    [
      rule("ports: [{ protocol: tcp }]"),
      "spec.ingress[0].ports[0].protocol: must be ICMP, TCP, UDP, ICMPv6, SCTP, any or a number up to 255, not “tcp”; did you mean TCP?",
    ],
    [
      rule("ports: [{ protocol: 256 }]"),
      "spec.ingress[0].ports[0].protocol: must be ICMP, TCP, UDP, ICMPv6, SCTP, any or a number up to 255, not the number 256",
    ],
    [rule("ports: [{ protocol: ICMP, port: 8 }]"), "spec.ingress[0].ports[0].port: ICMP has no ports"],
    [rule("ports: [{ protocol: 47, port: 8 }]"), "spec.ingress[0].ports[0].port: 47 has no ports"],
    [
      rule("ports: [{ protocol: TCP, endPort: 8 }]"),
      "spec.ingress[0].ports[0].endPort: needs a port, where the range begins",
    ],
  ])("%s", (text, problem) => expect(problems(spec(text))).toEqual([problem]));

  test("the mode has one place", () => {
    expect(
      problems(spec("{ subject: {} }", "{ name: p, annotations: { millrace.io/mode: observe } }")),
    ).toEqual(["metadata.annotations[millrace.io/mode]: is for Kubernetes' documents; here it is spec.mode"]);
  });
});

test("any document at all is read or refused, and what is read is a policy that the contract takes", () => {
  const words = [
    "spec",
    "metadata",
    "name",
    "subject",
    "ingress",
    "from",
    "ports",
    "port",
    "action",
    "cidr",
    "pods",
  ];
  const anything = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<unknown>(null, 80, "allow", "TCP", "10.0.0.0/8", "a", -1, true),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...words), fc.string()), tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  const kinds = fc.constantFrom("Policy", "NetworkPolicy", "Namespace", "Pod");
  fc.assert(
    fc.property(kinds, anything, anything, (kind, metadata, spec) => {
      for (const document of [
        metadata,
        { kind, apiVersion: "v1", metadata, spec },
        { kind, apiVersion: "millrace.io/v1", metadata: { name: "a" }, spec },
      ]) {
        const reading = readDocument(document);
        if (!reading.ok) expect(reading.problems.length).toBeGreaterThan(0);
        else if (reading.value.kind === "policy") PolicyDraft.parse(reading.value.policy);
      }
    }),
    { numRuns: 2000 },
  );
});
