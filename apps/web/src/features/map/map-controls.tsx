"use client";
/** Closer, farther, all of it. A drawing that was placed anew is shown as a whole. */
import { useReactFlow } from "@xyflow/react";
import { useEffect } from "react";
import { Button } from "@/ui/button.tsx";
import { Icon } from "@/ui/icon.tsx";
import type { Places } from "./map-layout.ts";

/** Few nodes needn't fill the page. */
const WHOLE = { padding: 0.08, maxZoom: 1.15 };

export function MapControls({ places }: { places: Places }) {
  const flow = useReactFlow();
  useEffect(() => {
    if (places.size > 0) void flow.fitView(WHOLE);
  }, [flow, places]);
  return (
    <div className="absolute top-3 left-4 z-10 flex gap-1">
      <Button size="tiny" aria-label="Closer" title="Closer" onClick={() => void flow.zoomIn()}>
        <Icon name="plus" />
      </Button>
      <Button size="tiny" aria-label="Farther" title="Farther" onClick={() => void flow.zoomOut()}>
        <Icon name="minus" />
      </Button>
      <Button size="sm" onClick={() => void flow.fitView(WHOLE)}>
        All of it
      </Button>
    </div>
  );
}
