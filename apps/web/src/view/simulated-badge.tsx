/** Data that no real packet made says so, wherever it is shown. */
import { Badge } from "@/ui/badge.tsx";

export function SimulatedBadge() {
  return (
    <Badge tone="warn" title="Made by a simulation: no real packet stands behind it" className="hatched">
      <span className="bg-surface-1 px-1">simulated</span>
    </Badge>
  );
}
