/** The table of faults: complete, and pure data for any placement of the pods. */
import { expect, test } from "vitest";
import { FAULT_NAMES, FAULTS, faultName } from "./fault.ts";
import { shopPods } from "./shop.ts";
import { netnsPath, type PodPlan, planHost, planPod } from "./topology.ts";

const plans = new Map<string, PodPlan>(
  shopPods(2).map((spec, index) => [
    spec.name,
    planPod("demo", planHost("demo", spec.hostNumber), spec, 10 + index),
  ]),
);
const pod = (name: string): PodPlan => {
  const plan = plans.get(name);
  if (!plan) throw new Error(`the shop has no pod ${name}`);
  return plan;
};

test.each(FAULT_NAMES)("%s concerns a pod of the shop and says what to expect", (name) => {
  expect(plans.has(FAULTS[name].where)).toBe(true);
  expect(FAULTS[name].expects.symptom).not.toBe("");
});

test.each(FAULT_NAMES)("%s can be taken back", (name) => {
  const action = FAULTS[name].action(pod);
  if (action.kind === "settings") expect(Object.keys(action.off)).toEqual(Object.keys(action.on));
  if (action.kind === "step") {
    expect(action.step.undo.length).toBeGreaterThan(0);
    for (const { absentTexts } of action.step.undo) expect(absentTexts).not.toBeUndefined();
  }
  if (action.kind === "crash")
    expect(pod(action.pod).containers.map((c) => c.name)).toContain(action.container);
});

test("the firewall's rule is in the receiver, for both families", () => {
  const action = FAULTS["firewall-drop"].action(pod);
  const [command] = action.kind === "step" ? action.step.do : [];
  expect(command?.argv).toContain(`--net=${netnsPath(pod("payments").netns)}`);
  expect(command?.stdin).toContain(`ip saddr ${pod("checkout").ip4} counter drop`);
  expect(command?.stdin).toContain(`ip6 saddr ${pod("checkout").ip6} counter drop`);
});

test("an unknown name is answered with the known ones", () => {
  expect(() => faultName("nope")).toThrow("no fault 'nope'; there are refused-port, firewall-drop");
});
