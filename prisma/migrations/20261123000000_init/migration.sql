-- The first schema. Written by `prisma migrate diff` from schema.prisma; by hand are PARTITION BY, and what
-- Prisma has no words for, at the end. The check that both still agree is prisma/migrations.db.test.ts.

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "user" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "emailVerified" BOOLEAN NOT NULL DEFAULT false,
    "image" TEXT,
    "role" TEXT NOT NULL DEFAULT 'viewer',
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" TEXT NOT NULL,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "token" TEXT NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL,
    "ipAddress" TEXT,
    "userAgent" TEXT,
    "userId" TEXT NOT NULL,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "account" (
    "id" TEXT NOT NULL,
    "accountId" TEXT NOT NULL,
    "providerId" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "accessToken" TEXT,
    "refreshToken" TEXT,
    "idToken" TEXT,
    "accessTokenExpiresAt" TIMESTAMPTZ(3),
    "refreshTokenExpiresAt" TIMESTAMPTZ(3),
    "scope" TEXT,
    "password" TEXT,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "verification" (
    "id" TEXT NOT NULL,
    "identifier" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "verification_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rateLimit" (
    "id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "count" INTEGER NOT NULL,
    "lastRequest" BIGINT NOT NULL,

    CONSTRAINT "rateLimit_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_tokens" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_entries" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "author" TEXT NOT NULL,
    "via" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "target" TEXT NOT NULL,
    "detail" JSONB NOT NULL,
    "outcome" TEXT NOT NULL,

    CONSTRAINT "audit_entries_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "settings" (
    "key" TEXT NOT NULL,
    "value" JSONB NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "settings_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "hosts" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "credential_hash" TEXT NOT NULL,
    "enrolled_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revoked_at" TIMESTAMPTZ(3),
    "hello" JSONB,
    "hello_at" TIMESTAMPTZ(3),
    "heartbeat" JSONB,
    "heartbeat_at" TIMESTAMPTZ(3),
    "incompatible" TEXT,

    CONSTRAINT "hosts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "enrol_tokens" (
    "id" UUID NOT NULL,
    "hash" TEXT NOT NULL,
    "host_name" TEXT,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "used_by_host" TEXT,

    CONSTRAINT "enrol_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "incarnations" (
    "host_id" INTEGER NOT NULL,
    "id" UUID NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "agent_version" TEXT NOT NULL DEFAULT '',
    "acknowledged" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "incarnations_pkey" PRIMARY KEY ("host_id","id")
);

-- CreateTable
CREATE TABLE "batches" (
    "id" BIGSERIAL NOT NULL,
    "host_id" INTEGER NOT NULL,
    "incarnation" UUID NOT NULL,
    "sequence" BIGINT NOT NULL,
    "from_at" TIMESTAMPTZ(6) NOT NULL,
    "to_at" TIMESTAMPTZ(6) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "flow_rows" INTEGER NOT NULL,
    "drop_rows" INTEGER NOT NULL,
    "late_rows" INTEGER NOT NULL DEFAULT 0,
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),

    CONSTRAINT "batches_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "losses" (
    "id" BIGSERIAL NOT NULL,
    "host_id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "incarnation" UUID NOT NULL,
    "what" TEXT NOT NULL,
    "count" BIGINT NOT NULL,
    "first_sequence" BIGINT,
    "last_sequence" BIGINT,

    CONSTRAINT "losses_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agent_usage" (
    "host_id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "heartbeats" INTEGER NOT NULL,
    "cpu_share" DOUBLE PRECISION NOT NULL,
    "resident_bytes" BIGINT NOT NULL,

    CONSTRAINT "agent_usage_pkey" PRIMARY KEY ("host_id","at")
);

-- CreateTable
CREATE TABLE "tallies" (
    "name" TEXT NOT NULL,
    "value" BIGINT NOT NULL,

    CONSTRAINT "tallies_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "workloads" (
    "id" SERIAL NOT NULL,
    "hash" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "host_id" INTEGER,
    "namespace" TEXT,
    "pod" TEXT,
    "container" TEXT,
    "service" TEXT,
    "labels" JSONB NOT NULL,
    "runtime" TEXT,
    "unknown" TEXT,
    "first_seen" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workloads_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "drop_reasons" (
    "id" SMALLSERIAL NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "drop_reasons_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "drop_places" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "drop_places_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "endpoints" (
    "id" SERIAL NOT NULL,
    "host_id" INTEGER NOT NULL,
    "uid" TEXT NOT NULL,
    "workload_id" INTEGER,
    "interface" TEXT NOT NULL,
    "addresses" TEXT[],
    "first_seen" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "endpoints_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "coverage" (
    "endpoint_id" INTEGER NOT NULL,
    "address" INET NOT NULL,
    "from_at" TIMESTAMPTZ(6) NOT NULL,
    "until_at" TIMESTAMPTZ(6) NOT NULL,
    "version" BIGINT NOT NULL,

    CONSTRAINT "coverage_pkey" PRIMARY KEY ("endpoint_id","address")
);

-- CreateTable
CREATE TABLE "hidden_sources" (
    "pair_key" BIGINT NOT NULL,
    "flow_id" UUID NOT NULL,
    "from_at" TIMESTAMPTZ(6) NOT NULL,
    "until_at" TIMESTAMPTZ(6) NOT NULL,
    "settled" BOOLEAN NOT NULL,

    CONSTRAINT "hidden_sources_pkey" PRIMARY KEY ("pair_key","flow_id")
);

-- CreateTable
CREATE TABLE "flow_updates" (
    "ts" TIMESTAMPTZ(6) NOT NULL,
    "batch_id" BIGINT NOT NULL,
    "host_id" INTEGER NOT NULL,
    "flow_id" UUID NOT NULL,
    "first_seen" TIMESTAMPTZ(6) NOT NULL,
    "last_seen" TIMESTAMPTZ(6) NOT NULL,
    "pair_key" BIGINT NOT NULL,
    "src" INET NOT NULL,
    "dst" INET NOT NULL,
    "src_port" INTEGER NOT NULL,
    "dst_port" INTEGER NOT NULL,
    "proto" SMALLINT NOT NULL,
    "vlan" SMALLINT NOT NULL,
    "observer" SMALLINT NOT NULL,
    "opener_known" BOOLEAN NOT NULL,
    "counted" BOOLEAN NOT NULL,
    "verdict" SMALLINT NOT NULL,
    "reason_id" SMALLINT,
    "drops" BIGINT NOT NULL,
    "fwd_packets" BIGINT NOT NULL,
    "fwd_segments" BIGINT NOT NULL,
    "fwd_bytes" BIGINT NOT NULL,
    "rev_packets" BIGINT NOT NULL,
    "rev_segments" BIGINT NOT NULL,
    "rev_bytes" BIGINT NOT NULL,
    "fwd_flags" SMALLINT NOT NULL,
    "rev_flags" SMALLINT NOT NULL,
    "tcp_state" SMALLINT NOT NULL,
    "rtt_us" INTEGER,
    "rtt_min_us" INTEGER,
    "retransmits" BIGINT NOT NULL,
    "opens" INTEGER NOT NULL,
    "isn" BIGINT NOT NULL,
    "src_workload" INTEGER,
    "dst_workload" INTEGER,
    "endpoint_id" INTEGER NOT NULL,
    "final" BOOLEAN NOT NULL,
    "counted_src" INTEGER,
    "counted_dst" INTEGER,
    "nat_src" INET,
    "nat_dst" INET,
    "nat_src_port" INTEGER,
    "nat_dst_port" INTEGER
) PARTITION BY RANGE ("ts");

-- CreateTable
CREATE TABLE "drop_updates" (
    "ts" TIMESTAMPTZ(6) NOT NULL,
    "batch_id" BIGINT NOT NULL,
    "host_id" INTEGER NOT NULL,
    "src" INET NOT NULL,
    "dst" INET NOT NULL,
    "src_port" INTEGER NOT NULL,
    "dst_port" INTEGER NOT NULL,
    "proto" SMALLINT NOT NULL,
    "reason_id" SMALLINT NOT NULL,
    "place_id" INTEGER NOT NULL,
    "class" SMALLINT NOT NULL,
    "direction" SMALLINT NOT NULL,
    "src_workload" INTEGER,
    "dst_workload" INTEGER,
    "packets" BIGINT NOT NULL,
    "bytes" BIGINT NOT NULL,
    "first_seen" TIMESTAMPTZ(6) NOT NULL,
    "last_seen" TIMESTAMPTZ(6) NOT NULL
) PARTITION BY RANGE ("ts");

-- CreateTable
CREATE TABLE "endpoint_updates" (
    "ts" TIMESTAMPTZ(6) NOT NULL,
    "batch_id" BIGINT NOT NULL,
    "host_id" INTEGER NOT NULL,
    "endpoint_id" INTEGER NOT NULL,
    "egress" BIGINT[],
    "ingress" BIGINT[],
    "device_tx_packets" BIGINT NOT NULL,
    "device_tx_bytes" BIGINT NOT NULL,
    "device_rx_packets" BIGINT NOT NULL,
    "device_rx_bytes" BIGINT NOT NULL,
    "device_tx_dropped" BIGINT NOT NULL,
    "device_rx_dropped" BIGINT NOT NULL
) PARTITION BY RANGE ("ts");

-- CreateTable
CREATE TABLE "rollup_names" (
    "id" SERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "rollup_names_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rollup_10s" (
    "bucket" TIMESTAMPTZ(0) NOT NULL,
    "host_id" INTEGER NOT NULL,
    "src_id" INTEGER NOT NULL,
    "dst_id" INTEGER NOT NULL,
    "dst_port" INTEGER NOT NULL,
    "proto" SMALLINT NOT NULL,
    "verdict" SMALLINT NOT NULL,
    "updates" BIGINT NOT NULL,
    "opened" BIGINT NOT NULL,
    "fwd_packets" BIGINT NOT NULL,
    "fwd_bytes" BIGINT NOT NULL,
    "rev_packets" BIGINT NOT NULL,
    "rev_bytes" BIGINT NOT NULL,
    "drops" BIGINT NOT NULL,
    "retransmits" BIGINT NOT NULL,
    "rtt_sketch" INTEGER[],

    CONSTRAINT "rollup_10s_pkey" PRIMARY KEY ("bucket","host_id","src_id","dst_id","dst_port","proto","verdict")
) PARTITION BY RANGE ("bucket");

-- CreateTable
CREATE TABLE "rollup_1m" (
    "bucket" TIMESTAMPTZ(0) NOT NULL,
    "host_id" INTEGER NOT NULL,
    "src_id" INTEGER NOT NULL,
    "dst_id" INTEGER NOT NULL,
    "dst_port" INTEGER NOT NULL,
    "proto" SMALLINT NOT NULL,
    "verdict" SMALLINT NOT NULL,
    "updates" BIGINT NOT NULL,
    "opened" BIGINT NOT NULL,
    "fwd_packets" BIGINT NOT NULL,
    "fwd_bytes" BIGINT NOT NULL,
    "rev_packets" BIGINT NOT NULL,
    "rev_bytes" BIGINT NOT NULL,
    "drops" BIGINT NOT NULL,
    "retransmits" BIGINT NOT NULL,
    "rtt_sketch" INTEGER[],

    CONSTRAINT "rollup_1m_pkey" PRIMARY KEY ("bucket","host_id","src_id","dst_id","dst_port","proto","verdict")
) PARTITION BY RANGE ("bucket");

-- CreateTable
CREATE TABLE "rollup_1h" (
    "bucket" TIMESTAMPTZ(0) NOT NULL,
    "host_id" INTEGER NOT NULL,
    "src_id" INTEGER NOT NULL,
    "dst_id" INTEGER NOT NULL,
    "dst_port" INTEGER NOT NULL,
    "proto" SMALLINT NOT NULL,
    "verdict" SMALLINT NOT NULL,
    "updates" BIGINT NOT NULL,
    "opened" BIGINT NOT NULL,
    "fwd_packets" BIGINT NOT NULL,
    "fwd_bytes" BIGINT NOT NULL,
    "rev_packets" BIGINT NOT NULL,
    "rev_bytes" BIGINT NOT NULL,
    "drops" BIGINT NOT NULL,
    "retransmits" BIGINT NOT NULL,
    "rtt_sketch" INTEGER[],

    CONSTRAINT "rollup_1h_pkey" PRIMARY KEY ("bucket","host_id","src_id","dst_id","dst_port","proto","verdict")
) PARTITION BY RANGE ("bucket");

-- CreateTable
CREATE TABLE "total_10s" (
    "bucket" TIMESTAMPTZ(0) NOT NULL,
    "shard" SMALLINT NOT NULL,
    "verdict" SMALLINT NOT NULL,
    "updates" BIGINT NOT NULL,
    "opened" BIGINT NOT NULL,
    "fwd_packets" BIGINT NOT NULL,
    "fwd_bytes" BIGINT NOT NULL,
    "rev_packets" BIGINT NOT NULL,
    "rev_bytes" BIGINT NOT NULL,
    "drops" BIGINT NOT NULL,
    "retransmits" BIGINT NOT NULL,
    "rtt_sketch" INTEGER[],

    CONSTRAINT "total_10s_pkey" PRIMARY KEY ("bucket","shard","verdict")
) PARTITION BY RANGE ("bucket");

-- CreateTable
CREATE TABLE "total_1m" (
    "bucket" TIMESTAMPTZ(0) NOT NULL,
    "shard" SMALLINT NOT NULL,
    "verdict" SMALLINT NOT NULL,
    "updates" BIGINT NOT NULL,
    "opened" BIGINT NOT NULL,
    "fwd_packets" BIGINT NOT NULL,
    "fwd_bytes" BIGINT NOT NULL,
    "rev_packets" BIGINT NOT NULL,
    "rev_bytes" BIGINT NOT NULL,
    "drops" BIGINT NOT NULL,
    "retransmits" BIGINT NOT NULL,
    "rtt_sketch" INTEGER[],

    CONSTRAINT "total_1m_pkey" PRIMARY KEY ("bucket","shard","verdict")
) PARTITION BY RANGE ("bucket");

-- CreateTable
CREATE TABLE "total_1h" (
    "bucket" TIMESTAMPTZ(0) NOT NULL,
    "shard" SMALLINT NOT NULL,
    "verdict" SMALLINT NOT NULL,
    "updates" BIGINT NOT NULL,
    "opened" BIGINT NOT NULL,
    "fwd_packets" BIGINT NOT NULL,
    "fwd_bytes" BIGINT NOT NULL,
    "rev_packets" BIGINT NOT NULL,
    "rev_bytes" BIGINT NOT NULL,
    "drops" BIGINT NOT NULL,
    "retransmits" BIGINT NOT NULL,
    "rtt_sketch" INTEGER[],

    CONSTRAINT "total_1h_pkey" PRIMARY KEY ("bucket","shard","verdict")
) PARTITION BY RANGE ("bucket");

-- CreateTable
CREATE TABLE "trace_sessions" (
    "id" UUID NOT NULL,
    "generation" INTEGER NOT NULL DEFAULT 1,
    "spec" JSONB NOT NULL,
    "state" TEXT NOT NULL,
    "deadline_at" TIMESTAMPTZ(3),
    "end" TEXT,
    "end_detail" TEXT,
    "author" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lease_ends_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "trace_sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "trace_hosts" (
    "session_id" UUID NOT NULL,
    "host_id" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "deadline_at" TIMESTAMPTZ(3),
    "end" TEXT,
    "end_detail" TEXT,
    "stats" JSONB NOT NULL,
    "attached_at" TIMESTAMPTZ(3),

    CONSTRAINT "trace_hosts_pkey" PRIMARY KEY ("session_id","host_id")
);

-- CreateTable
CREATE TABLE "trace_transitions" (
    "id" BIGSERIAL NOT NULL,
    "session_id" UUID NOT NULL,
    "host_id" INTEGER,
    "event" TEXT NOT NULL,
    "from_state" TEXT NOT NULL,
    "to_state" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "author" TEXT NOT NULL,
    "why" TEXT NOT NULL,

    CONSTRAINT "trace_transitions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "trace_events" (
    "id" BIGSERIAL NOT NULL,
    "session_id" UUID NOT NULL,
    "host_id" INTEGER NOT NULL,
    "sequence" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(6) NOT NULL,
    "event" JSONB NOT NULL,

    CONSTRAINT "trace_events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_email_key" ON "user"("email");

-- CreateIndex
CREATE UNIQUE INDEX "session_token_key" ON "session"("token");

-- CreateIndex
CREATE INDEX "session_userId_idx" ON "session"("userId");

-- CreateIndex
CREATE INDEX "account_userId_idx" ON "account"("userId");

-- CreateIndex
CREATE INDEX "verification_identifier_idx" ON "verification"("identifier");

-- CreateIndex
CREATE UNIQUE INDEX "rateLimit_key_key" ON "rateLimit"("key");

-- CreateIndex
CREATE UNIQUE INDEX "api_tokens_hash_key" ON "api_tokens"("hash");

-- CreateIndex
CREATE INDEX "api_tokens_user_id_idx" ON "api_tokens"("user_id");

-- CreateIndex
CREATE INDEX "audit_entries_at_idx" ON "audit_entries"("at");

-- CreateIndex
CREATE UNIQUE INDEX "hosts_name_key" ON "hosts"("name");

-- CreateIndex
CREATE UNIQUE INDEX "enrol_tokens_hash_key" ON "enrol_tokens"("hash");

-- CreateIndex
CREATE INDEX "batches_xid_idx" ON "batches"("xid");

-- CreateIndex
CREATE INDEX "batches_host_id_to_at_idx" ON "batches"("host_id", "to_at");

-- CreateIndex
CREATE UNIQUE INDEX "batches_host_id_incarnation_sequence_key" ON "batches"("host_id", "incarnation", "sequence");

-- CreateIndex
CREATE INDEX "agent_usage_at_idx" ON "agent_usage"("at");

-- CreateIndex
CREATE INDEX "losses_at_idx" ON "losses"("at");

-- CreateIndex
CREATE INDEX "losses_host_id_incarnation_last_sequence_idx" ON "losses"("host_id", "incarnation", "last_sequence");

-- CreateIndex
CREATE UNIQUE INDEX "workloads_hash_key" ON "workloads"("hash");

-- CreateIndex
CREATE INDEX "workloads_service_idx" ON "workloads"("service");

-- CreateIndex
CREATE INDEX "workloads_pod_idx" ON "workloads"("pod");

-- CreateIndex
CREATE UNIQUE INDEX "drop_reasons_name_key" ON "drop_reasons"("name");

-- CreateIndex
CREATE UNIQUE INDEX "drop_places_name_key" ON "drop_places"("name");

-- CreateIndex
CREATE UNIQUE INDEX "endpoints_host_id_uid_key" ON "endpoints"("host_id", "uid");

-- CreateIndex
CREATE INDEX "coverage_version_idx" ON "coverage"("version");

-- CreateIndex
CREATE INDEX "coverage_until_at_idx" ON "coverage"("until_at");

-- CreateIndex
CREATE INDEX "hidden_sources_until_at_idx" ON "hidden_sources"("until_at");

-- CreateIndex
CREATE INDEX "flow_updates_ts_idx" ON "flow_updates" USING BRIN ("ts");

-- CreateIndex
CREATE INDEX "flow_updates_host_id_ts_idx" ON "flow_updates"("host_id", "ts" DESC);

-- CreateIndex
CREATE INDEX "flow_updates_flow_id_idx" ON "flow_updates"("flow_id");

-- CreateIndex
CREATE INDEX "flow_updates_pair_key_ts_idx" ON "flow_updates"("pair_key", "ts" DESC);

-- CreateIndex
CREATE INDEX "flow_updates_src_ts_idx" ON "flow_updates"("src", "ts" DESC);

-- CreateIndex
CREATE INDEX "flow_updates_dst_ts_idx" ON "flow_updates"("dst", "ts" DESC);

-- CreateIndex
CREATE INDEX "drop_updates_ts_idx" ON "drop_updates"("ts" DESC);

-- CreateIndex
CREATE INDEX "endpoint_updates_endpoint_id_ts_idx" ON "endpoint_updates"("endpoint_id", "ts" DESC);

-- CreateIndex
CREATE INDEX "endpoint_updates_ts_idx" ON "endpoint_updates" USING BRIN ("ts");

-- CreateIndex
CREATE UNIQUE INDEX "rollup_names_kind_name_key" ON "rollup_names"("kind", "name");

-- CreateIndex
CREATE INDEX "trace_sessions_created_at_idx" ON "trace_sessions"("created_at");

-- CreateIndex
CREATE INDEX "trace_sessions_state_idx" ON "trace_sessions"("state");

-- CreateIndex
CREATE INDEX "trace_transitions_session_id_idx" ON "trace_transitions"("session_id");

-- CreateIndex
CREATE UNIQUE INDEX "trace_events_session_id_host_id_sequence_key" ON "trace_events"("session_id", "host_id", "sequence");

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "account" ADD CONSTRAINT "account_userId_fkey" FOREIGN KEY ("userId") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "incarnations" ADD CONSTRAINT "incarnations_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "agent_usage" ADD CONSTRAINT "agent_usage_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "losses" ADD CONSTRAINT "losses_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "endpoints" ADD CONSTRAINT "endpoints_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "coverage" ADD CONSTRAINT "coverage_endpoint_id_fkey" FOREIGN KEY ("endpoint_id") REFERENCES "endpoints"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trace_hosts" ADD CONSTRAINT "trace_hosts_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "trace_sessions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trace_hosts" ADD CONSTRAINT "trace_hosts_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trace_transitions" ADD CONSTRAINT "trace_transitions_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "trace_sessions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "trace_events" ADD CONSTRAINT "trace_events_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "trace_sessions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Partitions live in a schema of their own: the ingest process makes and drops them (see
-- apps/web/src/server/ingest/partitions.ts), and Prisma, which looks at "public" only, sees no drift.
CREATE SCHEMA "partitions";

-- The few updates with packets that no flow got, found without reading all: classes tableFull and
-- flowRetired of egress and ingress (packets are elements 10 and 13).
CREATE INDEX "endpoint_updates_unattributed_idx" ON "endpoint_updates" ("ts")
    WHERE "egress"[10] <> 0 OR "egress"[13] <> 0 OR "ingress"[10] <> 0 OR "ingress"[13] <> 0;

-- Openings, by which the two sides of a NAT are joined: one update of a connection.
CREATE INDEX "flow_updates_isn_idx" ON "flow_updates" ("isn") WHERE "opens" > 0 AND "isn" <> 0;

-- Translated flows are few; the others leave no trace in these.
CREATE INDEX "flow_updates_nat_src_idx" ON "flow_updates" ("nat_src", "ts" DESC) WHERE "nat_src" IS NOT NULL;
CREATE INDEX "flow_updates_nat_dst_idx" ON "flow_updates" ("nat_dst", "ts" DESC) WHERE "nat_dst" IS NOT NULL;
CREATE INDEX "hidden_sources_unsettled_idx" ON "hidden_sources" ("pair_key") WHERE NOT "settled";

-- Audit entries are written once: not even our own code can change one.
CREATE FUNCTION "refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER "audit_entries_append_only" BEFORE UPDATE OR DELETE ON "audit_entries"
    FOR EACH ROW EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "audit_entries_no_truncate" BEFORE TRUNCATE ON "audit_entries"
    FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();

-- Latency sketches are counts by logarithmic bucket (see apps/web/src/server/sketch.ts), cut after the last
-- count that isn't zero. Merging is adding, element by element.
CREATE FUNCTION "rtt_sketch_add"(a integer[], b integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    merged integer[];
    shorter integer[];
BEGIN
    IF coalesce(cardinality(b), 0) = 0 THEN RETURN coalesce(a, '{}'); END IF;
    IF coalesce(cardinality(a), 0) = 0 THEN RETURN b; END IF;
    IF cardinality(a) >= cardinality(b) THEN merged := a; shorter := b; ELSE merged := b; shorter := a; END IF;
    FOR i IN 1 .. cardinality(shorter) LOOP
        IF shorter[i] <> 0 THEN merged[i] := merged[i] + shorter[i]; END IF;
    END LOOP;
    RETURN merged;
END
$$;
CREATE AGGREGATE "rtt_sketch_merge"(integer[]) (
    SFUNC = "rtt_sketch_add", STYPE = integer[], COMBINEFUNC = "rtt_sketch_add", INITCOND = '{}', PARALLEL = SAFE
);
