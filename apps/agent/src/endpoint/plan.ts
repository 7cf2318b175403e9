/**
 * Which endpoints to make and to end, from what is wanted and what there is. Pure: no kernel, no clock, no
 * identifiers of its own making. The executor does exactly this and in this order.
 */
export type WantedInterface = {
  cookie: string;
  netns: string;
  ifindex: number;
  name: string;
  addresses: readonly string[];
};
export type ActualEndpoint = {
  id: number;
  cookie: string;
  ifindex: number;
  name: string;
  attached: boolean;
  leaving: boolean;
  addresses: readonly string[];
  /** After a failed attach; 0 when it may be tried at once. */
  retryAtMs: number;
};
export type PlanInput = {
  nowMs: number;
  nextId: number;
  /** More endpoints than this don't fit the kernel's table. */
  limit: number;
  wanted: readonly WantedInterface[];
  actual: readonly ActualEndpoint[];
};
export type Step =
  | { do: "make"; id: number; interface: WantedInterface }
  | { do: "attach"; id: number; interface: WantedInterface }
  /** It was on its way out, and its place is wanted again. */
  | { do: "revive"; id: number; interface: WantedInterface }
  | { do: "update"; id: number; interface: WantedInterface }
  | { do: "leave"; id: number }
  | { do: "refuse"; interface: WantedInterface; why: string };

const placeOf = (at: { cookie: string; ifindex: number }): string => `${at.cookie}/${at.ifindex}`;

export function plan(input: PlanInput): Step[] {
  const actual = new Map(input.actual.map((endpoint) => [placeOf(endpoint), endpoint]));
  const wanted = new Map(input.wanted.map((at) => [placeOf(at), at]));
  // Interfaces keep their index for life, so an endpoint whose place is still wanted is still right.
  const unwanted = input.actual.filter((endpoint) => !endpoint.leaving && !wanted.has(placeOf(endpoint)));
  const steps: Step[] = unwanted.map(({ id }) => ({ do: "leave", id }));
  let nextId = input.nextId;
  let room = input.limit - input.actual.length;
  for (const [place, at] of wanted) {
    const endpoint = actual.get(place);
    if (endpoint) steps.push(...keep(endpoint, at, input.nowMs));
    else if (room-- > 0) steps.push({ do: "make", id: nextId++, interface: at });
    else steps.push({ do: "refuse", interface: at, why: `no room for more than ${input.limit} endpoints` });
  }
  return steps;
}

function keep(endpoint: ActualEndpoint, at: WantedInterface, nowMs: number): Step[] {
  if (endpoint.leaving) return [{ do: "revive", id: endpoint.id, interface: at }];
  const steps: Step[] = [];
  if (endpoint.name !== at.name || String(endpoint.addresses) !== String(at.addresses))
    steps.push({ do: "update", id: endpoint.id, interface: at });
  if (!endpoint.attached && endpoint.retryAtMs <= nowMs)
    steps.push({ do: "attach", id: endpoint.id, interface: at });
  return steps;
}

/** One line a step: what reviews and logs read. */
export function describeStep(step: Step): string {
  if (step.do === "leave") return `leave endpoint ${step.id}`;
  const { cookie, ifindex, name, addresses } = step.interface;
  const where = `${name} (index ${ifindex} of namespace ${cookie}) ${addresses.join(" ")}`.trimEnd();
  return step.do === "refuse" ? `refuse ${where}: ${step.why}` : `${step.do} endpoint ${step.id} at ${where}`;
}
