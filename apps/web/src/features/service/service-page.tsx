"use client";
/** One service: its addresses and ports, the backends behind each, and the hosts that go by an answer about it. */
import type { WholeServiceView } from "@millrace/contract/declared";
import type { ServiceBackend } from "@millrace/contract/service";
import { count, text } from "@millrace/contract/units";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/trpc/client.tsx";
import { buttonLook } from "@/ui/button-look.ts";
import { Icon } from "@/ui/icon.tsx";
import { spanText } from "@/ui/instant.ts";
import { PlainTable } from "@/ui/plain-table.tsx";
import { Quantity } from "@/ui/quantity.tsx";
import { Section } from "@/ui/section.tsx";
import { SkeletonRows } from "@/ui/skeleton.tsx";
import { TimeText } from "@/ui/time-text.tsx";
import { Answer } from "@/view/answer.tsx";
import { endAddress } from "@/view/end-name.ts";
import { PageHead } from "@/view/page-head.tsx";
import { useHref } from "@/view/url-state.ts";
import { addressText, failingAt, flowsFilter, nodePortsText, portText } from "./service-words.ts";

/** As many rows as somebody reads; the count of all stands beside. */
const MOST_BACKENDS = 200;

export function ServicePage({ namespace, name }: { namespace: string; name: string }) {
  const trpc = useTRPC();
  const link = useHref();
  const query = useQuery(trpc.services.get.queryOptions({ namespace, name }, { refetchInterval: 5000 }));
  return (
    <>
      <PageHead
        title={
          <span className="flex items-center gap-2">
            <Link
              href="/services"
              aria-label="Back to all services"
              className="grid size-6 place-items-center rounded text-text-3 hover:bg-surface-2"
            >
              <Icon name="back" size={16} />
            </Link>
            <span className="figure">
              {namespace}/{name}
            </span>
          </span>
        }
        summary={query.data && <ServiceLine view={query.data} />}
        actions={
          <Link href={link("/flows", { q: flowsFilter({ namespace, name }) })} className={buttonLook()}>
            Flows to it
          </Link>
        }
      />
      <div className="flex flex-col gap-6 px-4 pb-8">
        <Answer query={query} skeleton={<SkeletonRows rows={12} label="Loading the service" />}>
          {(view) => <ServiceBody view={view} />}
        </Answer>
      </div>
    </>
  );
}

function ServiceLine({ view }: { view: WholeServiceView }) {
  return (
    <span className="flex flex-wrap items-center gap-3 text-xs">
      <span className="figure">{addressText(view)}</span>
      {view.externalTraffic && (
        <span>
          node ports <span className="figure">{nodePortsText(view)}</span>, to backends{" "}
          {view.externalTraffic === "Local" ? "on the host itself alone" : "of all hosts"}
        </span>
      )}
      <span>
        {view.affinitySeconds === null
          ? "each connection goes to any backend"
          : `a client stays with one backend for ${spanText(view.affinitySeconds * 1000)}`}
      </span>
      <span>
        revision <span className="figure">{view.revision}</span>, changed{" "}
        <TimeText at={view.changedAtMs} as="day" /> by {view.changedBy}
      </span>
    </span>
  );
}

type Port = WholeServiceView["families"][number]["ports"][number];

function ServiceBody({ view }: { view: WholeServiceView }) {
  return (
    <>
      {view.families.flatMap(({ family, ports, leftOut }) =>
        ports.map((port) => (
          <Section
            key={`${family} ${portText(port)}`}
            title={`${portText(port)} over IPv${family}`}
            note={<Counts of={port.backends} leftOut={leftOut} nodePort={nodePortOf(view, port)} />}
          >
            <Backends
              port={{ ...port, nodePort: nodePortOf(view, port) }}
              family={family}
              failing={view.failing}
            />
          </Section>
        )),
      )}
      <Section title="Hosts" note="that go by an answer about it now, and are told of a change">
        <Holders view={view} />
      </Section>
    </>
  );
}

type CountsProps = { of: readonly ServiceBackend[]; leftOut: number; nodePort: number | null };

function Counts({ of, leftOut, nodePort }: CountsProps) {
  const draining = of.filter(({ state }) => state === "draining").length;
  const parts = [`${text(count(of.length - draining))} ready`];
  if (draining > 0) parts.push(`${text(count(draining))} draining`);
  if (leftOut > 0) parts.push(`${text(count(leftOut))} beyond what hosts are told`);
  if (nodePort !== null) parts.push(`node port ${nodePort}`);
  return parts.join(", ");
}

const nodePortOf = ({ ports }: WholeServiceView, { protocol, port }: Port): number | null =>
  ports.find((one) => one.protocol === protocol && one.port === port)?.nodePort ?? null;

type BackendsProps = {
  port: Port & { nodePort: number | null };
  family: 4 | 6;
  failing: WholeServiceView["failing"];
};

function Backends({ port: { backends, ...port }, family, failing }: BackendsProps) {
  const link = useHref();
  const weights = backends.reduce((sum, { weight }) => sum + weight, 0);
  return (
    <>
      <PlainTable
        label={`Backends of ${portText(port)} over IPv${family}`}
        rows={backends.slice(0, MOST_BACKENDS)}
        rowKey={({ address, port }) => `${address} ${port}`}
        empty="Nothing is behind it: no pod of the family fits its selector, and no endpoint slice names one. Connections fail."
        columns={[
          {
            title: "Backend",
            cell: (backend) => (
              <Link
                href={link("/flows", { q: `dst.ip=${backend.address} dst.port=${backend.port}` })}
                title="Flows to it"
                className="figure text-accent hover:underline"
              >
                {endAddress({ ip: backend.address, port: backend.port })}
              </Link>
            ),
          },
          {
            title: "State",
            cell: (backend) => <BackendState backend={backend} failing={failingAt(failing, port, backend)} />,
          },
          {
            title: "Weight",
            align: "right",
            help: "Its share of new connections is its weight of the sum of all",
            cell: ({ weight }) => (
              <>
                <Quantity value={count(weight)} />{" "}
                <span className="text-text-3">of {text(count(weights))}</span>
              </>
            ),
          },
        ]}
      />
      {backends.length > MOST_BACKENDS && (
        <p className="py-2 text-text-3">
          {text(count(backends.length - MOST_BACKENDS))} more are not listed.
        </p>
      )}
    </>
  );
}

function BackendState({
  backend,
  failing,
}: {
  backend: ServiceBackend;
  failing: WholeServiceView["failing"];
}) {
  const [first] = failing;
  if (first)
    return (
      <span className="text-warn" title={failing.map(({ host, why }) => `${host}: ${why}`).join("\n")}>
        ! fails from {first.host}
        {failing.length > 1 && ` and ${text(count(failing.length - 1))} more`}: gets nothing new from there
      </span>
    );
  return backend.state === "ready" ? (
    <span className="text-ok">✓ ready</span>
  ) : (
    <span className="text-warn" title="It goes on with what it serves and gets nothing new">
      ◔ draining
    </span>
  );
}

function Holders({ view: { holders, hosts, isHeadless } }: { view: WholeServiceView }) {
  const link = useHref();
  if (holders.length === 0)
    return (
      <p className="py-2 text-text-3">
        {isHeadless
          ? "A headless service has no address that hosts could ask about."
          : "None: a host asks when one of its pods, or somebody at its node port, first connects to the service."}
      </p>
    );
  return (
    <p className="flex flex-wrap gap-x-4 gap-y-1 py-2 text-xs">
      {holders.map((host) => (
        <Link key={host} href={link(`/hosts/${host}`)} className="figure text-accent hover:underline">
          {host}
        </Link>
      ))}
      {hosts > holders.length && (
        <span className="text-text-3">and {text(count(hosts - holders.length))} more</span>
      )}
    </p>
  );
}
