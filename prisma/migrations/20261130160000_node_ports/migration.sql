-- CreateTable
CREATE TABLE "node_ports" (
    "protocol" SMALLINT NOT NULL,
    "port" INTEGER NOT NULL,
    "document_id" INTEGER NOT NULL,
    "service_port" INTEGER NOT NULL,

    CONSTRAINT "node_ports_pkey" PRIMARY KEY ("protocol","port")
);

-- CreateTable
CREATE TABLE "node_port_leases" (
    "protocol" SMALLINT NOT NULL,
    "port" INTEGER NOT NULL,
    "host_id" INTEGER NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "node_port_leases_pkey" PRIMARY KEY ("protocol","port","host_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "node_ports_document_id_protocol_service_port_key" ON "node_ports"("document_id", "protocol", "service_port");

-- CreateIndex
CREATE INDEX "node_port_leases_host_id_until_idx" ON "node_port_leases"("host_id", "until");

-- CreateIndex
CREATE INDEX "node_port_leases_until_idx" ON "node_port_leases"("until");

-- AddForeignKey
ALTER TABLE "node_ports" ADD CONSTRAINT "node_ports_document_id_fkey" FOREIGN KEY ("document_id") REFERENCES "documents"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "node_port_leases" ADD CONSTRAINT "node_port_leases_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE ON UPDATE CASCADE;
