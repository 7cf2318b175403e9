"use client";
/** Type a few letters, go there: pages, hosts, services, policies, traces. Loaded when first opened. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Command } from "cmdk";
import { useRouter } from "next/navigation";
import { type ReactNode, useState } from "react";
import { useTRPC } from "@/trpc/client.tsx";
import { Dialog } from "@/ui/dialog.tsx";
import { problemOf } from "@/view/problem.ts";
import { TRACE_SESSION_TITLE } from "@/view/trace-words.ts";
import { useHref, useView } from "@/view/url-state.ts";
import { usePages } from "./nav.tsx";

const MOST_OF_A_KIND = 50;

export function Palette(props: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog {...props} title="Go to" className="top-[8vh]! p-3!">
      <PaletteList onDone={() => props.onOpenChange(false)} />
    </Dialog>
  );
}

/** Each is drawn: of many only as many as somebody reads, those whose names hold what was typed. */
export function thoseNamed<One extends { name: string }>(all: readonly One[], typed: string): One[] {
  const wanted = typed.trim().toLowerCase();
  const found = all.length > MOST_OF_A_KIND ? all.filter(({ name }) => name.includes(wanted)) : all;
  return found.slice(0, MOST_OF_A_KIND);
}
const named = <One extends { namespace: string; name: string }>(one: One): One => ({
  ...one,
  name: `${one.namespace}/${one.name}`,
});

type Source = { isFetching: boolean; error: unknown };
/** Nothing found is only known once everything has answered. */
export function nothingText(typed: string, sources: readonly Source[]): string {
  if (sources.some(({ isFetching }) => isFetching)) return "Looking…";
  const failed = sources.find(({ error }) => error);
  if (failed) return `Not everything could be looked through: ${problemOf(failed.error).title}.`;
  return `Nothing is called “${typed}”. Enter in the filter bar searches flows.`;
}

function PaletteList({ onDone }: { onDone: () => void }) {
  const [typed, setTyped] = useState("");
  const { range } = useView();
  const trpc = useTRPC();
  const router = useRouter();
  const link = useHref();
  const pages = usePages();
  const hosts = useQuery(trpc.hosts.list.queryOptions());
  const policies = useQuery(trpc.policies.list.queryOptions());
  const declared = useQuery(trpc.services.list.queryOptions());
  const traces = useQuery(trpc.traces.list.queryOptions({}));
  const services = useQuery(
    trpc.flows.complete.queryOptions(
      { field: "service", prefix: typed, range },
      { placeholderData: keepPreviousData, retry: false },
    ),
  );
  const go = (to: string) => () => {
    onDone();
    router.push(to);
  };
  return (
    <Command label="Go to" loop>
      <Command.Input
        autoFocus
        value={typed}
        onValueChange={setTyped}
        placeholder="A page, host, service, policy or trace"
        className="mb-2 h-9 w-full rounded-md border border-line-strong bg-surface-0 px-3 placeholder:text-text-3"
      />
      <Command.List className="max-h-[50vh] overflow-auto">
        <Command.Empty className="px-2 py-6 text-center text-text-2">
          {nothingText(typed, [hosts, policies, declared, traces, services])}
        </Command.Empty>
        <Group heading="Pages">
          {pages.map((page) => (
            <Item
              key={page.path}
              value={`page ${page.title}`}
              onSelect={go(link(page.path))}
              hint={page.question}
            >
              {page.title}
            </Item>
          ))}
          <Item value="new policy" onSelect={go("/policies/new")} hint="Written, tried, then applied">
            New policy
          </Item>
          <Item value="new trace" onSelect={go("/traces/new")} hint="Look inside, for a while">
            New trace
          </Item>
        </Group>
        <Group heading="Declared services">
          {thoseNamed((declared.data ?? []).map(named), typed).map(({ name }) => (
            <Item
              key={name}
              value={`declared service ${name}`}
              onSelect={go(`/services/${name}`)}
              hint="its backends"
            >
              {name}
            </Item>
          ))}
        </Group>
        <Group heading="Policies">
          {thoseNamed((policies.data ?? []).map(named), typed).map(({ name, number }) => (
            <Item
              key={number}
              value={`policy ${name} ${number}`}
              onSelect={go(`/policies/${number}`)}
              hint={`policy ${number}`}
            >
              {name}
            </Item>
          ))}
        </Group>
        <Group heading="Services">
          {(services.data ?? []).map((service) => (
            <Item
              key={service}
              value={`service ${service}`}
              onSelect={go(link("/flows", { q: `service=${service}` }))}
              hint="its flows"
            >
              {service}
            </Item>
          ))}
        </Group>
        <Group heading="Hosts">
          {thoseNamed(hosts.data?.hosts ?? [], typed).map((host) => (
            <Item
              key={host.name}
              value={`host ${host.name}`}
              onSelect={go(link(`/hosts/${host.name}`))}
              hint={host.state}
            >
              {host.name}
            </Item>
          ))}
        </Group>
        <Group heading="Traces">
          {(traces.data?.sessions ?? []).map((session) => (
            <Item
              key={session.id}
              value={`trace ${session.spec.kind} ${session.author} ${session.id}`}
              onSelect={go(`/traces/${session.id}`)}
              hint={TRACE_SESSION_TITLE[session.state]}
            >
              {session.spec.kind} on {session.spec.hosts.join(", ")}
            </Item>
          ))}
        </Group>
      </Command.List>
    </Command>
  );
}

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-text-3"
    >
      {children}
    </Command.Group>
  );
}

function Item(props: { value: string; onSelect: () => void; hint: string; children: ReactNode }) {
  return (
    <Command.Item
      value={props.value}
      onSelect={props.onSelect}
      className="flex h-8 cursor-pointer items-center gap-3 rounded px-2 data-[selected=true]:bg-surface-2"
    >
      <span className="truncate">{props.children}</span>
      <span className="ml-auto text-xs text-text-3">{props.hint}</span>
    </Command.Item>
  );
}
