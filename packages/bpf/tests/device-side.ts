/* How tests attach programs to devices: by tcx, or on a kernel without it by a filter of classic tc. */
import { type Attach, isSupported } from "@millrace/native/native";

export type HookKind = "tcx" | "tc";
export const HOOK_KIND: HookKind = isSupported("tcx").supported ? "tcx" : "tc";
const HANDLE = 0x6d72_0001;

export function attachAt(
  side: { ifindex: number; direction: "ingress" | "egress"; netns: string },
  kind: HookKind = HOOK_KIND,
): Attach {
  return kind === "tc" ? { kind, handle: HANDLE, ...side } : { kind, ...side };
}
