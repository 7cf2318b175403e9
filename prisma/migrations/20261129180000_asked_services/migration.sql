-- What flows' sources asked for. Null where it is no service's, and in what older agents told.
ALTER TABLE "flow_updates" ADD COLUMN     "asked_service" INTEGER;

-- CreateTable
CREATE TABLE "asked_services" (
    "id" SERIAL NOT NULL,
    "address" INET NOT NULL,
    "port" INTEGER NOT NULL,
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "asked_services_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "asked_services_address_port_namespace_name_key" ON "asked_services"("address", "port", "namespace", "name");
