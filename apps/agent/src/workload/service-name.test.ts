import { describe, expect, test } from "vitest";
import { serviceName } from "./service-name.ts";

describe("a service's name", () => {
  test.each([
    [{ app: "b", "app.kubernetes.io/name": "a" }, "pod-1", "a"],
    [{ app: "b" }, "pod-1", "b"],
    [{ "com.docker.compose.service": "cart" }, "shop-cart-1", "cart"],
    [{}, "checkout-6d5f7c9b8d-x2x4z", "checkout"],
    [{}, "node-agent-k7v2m", "node-agent"],
    [{}, "backup-28912345-5ztwl", "backup"],
    [{}, "redis-0", "redis"],
    [{}, "payments", "payments"],
    [{}, "my-proxy", "my-proxy"],
    [{}, "api-v2", "api-v2"],
    [{}, null, null],
  ])("of %j and pod %s is %s", (labels, pod, name) => {
    expect(serviceName(labels as Record<string, string>, pod)).toBe(name);
  });
});
