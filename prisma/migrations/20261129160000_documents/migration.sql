-- CreateTable
CREATE TABLE "documents" (
    "id" SERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "number" INTEGER,
    "given" JSONB NOT NULL,
    "reading" JSONB NOT NULL,
    "revision" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_by" TEXT NOT NULL,

    CONSTRAINT "documents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "document_changes" (
    "revision" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "number" INTEGER,
    "what" TEXT NOT NULL,
    "given" JSONB,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "author" TEXT NOT NULL,
    "via" TEXT NOT NULL,

    CONSTRAINT "document_changes_pkey" PRIMARY KEY ("revision","kind","namespace","name")
);

-- CreateTable
CREATE TABLE "service_addresses" (
    "address" INET NOT NULL,
    "document_id" INTEGER NOT NULL,

    CONSTRAINT "service_addresses_pkey" PRIMARY KEY ("address")
);

-- CreateTable
CREATE TABLE "identity_leases" (
    "identity" INTEGER NOT NULL,
    "host_id" INTEGER NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "identity_leases_pkey" PRIMARY KEY ("identity","host_id")
);

-- CreateTable
CREATE TABLE "service_leases" (
    "address" INET NOT NULL,
    "host_id" INTEGER NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "service_leases_pkey" PRIMARY KEY ("address","host_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "documents_number_key" ON "documents"("number");

-- CreateIndex
CREATE INDEX "documents_kind_scope_idx" ON "documents"("kind", "scope");

-- CreateIndex
CREATE UNIQUE INDEX "documents_kind_namespace_name_key" ON "documents"("kind", "namespace", "name");

-- CreateIndex
CREATE INDEX "document_changes_kind_namespace_name_idx" ON "document_changes"("kind", "namespace", "name");

-- CreateIndex
CREATE INDEX "document_changes_number_idx" ON "document_changes"("number");

-- CreateIndex
CREATE INDEX "service_addresses_document_id_idx" ON "service_addresses"("document_id");

-- CreateIndex
CREATE INDEX "identity_leases_host_id_until_idx" ON "identity_leases"("host_id", "until");

-- CreateIndex
CREATE INDEX "identity_leases_until_idx" ON "identity_leases"("until");

-- CreateIndex
CREATE INDEX "service_leases_host_id_until_idx" ON "service_leases"("host_id", "until");

-- CreateIndex
CREATE INDEX "service_leases_until_idx" ON "service_leases"("until");

-- CreateIndex
CREATE INDEX "identities_labels_idx" ON "identities" USING GIN ("labels" jsonb_path_ops);

-- AddForeignKey
ALTER TABLE "service_addresses" ADD CONSTRAINT "service_addresses_document_id_fkey" FOREIGN KEY ("document_id") REFERENCES "documents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity_leases" ADD CONSTRAINT "identity_leases_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "service_leases" ADD CONSTRAINT "service_leases_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma has no words for. A revision has 32 bits and a policy's number 24 in what the kernel writes on flows;
-- neither is ever given twice.
CREATE SEQUENCE "document_revision_seq" MAXVALUE 4294967295;
CREATE SEQUENCE "policy_number_seq" AS INTEGER MAXVALUE 16777215;

CREATE TRIGGER "document_changes_append_only" BEFORE UPDATE OR DELETE ON "document_changes"
    FOR EACH ROW EXECUTE FUNCTION "refuse_change"();
CREATE TRIGGER "document_changes_no_truncate" BEFORE TRUNCATE ON "document_changes"
    FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change"();
