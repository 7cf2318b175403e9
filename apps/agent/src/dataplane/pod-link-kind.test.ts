import { expect, test } from "vitest";
import { podLinkKind } from "./pod-link-kind.ts";

const able = [{ name: "netkit", supported: true, reason: null }];
const unable = [{ name: "netkit", supported: false, reason: "create: EOPNOTSUPP" }];

test("netkit is taken where the kernel has it, unless veth is wished", () => {
  expect(podLinkKind("auto", able)).toBe("netkit");
  expect(podLinkKind("auto", unable)).toBe("veth");
  expect(podLinkKind("netkit", able)).toBe("netkit");
  expect(podLinkKind("veth", able)).toBe("veth");
  expect(podLinkKind("veth", unable)).toBe("veth");
});

test("netkit that is wished and can't be had is refused, with the option and the kernel's word", () => {
  expect(() => podLinkKind("netkit", unable)).toThrow(
    "--pod-link netkit: this kernel can't do it: create: EOPNOTSUPP",
  );
  expect(() => podLinkKind("netkit", [])).toThrow("not probed");
});
