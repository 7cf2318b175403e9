/** Every node has the same size, so that placing them needs no measuring and figures can't move anything. */
export const NODE = { width: 160, height: 66 } as const;
