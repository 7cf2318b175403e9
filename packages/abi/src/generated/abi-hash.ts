/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */

export const ABI_HASH = 0xe3c72ad3a5c4f96fn;
