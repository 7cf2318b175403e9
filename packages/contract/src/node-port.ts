/** By itself, so that pages load no schemas for it. */

/** Where an address stands: of a service's node port, at whichever host's own address. */
export const NODE_PORT_ADDRESS = "*";
