import { expect, test } from "vitest";
import { placeIn } from "./event-detail.tsx";

test("the place is found in the stack by its function, whatever the offset", () => {
  const stack = ["bpf_trace_run4+0xfc", "sk_skb_reason_drop+0x90", "nft_do_chain+0x3e8", "nf_hook_slow+0x43"];
  expect(placeIn(stack, "nft_do_chain+0x3e8")).toBe(2);
  expect(placeIn(stack, "nft_do_chain")).toBe(2);
  expect(placeIn(stack, "nft_do_chain_inet+0x1")).toBe(-1);
});
