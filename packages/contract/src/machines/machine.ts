/**
 * The form of every state table: states, the events each allows, the deadline that ends a silence. Whoever
 * applies an event does it through `next`, so that table, API and buttons can't disagree.
 */
export type StateRow<State extends string, Event extends string> = {
  readonly on: Partial<Record<Event, State>>;
  /** Fired when the state has lasted this long; absent in terminal states, and where `waitsFor` says why. */
  readonly deadline?: { readonly ms: number; readonly event: Event };
  /** The state may last for ever: whose act ends it. */
  readonly waitsFor?: string;
  readonly terminal?: true;
};
export type Machine<State extends string, Event extends string> = {
  readonly initial: State;
  readonly states: Readonly<Record<State, StateRow<State, Event>>>;
};

/** The state after the event, or undefined when the state doesn't allow it. */
export function next<S extends string, E extends string>(
  machine: Machine<S, E>,
  from: S,
  event: E,
): S | undefined {
  return machine.states[from].on[event];
}
export function allowedEvents<S extends string, E extends string>(machine: Machine<S, E>, from: S): E[] {
  return Object.keys(machine.states[from].on) as E[];
}
/** Mermaid text for the documentation; generated, so that the picture can't lie. */
export function diagram<S extends string, E extends string>(machine: Machine<S, E>): string {
  const lines = ["stateDiagram-v2", `  [*] --> ${machine.initial}`];
  for (const [state, row] of Object.entries<StateRow<S, E>>(machine.states)) {
    for (const [event, to] of Object.entries(row.on)) lines.push(`  ${state} --> ${to}: ${event}`);
    if (row.terminal) lines.push(`  ${state} --> [*]`);
  }
  return `${lines.join("\n")}\n`;
}
