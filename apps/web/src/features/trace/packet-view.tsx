"use client";
import { bytes, text } from "@millrace/contract/units";
/** The packet's first bytes: decoded by layer, and as hex with the layer under the pointer marked. */
import { useMemo, useState } from "react";
import { classNames } from "@/ui/class-names.ts";
import { ScrollBox } from "@/ui/scroll-box.tsx";
import { Section } from "@/ui/section.tsx";
import { bytesOf, decodePacket, type PacketLayer } from "./packet-decode.ts";

const A_LINE = 16;

export function PacketView({ headers, packetBytes }: { headers: string; packetBytes: number }) {
  const raw = useMemo(() => bytesOf(headers), [headers]);
  const layers = useMemo(() => decodePacket(raw), [raw]);
  const [marked, mark] = useState<PacketLayer | null>(null);
  if (raw.length === 0)
    return (
      <Section title="Packet">
        <p className="py-2 text-text-3">No bytes were taken: there was no network header to begin at.</p>
      </Section>
    );
  return (
    <Section title="Packet" note={`its first ${text(bytes(raw.length))} of ${text(bytes(packetBytes))}`}>
      <div className="flex flex-col gap-2 py-2">
        {layers.map((layer) => (
          <LayerView
            key={`${layer.start}${layer.title}`}
            layer={layer}
            marked={layer === marked}
            onMark={(on) => mark(on ? layer : null)}
          />
        ))}
      </div>
      <Hex raw={raw} marked={marked} />
    </Section>
  );
}

function LayerView(props: { layer: PacketLayer; marked: boolean; onMark: (on: boolean) => void }) {
  const { layer, marked, onMark } = props;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pointing at a layer only marks its bytes, which its title names
    <div
      onMouseEnter={() => onMark(true)}
      onMouseLeave={() => onMark(false)}
      className={classNames("rounded px-1", marked && "bg-accent-soft")}
    >
      <p className="font-medium">
        {layer.title}{" "}
        <span className="figure font-normal text-text-3">
          bytes {layer.start}–{layer.end}
        </span>
      </p>
      {layer.problem && <p className="text-warn">▲ {layer.problem}</p>}
      <dl className="grid grid-cols-[120px_1fr]">
        {layer.fields.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-text-3">{name}</dt>
            <dd className="figure break-all">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Hex({ raw, marked }: { raw: Uint8Array; marked: PacketLayer | null }) {
  const lines = Array.from({ length: Math.ceil(raw.length / A_LINE) }, (_, line) => line * A_LINE);
  return (
    <ScrollBox label="Bytes of the packet">
      <pre className="figure text-2xs leading-4">
        {lines.map((start) => (
          <span key={start} className="block">
            <span className="text-text-3">{start.toString(16).padStart(4, "0")} </span>
            {Array.from(raw.subarray(start, start + A_LINE), (byte, at) => {
              const place = start + at;
              const on = marked !== null && place >= marked.start && place < marked.end;
              return (
                <span key={place} className={on ? "bg-accent-soft" : undefined}>
                  {" "}
                  {byte.toString(16).padStart(2, "0")}
                </span>
              );
            })}
          </span>
        ))}
      </pre>
    </ScrollBox>
  );
}
