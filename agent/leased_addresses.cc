// SPDX-License-Identifier: Apache-2.0
#include "agent/leased_addresses.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace portmatrix {
namespace {

// What the kernel fills at most in one message of a dump (net/netlink/af_netlink.c).
constexpr size_t kDumpBytes = 32768;
constexpr uint32_t kForEver = 0xffffffffu;
constexpr uint8_t kWholeIpv6 = 128;

struct Attributes {
  const nlattr* address = nullptr;
  const nlattr* local = nullptr;
  const nlattr* cache = nullptr;
};

int ReadAttribute(const nlattr* attribute, void* to) {
  auto* found = static_cast<Attributes*>(to);
  switch (mnl_attr_get_type(attribute)) {
    case IFA_ADDRESS:
      found->address = attribute;
      break;
    case IFA_LOCAL:
      found->local = attribute;
      break;
    case IFA_CACHEINFO:
      found->cache = attribute;
      break;
    default:
      break;
  }
  return MNL_CB_OK;
}

int ReadMessage(const nlmsghdr* header, void* to) {
  const auto* message = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(header));
  Attributes attributes;
  mnl_attr_parse(header, sizeof *message, ReadAttribute, &attributes);
  // IFA_LOCAL is the host's own end of a point-to-point link; IPv6 has only the other one.
  const nlattr* address = attributes.local != nullptr ? attributes.local : attributes.address;
  if (address == nullptr || attributes.cache == nullptr) return MNL_CB_OK;
  ifa_cacheinfo cache{};
  if (mnl_attr_get_payload_len(attributes.cache) < sizeof cache) return MNL_CB_OK;
  std::memcpy(&cache, mnl_attr_get_payload(attributes.cache), sizeof cache);
  if (cache.ifa_valid == kForEver) return MNL_CB_OK;

  LeasedAddress leased;
  leased.address.family = message->ifa_family == AF_INET6 ? Family::kIpv6 : Family::kIpv4;
  const size_t bytes = leased.address.family == Family::kIpv6 ? 16 : 4;
  if (mnl_attr_get_payload_len(address) != bytes) return MNL_CB_OK;
  std::memcpy(leased.address.bytes.data(), mnl_attr_get_payload(address), bytes);
  if (leased.address.family == Family::kIpv6 && message->ifa_prefixlen != kWholeIpv6)
    leased.by = LeasedAddress::By::kRouterAdvertisement;
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(message->ifa_index, name.data()) == nullptr) return MNL_CB_OK;
  leased.device = name.data();
  static_cast<std::vector<LeasedAddress>*>(to)->push_back(std::move(leased));
  return MNL_CB_OK;
}

}  // namespace

Result<std::vector<LeasedAddress>> ReadLeasedAddresses() {
  const std::unique_ptr<mnl_socket, decltype(&mnl_socket_close)> socket(
      mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close);
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0)
    return Error{"open", "rtnetlink", errno, ""};
  std::vector<char> buffer(kDumpBytes);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETADDR;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request->nlmsg_seq = 1;
  auto* body = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifaddrmsg)));
  body->ifa_family = AF_UNSPEC;
  if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0)
    return Error{"ask for addresses over", "rtnetlink", errno, ""};

  std::vector<LeasedAddress> addresses;
  const unsigned int port = mnl_socket_get_portid(socket.get());
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (got < 0) return Error{"read addresses over", "rtnetlink", errno, ""};
    const int more =
        mnl_cb_run(buffer.data(), static_cast<size_t>(got), 1, port, ReadMessage, &addresses);
    if (more < 0) return Error{"read addresses over", "rtnetlink", errno, ""};
    if (more == MNL_CB_STOP) break;
  }
  if (addresses.empty()) return addresses;
  const Result<std::vector<HostLink>> links = ReadHostLinks();
  if (!links) return links.error();
  for (LeasedAddress& leased : addresses)
    for (const HostLink& link : *links)
      if (link.name == leased.device) leased.paths = PathsOf(link.index, *links);
  return addresses;
}

}  // namespace portmatrix
