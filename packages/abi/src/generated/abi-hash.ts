/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */

export const ABI_HASH = 0xac0cd8494a8d0f5en;
