/** The service a workload goes by: from its labels, else its pod's name without what was generated. */

const LABELS = [
  "app.kubernetes.io/name",
  "app",
  "k8s-app",
  "com.docker.compose.service",
  "com.docker.swarm.service.name",
] as const;
/** Letters and digits that Kubernetes makes names of: no vowels, no 0, 1, 3. */
const RANDOM = "[bcdfghjklmnpqrstvwxz2456789]";
const GENERATED = [
  new RegExp(`-[0-9a-f]{6,10}-${RANDOM}{5}$`), // of a deployment's replica set
  new RegExp(`-\\d{8,10}-${RANDOM}{5}$`), // of a cron job's run
  new RegExp(`-${RANDOM}{5}$`), // of a daemon set or a job
  /-\d{1,4}$/, // of a stateful set, of a compose service
];

export function serviceName(labels: Record<string, string>, podName: string | null): string | null {
  for (const label of LABELS) if (labels[label]) return labels[label];
  return podName && withoutGenerated(podName);
}

export function withoutGenerated(name: string): string {
  for (const ending of GENERATED) {
    const base = name.replace(ending, "");
    if (base !== name && base !== "") return base;
  }
  return name;
}
