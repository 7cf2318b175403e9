// Names of link, map and program types, those newer than libbpf 1.1 included. A number nobody knows yet keeps its number.
#include "kernel_abi.h"

#include <bpf/libbpf.h>

namespace kernel_abi {
namespace {

std::string OrNumber(const char* name, const char* kind, uint32_t type) {
  return name != nullptr ? name : std::string(kind) + "_" + std::to_string(type);
}

}  // namespace

std::string LinkTypeName(uint32_t type) {
  switch (type) {
    case 7: return "perf";
    case 10: return "netfilter";
    case 11: return "tcx";
    case 12: return "uprobe_multi";
    case 13: return "netkit";
    case 14: return "sockmap";
    default: return OrNumber(libbpf_bpf_link_type_str(static_cast<bpf_link_type>(type)), "link", type);
  }
}

std::string MapTypeName(uint32_t type) {
  switch (type) {
    case 32: return "cgrp_storage";
    case 33: return "arena";
    default: return OrNumber(libbpf_bpf_map_type_str(static_cast<bpf_map_type>(type)), "map", type);
  }
}

std::string ProgramTypeName(uint32_t type) {
  if (type == 32) return "netfilter";
  return OrNumber(libbpf_bpf_prog_type_str(static_cast<bpf_prog_type>(type)), "program", type);
}

}  // namespace kernel_abi
