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
  /** The host's end of its link, where we carry its packets. */
  port?: { cookie: string; ifindex: number };
  /** Of a namespace that no runtime claims: anybody who may make namespaces makes as many as he likes. */
  unclaimed?: boolean;
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
  /** Of one pod: it makes its interfaces itself, and must not take the table from the others. */
  podLimit: number;
  /** Of all namespaces together that no runtime claims. */
  unclaimedLimit: number;
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
  const room = new Room(input, wanted, actual);
  for (const [place, at] of wanted) {
    const endpoint = actual.get(place);
    const why = endpoint ? undefined : room.refusal(at);
    if (endpoint) steps.push(...keep(endpoint, at, input.nowMs));
    else if (why) steps.push({ do: "refuse", interface: at, why });
    else steps.push({ do: "make", id: nextId++, interface: at });
  }
  return steps;
}

/** What is there stays, whatever the limits; what is new takes from what they leave. */
class Room {
  readonly #limits: PlanInput;
  #all: number;
  #unclaimed: number;
  readonly #ofPod = new Map<string, number>();

  constructor(
    input: PlanInput,
    wanted: ReadonlyMap<string, WantedInterface>,
    actual: ReadonlyMap<string, ActualEndpoint>,
  ) {
    this.#limits = input;
    this.#all = input.actual.length;
    const kept = [...wanted].filter(([place]) => actual.has(place)).map(([, at]) => at);
    this.#unclaimed = kept.filter(({ unclaimed }) => unclaimed).length;
    for (const { cookie } of kept) this.#ofPod.set(cookie, this.#taken(cookie) + 1);
  }
  /** Undefined: there is room, and it is taken. */
  refusal(at: WantedInterface): string | undefined {
    const { limit, podLimit, unclaimedLimit } = this.#limits;
    if (this.#taken(at.cookie) >= podLimit) return `no more than ${podLimit} interfaces of one pod`;
    if (at.unclaimed && this.#unclaimed >= unclaimedLimit)
      return `no more than ${unclaimedLimit} interfaces of namespaces that no runtime claims`;
    if (this.#all >= limit) return `no room for more than ${limit} endpoints`;
    this.#all++;
    this.#ofPod.set(at.cookie, this.#taken(at.cookie) + 1);
    if (at.unclaimed) this.#unclaimed++;
    return undefined;
  }
  #taken(cookie: string): number {
    return this.#ofPod.get(cookie) ?? 0;
  }
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
