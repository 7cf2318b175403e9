/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */

export const ABI_HASH = 0x2fc63465494e1d4cn;
