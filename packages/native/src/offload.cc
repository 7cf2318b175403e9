// Offload switches by ethtool's ioctl; see offload.h.
#include "offload.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "args.h"
#include "error.h"
#include "fd.h"
#include "fields.h"
#include "netns.h"

namespace {

bool Begins(const std::string& name, const std::string& with) { return name.rfind(with, 0) == 0; }

bool Ends(const std::string& name, const std::string& with) {
  return name.size() >= with.size() && name.compare(name.size() - with.size(), with.size(), with) == 0;
}

// A switch and the kernel's features it stands for. By pattern, since kernels add some: with TSO off, no kind of TCP may
// go down unsegmented.
struct Switch {
  const char* key;
  bool (*stands_for)(const std::string& feature);
};
constexpr Switch kSwitches[] = {
    {"txChecksum", [](const std::string& f) { return Begins(f, "tx-checksum-"); }},
    {"tso", [](const std::string& f) { return Begins(f, "tx-tcp") && Ends(f, "-segmentation"); }},
    {"txUdpSegmentation", [](const std::string& f) { return f == "tx-udp-segmentation"; }},
    {"gro", [](const std::string& f) { return f == "rx-gro"; }},
};

struct Wanted {
  const Switch* which;
  bool on;
};

// One device's features, in the calling thread's namespace.
class Features {
 public:
  explicit Features(const std::string& device) : device_(device), socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (!socket_.valid()) throw Failure(errno, kOp, device);
    ReadNames();
    ReadChangeable();
  }

  // All in one request, so that what is asked for comes whole or not at all.
  void Set(const std::vector<Wanted>& wanted) {
    std::vector<ethtool_set_features_block> blocks(changeable_.size());
    for (const Wanted& one : wanted) Mark(one, blocks);
    std::vector<uint8_t> room(sizeof(ethtool_sfeatures) + blocks.size() * sizeof blocks[0]);
    auto* request = reinterpret_cast<ethtool_sfeatures*>(room.data());
    request->cmd = ETHTOOL_SFEATURES;
    request->size = static_cast<uint32_t>(blocks.size());
    memcpy(request->features, blocks.data(), blocks.size() * sizeof blocks[0]);
    Call(request, "features");
  }

 private:
  static constexpr const char* kOp = "set_offload";

  int Call(void* command, const char* what) {
    ifreq request = {};
    device_.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = static_cast<char*>(command);
    int result = ioctl(socket_.get(), SIOCETHTOOL, &request);
    if (result < 0) throw Failure(errno, kOp, device_, what);
    return result;
  }

  void Mark(const Wanted& wanted, std::vector<ethtool_set_features_block>& blocks) {
    bool any = false;
    for (size_t bit = 0; bit < names_.size(); bit++) {
      uint32_t mask = 1u << bit % 32;
      if (!wanted.which->stands_for(names_[bit]) || (changeable_[bit / 32] & mask) == 0) continue;
      blocks[bit / 32].valid |= mask;
      if (wanted.on) blocks[bit / 32].requested |= mask;
      any = true;
    }
    if (!any) throw Failure(EOPNOTSUPP, kOp, device_, wanted.which->key);
  }

  uint32_t Count() {
    std::vector<uint8_t> room(sizeof(ethtool_sset_info) + sizeof(uint32_t));
    auto* request = reinterpret_cast<ethtool_sset_info*>(room.data());
    request->cmd = ETHTOOL_GSSET_INFO;
    request->sset_mask = 1ull << ETH_SS_FEATURES;
    Call(request, "count of features");
    return request->sset_mask == 0 ? 0 : request->data[0];
  }

  void ReadNames() {
    uint32_t count = Count();
    std::vector<uint8_t> room(sizeof(ethtool_gstrings) + count * ETH_GSTRING_LEN);
    auto* request = reinterpret_cast<ethtool_gstrings*>(room.data());
    request->cmd = ETHTOOL_GSTRINGS;
    request->string_set = ETH_SS_FEATURES;
    request->len = count;
    Call(request, "names of features");
    for (uint32_t i = 0; i < count; i++) {
      auto* name = reinterpret_cast<const char*>(request->data) + i * ETH_GSTRING_LEN;
      names_.emplace_back(name, strnlen(name, ETH_GSTRING_LEN));
    }
  }

  void ReadChangeable() {
    changeable_.resize((names_.size() + 31) / 32);
    std::vector<uint8_t> room(sizeof(ethtool_gfeatures) + changeable_.size() * sizeof(ethtool_get_features_block));
    auto* request = reinterpret_cast<ethtool_gfeatures*>(room.data());
    request->cmd = ETHTOOL_GFEATURES;
    request->size = static_cast<uint32_t>(changeable_.size());
    Call(request, "features");
    for (size_t i = 0; i < changeable_.size(); i++) changeable_[i] = request->features[i].available;
  }

  std::string device_;
  Fd socket_;
  std::vector<std::string> names_;
  std::vector<uint32_t> changeable_;
};

}  // namespace

Napi::Value SetOffload(const Napi::CallbackInfo& info) {
  std::string device = args::String(info, 1);
  Napi::Object from = args::Object(info, 2);
  // Read here: on the namespace's thread JavaScript can't be asked.
  std::vector<Wanted> wanted;
  for (const Switch& one : kSwitches) {
    if (fields::IsThere(from, one.key)) wanted.push_back({&one, fields::IsTrue(from, one.key)});
  }
  netns::Run(args::OptionalString(info, 0), [&] { Features(device).Set(wanted); });
  return info.Env().Undefined();
}
