/** The network steps of a small lab as text: what the machine is asked to do, to be read in review. */
import { expect, test } from "vitest";
import { hostStep, podStep, underlayStep } from "./network-plan.ts";
import type { Step } from "./step.ts";
import type { Command } from "./subprocess.ts";
import { planHosts, planPod } from "./topology.ts";

const hosts = planHosts("demo", 2);
const [h1] = hosts;
if (!h1) throw new Error("the lab has no host");
const pod = planPod(
  "demo",
  h1,
  { name: "web", namespace: "shop", hostNumber: 1, labels: {}, containers: [] },
  10,
);
const steps = [underlayStep("demo"), ...hosts.map((host) => hostStep("demo", host, hosts)), podStep(pod)];

const commandText = ({ argv, stdin }: Command): string =>
  [
    argv.join(" "),
    ...(stdin ?? "")
      .trimEnd()
      .split("\n")
      .filter(Boolean)
      .map((line) => `  | ${line}`),
  ].join("\n");
const stepText = (step: Step): string =>
  [`# ${step.title}`, ...step.do.map(commandText), "undo:", ...step.undo.map(commandText), ""].join("\n");

test("two hosts and a pod are planned as the golden text says", async () => {
  await expect(steps.map(stepText).join("\n")).toMatchFileSnapshot("../testdata/two-hosts.txt");
});

test("every link, address and route is made inside a namespace of the lab", () => {
  for (const { argv } of steps.flatMap((step) => step.do)) {
    const inside =
      (argv[0] === "ip" && argv[1] === "-n" && argv[2]?.startsWith("mr-demo-")) ||
      (argv[0] === "nsenter" && argv[1]?.startsWith("--net=/run/netns/mr-demo-")) ||
      (argv.slice(0, 3).join(" ") === "ip netns add" && argv[3]?.startsWith("mr-demo-"));
    expect(inside, argv.join(" ")).toBe(true);
  }
});

test("an undo succeeds on what isn't there", () => {
  for (const { absentTexts } of steps.flatMap((step) => step.undo)) expect(absentTexts).not.toBeUndefined();
});
