// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/vlan_offload.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

// Linux net/ethtool/common.c, netdev_features_strings; the numbers behind them differ from kernel
// to kernel.
constexpr std::array<std::string_view, 2> kFeatures = {"rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"};
constexpr uint32_t kFeaturesPerBlock = 32;

// What SIOCETHTOOL asks of one device: a command, and behind it an array of no fixed length.
class Ethtool {
 public:
  Ethtool(int socket, const std::string& device) : socket_(socket), device_(device) {}

  // Zero, or an errno. `message` begins with the command. A wish that is taken down but not in
  // effect has a result above zero.
  int Ask(std::vector<uint32_t>& message) const {
    ifreq request{};
    device_.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(message.data());
    const int result = ioctl(socket_, SIOCETHTOOL, &request);
    if (result < 0) return errno;
    return result > 0 ? EOPNOTSUPP : 0;
  }

 private:
  int socket_;
  const std::string& device_;
};

// A message of `head` bytes and `rest` bytes behind, all zero but the command.
std::vector<uint32_t> Message(uint32_t command, size_t head, size_t rest) {
  std::vector<uint32_t> message((head + rest + sizeof(uint32_t) - 1) / sizeof(uint32_t));
  message[0] = command;
  return message;
}

}  // namespace

Result<void> TurnOffReceiveVlanOffload(const std::string& device) {
  const auto failure = [&](const char* operation, int code, const char* detail = "") {
    return Error{operation, device, code, detail};
  };
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return failure("ask for the offloads of", errno);
  const Ethtool ethtool(socket.get(), device);

  auto count = Message(ETHTOOL_GSSET_INFO, sizeof(ethtool_sset_info), sizeof(uint32_t));
  reinterpret_cast<ethtool_sset_info*>(count.data())->sset_mask = 1ull << ETH_SS_FEATURES;
  if (const int code = ethtool.Ask(count); code != 0) {
    if (code == EOPNOTSUPP) return {};
    return failure("ask for the offloads of", code);
  }
  const uint32_t features = count.back();

  auto names =
      Message(ETHTOOL_GSTRINGS, sizeof(ethtool_gstrings), size_t{features} * ETH_GSTRING_LEN);
  auto* strings = reinterpret_cast<ethtool_gstrings*>(names.data());
  strings->string_set = ETH_SS_FEATURES;
  strings->len = features;
  if (const int code = ethtool.Ask(names); code != 0)
    return failure("ask for the offloads of", code);

  const uint32_t blocks = (features + kFeaturesPerBlock - 1) / kFeaturesPerBlock;
  auto state = Message(ETHTOOL_GFEATURES, sizeof(ethtool_gfeatures),
                       blocks * sizeof(ethtool_get_features_block));
  auto* now = reinterpret_cast<ethtool_gfeatures*>(state.data());
  now->size = blocks;
  if (const int code = ethtool.Ask(state); code != 0)
    return failure("ask for the offloads of", code);

  auto wanted = Message(ETHTOOL_SFEATURES, sizeof(ethtool_sfeatures),
                        blocks * sizeof(ethtool_set_features_block));
  auto* off = reinterpret_cast<ethtool_sfeatures*>(wanted.data());
  off->size = blocks;
  bool is_on = false, stays_on = false;
  for (uint32_t i = 0; i < features; ++i) {
    const char* text = reinterpret_cast<const char*>(strings->data) + size_t{i} * ETH_GSTRING_LEN;
    if (std::ranges::find(kFeatures, std::string_view(text, strnlen(text, ETH_GSTRING_LEN))) ==
        kFeatures.end())
      continue;
    const ethtool_get_features_block& block = now->features[i / kFeaturesPerBlock];
    const uint32_t bit = 1u << (i % kFeaturesPerBlock);
    if ((block.active & bit) == 0) continue;
    is_on = true;
    stays_on |= (block.available & bit) == 0;
    off->features[i / kFeaturesPerBlock].valid |= bit;
  }
  if (!is_on) return {};
  const int code = stays_on ? EOPNOTSUPP : ethtool.Ask(wanted);
  if (code != 0) return failure("turn receive VLAN offload off on", code);
  return {};
}

}  // namespace portmatrix
