"use client";
/** The form for a trace. What it asks for stands in the address, so it can be prefilled and shared. */
import { TRACE_KIND_TITLE, TRACE_KINDS, TRACE_LIMITS } from "@millrace/contract/trace-kind";
import { protocolName } from "@millrace/contract/verdict";
import { useQueryStates } from "nuqs";
import { classNames } from "@/ui/class-names.ts";
import { SelectField, TextField } from "@/ui/field.tsx";
import { Section } from "@/ui/section.tsx";
import { PageHead } from "@/view/page-head.tsx";
import { HostPicker } from "./host-picker.tsx";
import { TraceStart } from "./trace-start.tsx";
import { type ReadWish, readWish, type Wish, wishParams } from "./trace-wish.ts";

type Problems = Extract<ReadWish, { ok: false }>["problems"];
type PartProps = { wish: Wish; problems: Problems; set: (change: Partial<Wish>) => void };

const PROTOCOLS = [
  { value: "", title: "any" },
  ...[6, 17, 1, 58].map((n) => ({ value: String(n), title: protocolName(n) })),
];
const LEASES = [30, 60, 300, 900, 1800, 3600];

export function NewTracePage() {
  const [wish, setWish] = useQueryStates(wishParams, { history: "replace", throttleMs: 200 });
  const read = readWish(wish);
  const problems = read.ok ? {} : read.problems;
  const set = (change: Partial<Wish>) => void setWish(change);
  return (
    <>
      <PageHead title="New trace" summary="What to look at, where, and for how long." />
      <form
        className="grid gap-x-8 gap-y-6 px-4 pb-8 lg:grid-cols-[minmax(0,1fr)_360px]"
        onSubmit={(event) => event.preventDefault()}
      >
        <div className="flex min-w-0 flex-col gap-6">
          <KindCards wish={wish} problems={problems} set={set} />
          <FilterFields wish={wish} problems={problems} set={set} />
          <Section title="Where">
            <HostPicker chosen={wish.hosts} problem={problems.hosts} onChange={(hosts) => set({ hosts })} />
          </Section>
        </div>
        <div className="flex flex-col gap-6">
          <Limits wish={wish} problems={problems} set={set} />
          <TraceStart read={read} />
        </div>
      </form>
    </>
  );
}

function KindCards({ wish, set }: PartProps) {
  return (
    <fieldset>
      <legend className="mb-2 text-sm font-medium">What</legend>
      <div className="grid gap-3 sm:grid-cols-2">
        {TRACE_KINDS.map((kind) => {
          const { title, question, cost } = TRACE_KIND_TITLE[kind];
          const chosen = wish.kind === kind;
          return (
            <label
              key={kind}
              className={classNames(
                "flex cursor-pointer flex-col gap-1 rounded-md border p-3 has-focus-visible:outline-2 has-focus-visible:outline-accent",
                chosen ? "border-accent bg-accent-soft" : "border-line hover:bg-surface-1",
              )}
            >
              <span className="flex items-center gap-2 font-medium">
                <input
                  type="radio"
                  name="kind"
                  className="accent-accent"
                  checked={chosen}
                  onChange={() => set({ kind })}
                />
                {title}
              </span>
              <span>{question}</span>
              <span className="text-xs text-text-3">{cost}</span>
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}

function FilterFields({ wish, problems, set }: PartProps) {
  const field = (
    name: "namespace" | "pod" | "container" | "ipA" | "portA" | "ipB" | "portB",
    label: string,
    example: string,
  ) => (
    <TextField
      label={label}
      placeholder={example}
      value={wish[name]}
      problem={problems[name]}
      onChange={(event) => set({ [name]: event.target.value })}
      figure
    />
  );
  return (
    <Section title="Of which" note="what is left empty narrows nothing">
      <div className="grid gap-3 pt-3 sm:grid-cols-3">
        {field("namespace", "Namespace", "shop")}
        {field("pod", "Pod", "checkout-7f")}
        {field("container", "Container", "checkout")}
      </div>
      <div className="grid gap-3 pt-3 sm:grid-cols-[1fr_96px_1fr_96px_110px]">
        {field("ipA", "Address of one end", "10.1.0.3")}
        {field("portA", "Its port", "any")}
        {field("ipB", "Address of the other end", "10.1.0.4")}
        {field("portB", "Its port ", "8443")}
        <SelectField
          label="Protocol"
          options={PROTOCOLS}
          value={wish.proto}
          onChange={(event) => set({ proto: event.target.value })}
        />
      </div>
      <p className="pt-1 text-xs text-text-3">Both directions match, whichever end opened it.</p>
    </Section>
  );
}

function Limits({ wish, problems, set }: PartProps) {
  return (
    <Section title="How long, how much">
      <div className="flex flex-col gap-3 pt-3">
        <fieldset className="flex flex-wrap gap-1">
          <legend className="mb-1 text-xs text-text-2">It ends after</legend>
          {LEASES.map((seconds) => (
            <button
              key={seconds}
              type="button"
              aria-pressed={wish.lease === seconds}
              onClick={() => set({ lease: seconds })}
              className={classNames(
                "figure h-7 rounded px-2 text-xs",
                wish.lease === seconds ? "bg-accent-soft" : "hover:bg-surface-2",
              )}
            >
              {seconds < 60 ? `${seconds} s` : `${seconds / 60} m`}
            </button>
          ))}
        </fieldset>
        <div className="grid grid-cols-2 gap-3">
          <TextField
            label="Seconds"
            type="number"
            min={TRACE_LIMITS.leaseSeconds.min}
            max={TRACE_LIMITS.leaseSeconds.max}
            value={wish.lease}
            problem={problems.lease}
            onChange={(event) => set({ lease: Number(event.target.value) })}
            figure
          />
          <TextField
            label="Events a second, per host"
            type="number"
            min={TRACE_LIMITS.rateEps.min}
            max={TRACE_LIMITS.rateEps.max}
            value={wish.rate}
            problem={problems.rate}
            onChange={(event) => set({ rate: Number(event.target.value) })}
            figure
          />
        </div>
        <TextField
          label="Why (for the audit)"
          placeholder="checkout is slow since 10:40"
          value={wish.why}
          problem={problems.why}
          onChange={(event) => set({ why: event.target.value })}
        />
      </div>
    </Section>
  );
}
