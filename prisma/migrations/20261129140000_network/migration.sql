-- CreateTable
CREATE TABLE "pools" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "mode" TEXT NOT NULL,
    "prefix4" INET,
    "prefix6" INET,
    "block_length4" SMALLINT NOT NULL,
    "block_length6" SMALLINT NOT NULL,
    "masquerade" BOOLEAN NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "pools_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "blocks" (
    "pool_id" INTEGER NOT NULL,
    "index" INTEGER NOT NULL,
    "host_id" INTEGER,
    "prefix4" INET,
    "prefix6" INET,
    "state" TEXT NOT NULL,
    "generation" INTEGER NOT NULL,
    "leased_at" TIMESTAMPTZ(3) NOT NULL,
    "last_confirmed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "blocks_pkey" PRIMARY KEY ("pool_id","index")
);

-- CreateTable
CREATE TABLE "underlays" (
    "host_id" INTEGER NOT NULL,
    "uplink4" INET,
    "uplink6" INET,
    "mac" TEXT NOT NULL,
    "mtu" INTEGER NOT NULL,
    "vtep_port" INTEGER NOT NULL,
    "published_generation" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "underlays_pkey" PRIMARY KEY ("host_id")
);

-- CreateTable
CREATE TABLE "identities" (
    "id" SERIAL NOT NULL,
    "hash" TEXT NOT NULL,
    "labels" JSONB NOT NULL,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "identities_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "network_endpoints" (
    "host_id" INTEGER NOT NULL,
    "attachment_id" TEXT NOT NULL,
    "address4" INET,
    "address6" INET,
    "identity_id" INTEGER NOT NULL,
    "generation" BIGINT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "network_endpoints_pkey" PRIMARY KEY ("host_id","attachment_id")
);

-- CreateTable
CREATE TABLE "resolve_leases" (
    "address" INET NOT NULL,
    "host_id" INTEGER NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "resolve_leases_pkey" PRIMARY KEY ("address","host_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "pools_name_key" ON "pools"("name");

-- CreateIndex
CREATE UNIQUE INDEX "blocks_prefix4_key" ON "blocks"("prefix4");

-- CreateIndex
CREATE UNIQUE INDEX "blocks_prefix6_key" ON "blocks"("prefix6");

-- CreateIndex
CREATE INDEX "blocks_host_id_idx" ON "blocks"("host_id");

-- CreateIndex
CREATE INDEX "blocks_pool_id_state_last_confirmed_at_idx" ON "blocks"("pool_id", "state", "last_confirmed_at");

-- CreateIndex
CREATE INDEX "underlays_uplink4_idx" ON "underlays"("uplink4");

-- CreateIndex
CREATE INDEX "underlays_uplink6_idx" ON "underlays"("uplink6");

-- CreateIndex
CREATE UNIQUE INDEX "identities_hash_key" ON "identities"("hash");

-- CreateIndex
CREATE INDEX "identities_last_used_at_idx" ON "identities"("last_used_at");

-- CreateIndex
CREATE UNIQUE INDEX "network_endpoints_address4_key" ON "network_endpoints"("address4");

-- CreateIndex
CREATE UNIQUE INDEX "network_endpoints_address6_key" ON "network_endpoints"("address6");

-- CreateIndex
CREATE INDEX "network_endpoints_identity_id_idx" ON "network_endpoints"("identity_id");

-- CreateIndex
CREATE INDEX "resolve_leases_host_id_until_idx" ON "resolve_leases"("host_id", "until");

-- CreateIndex
CREATE INDEX "resolve_leases_until_idx" ON "resolve_leases"("until");

-- AddForeignKey
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_pool_id_fkey" FOREIGN KEY ("pool_id") REFERENCES "pools"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "underlays" ADD CONSTRAINT "underlays_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "network_endpoints" ADD CONSTRAINT "network_endpoints_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "network_endpoints" ADD CONSTRAINT "network_endpoints_identity_id_fkey" FOREIGN KEY ("identity_id") REFERENCES "identities"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "resolve_leases" ADD CONSTRAINT "resolve_leases_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma has no words for. A block is somebody's unless it is free, and there is nothing without an address.
ALTER TABLE "pools" ADD CONSTRAINT "pools_prefix_check" CHECK ("prefix4" IS NOT NULL OR "prefix6" IS NOT NULL);
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_owner_check" CHECK (("state" = 'free') = ("host_id" IS NULL));
ALTER TABLE "network_endpoints" ADD CONSTRAINT "network_endpoints_address_check"
    CHECK ("address4" IS NOT NULL OR "address6" IS NOT NULL);

-- Identities have 24 bits on the wire, and those below 256 are reserved. Numbers go round, so that one that was
-- given up rests as long as possible.
ALTER SEQUENCE "identities_id_seq" MINVALUE 256 MAXVALUE 16777215 START 256 RESTART 256 CYCLE;
