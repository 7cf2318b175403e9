/** `millrace apply`, `get` and `delete`: what is declared, from manifests and back. The server checks and changes; here it is printed. */
import {
  API_VERSIONS,
  DOCUMENT_KINDS,
  type DocumentKind,
  type DocumentName,
  type DocumentView,
  documentText,
} from "@millrace/contract/document";
import { type Manifest, type ManifestProblem, readManifests } from "@millrace/policy/manifest";
import { Command, Option } from "commander";
import { stringify } from "yaml";
import { type Client, connect } from "./client.ts";
import { UsageError } from "./failure.ts";
import { readSources } from "./manifest.ts";
import { plain } from "./terminal.ts";

const FILES = ["-f, --filename <file...>", "files, directories, or - for standard input"] as const;
const NAMESPACE = ["-n, --namespace <name>", "namespace"] as const;
const DEFAULT_NAMESPACE = "default";

export function applyCommand(): Command {
  return new Command("apply")
    .description("create or change policies, services and namespaces as manifests say: all or none")
    .requiredOption(...FILES)
    .option("--dry-run", "say what would be done, and what is wrong")
    .action(async ({ filename, dryRun }: { filename: string[]; dryRun?: boolean }, self: Command) => {
      const manifests = manifestsIn(filename);
      const documents = manifests.map(({ document }) => document);
      const client = connect(self).documents;
      const answer = dryRun
        ? await client.check.query({ documents })
        : await client.applyAll.mutate({ documents });
      if (!answer.ok)
        refuse(answer.problems.map((problem) => placed(manifests[problem.document] as Manifest, problem)));
      for (const document of answer.documents)
        say(`${documentText(document)} ${document.what}${dryRun ? " (dry run)" : ""}`);
    });
}

export function deleteCommand(): Command {
  return new Command("delete")
    .description("remove what manifests name, or one by its kind and name")
    .argument("[kind]", kindsText())
    .argument("[name]", "name, or namespace/name")
    .option(...FILES)
    .option(...NAMESPACE)
    .action(
      async (
        kind: string | undefined,
        name: string | undefined,
        options: { filename?: string[]; namespace?: string },
        self: Command,
      ) => {
        const documents = namesToDelete(kind, name, options);
        const answer = await connect(self).documents.delete.mutate({ documents });
        for (const document of answer.documents)
          say(`${documentText(document)} ${document.what === "absent" ? "was not there" : "deleted"}`);
      },
    );
}

export function getCommand(): Command {
  return new Command("get")
    .description("what is declared: a list of a kind, or one by its name")
    .argument("<kind>", kindsText())
    .argument("[name]", "name, or namespace/name")
    .option("-n, --namespace <name>", `namespace (of a list: all; of a name: ${DEFAULT_NAMESPACE})`)
    .addOption(
      new Option("-o, --output <format>", "output").choices(["table", "json", "yaml"]).default("table"),
    )
    .action(
      async (
        word: string,
        name: string | undefined,
        { namespace, output }: { namespace?: string; output: string },
        self: Command,
      ) => {
        const client = connect(self);
        const kind = kindOf(word);
        const found: DocumentName[] = name
          ? [nameOf(kind, name, namespace)]
          : await client.documents.list.query({ kind, namespace: namespace ?? null });
        if (output === "table")
          return printTable(name ? [await whole(client, found[0])] : (found as DocumentView[]));
        const documents = [];
        for (const one of found) documents.push((await whole(client, one)).document);
        if (output === "json") process.stdout.write(`${JSON.stringify(name ? documents[0] : documents)}\n`);
        else process.stdout.write(documents.map((document) => stringify(inOrder(document))).join("---\n"));
      },
    );
}

const whole = (client: Client, document: DocumentName | undefined) => {
  const { kind, namespace, name } = document as DocumentName;
  return client.documents.get.query({ kind, namespace, name });
};
const say = (line: string): void => void process.stdout.write(`${plain(line)}\n`);

// ---- manifests ----

function manifestsIn(files: readonly string[]): Manifest[] {
  const { manifests, problems } = readManifests(readSources(files));
  if (problems.length > 0) refuse(problems);
  if (manifests.length === 0) throw new UsageError(`${files.join(", ")}: no document in it`);
  return manifests;
}

const placed = (
  manifest: Manifest,
  { path, message }: { path: string; message: string },
): ManifestProblem => ({
  file: manifest.file,
  line: manifest.lineOf(path),
  message: path === "" ? message : `${path}: ${message}`,
});

/** All problems, each where an editor would go to, and then the end. */
function refuse(problems: readonly ManifestProblem[]): never {
  for (const { file, line, message } of problems)
    process.stderr.write(`${plain(`${file}:${line}: ${message}`)}\n`);
  throw new UsageError(
    `nothing was done: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`,
  );
}

function namesToDelete(
  kind: string | undefined,
  name: string | undefined,
  { filename, namespace }: { filename?: string[]; namespace?: string },
): DocumentName[] {
  if (filename && !kind) return manifestsIn(filename).map(nameIn);
  if (filename || !kind || !name) throw new UsageError("give either -f or a kind and a name");
  return [nameOf(kindOf(kind), name, namespace)];
}

/** Of a manifest only its name counts here. */
function nameIn(manifest: Manifest): DocumentName {
  const { kind, metadata } = manifest.document;
  const { name, namespace } = (metadata ?? {}) as { name?: unknown; namespace?: unknown };
  const known = DOCUMENT_KINDS.find((one) => one === kind);
  if (!known)
    return refuse([placed(manifest, { path: "kind", message: `must be ${DOCUMENT_KINDS.join(", ")}` })]);
  if (typeof name !== "string" || name === "")
    return refuse([placed(manifest, { path: "metadata.name", message: "is missing" })]);
  return nameOf(known, name, typeof namespace === "string" ? namespace : undefined);
}

// ---- kinds and names ----

/** As people call them, in small letters; plurals besides. */
const SHORT: Record<string, DocumentKind> = { ns: "Namespace", netpol: "NetworkPolicy", svc: "Service" };

function kindOf(word: string): DocumentKind {
  const small = word.toLowerCase();
  const names = (kind: string) =>
    [kind, `${kind}s`, kind.replace(/y$/, "ies")].map((one) => one.toLowerCase());
  const kind = SHORT[small] ?? DOCUMENT_KINDS.find((one) => names(one).includes(small));
  if (!kind) throw new UsageError(`“${word}” is no kind: ${kindsText()}`);
  return kind;
}
const kindsText = (): string =>
  `${Object.keys(API_VERSIONS).join(", ")}; also ${Object.keys(SHORT).join(", ")}`;

function nameOf(kind: DocumentKind, text: string, namespace: string | undefined): DocumentName {
  const [first = "", second, ...rest] = text.split("/");
  if (rest.length > 0 || (second !== undefined && namespace !== undefined && namespace !== first))
    throw new UsageError(`“${text}” is no name, or not one of namespace ${namespace}`);
  if (kind === "Namespace") return { kind, namespace: "", name: text };
  return {
    kind,
    namespace: second === undefined ? (namespace ?? DEFAULT_NAMESPACE) : first,
    name: second ?? first,
  };
}

// ---- output ----

function printTable(rows: readonly DocumentView[]): void {
  const lines = rows.map((row) => [
    ...[row.namespace || "-", row.name, row.number === null ? "-" : String(row.number), String(row.revision)],
    ...[new Date(row.changedAtMs).toISOString().slice(0, 19).replace("T", " "), row.changedBy],
  ]);
  const all = [["NAMESPACE", "NAME", "NUMBER", "REVISION", "CHANGED (UTC)", "BY"], ...lines];
  const widths = all[0]?.map((_, i) => Math.max(...all.map((line) => line[i]?.length ?? 0))) ?? [];
  for (const line of all)
    say(
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

/** jsonb keeps no order: what people look for first comes first. */
const FIRST = [
  "apiVersion",
  "kind",
  "metadata",
  "name",
  "namespace",
  "labels",
  "annotations",
  "spec",
  "status",
];
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  const place = (key: string) => (FIRST.indexOf(key) + FIRST.length + 1) % (FIRST.length + 1);
  const entries = Object.entries(value).sort(([a], [b]) => place(a) - place(b));
  return Object.fromEntries(entries.map(([key, inner]) => [key, inOrder(inner)]));
}
