/** How programs come to devices: by tcx, or by filters of classic tc. */
export const HOOK_KINDS = ["tcx", "tc"] as const;
export type HookKind = (typeof HOOK_KINDS)[number];
