/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */

export const ABI_HASH = 0x18ec2c4da14c045an;
