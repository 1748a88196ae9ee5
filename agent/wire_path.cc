// SPDX-License-Identifier: Apache-2.0
#include "agent/wire_path.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <utility>

namespace portmatrix {
namespace {

// What the kernel fills at most in one message of a dump (net/netlink/af_netlink.c).
constexpr size_t kDumpBytes = 32768;
// Stacks of devices are shallow; a netlink that says otherwise is not followed for ever.
constexpr size_t kMostPaths = 1024;

using Socket = std::unique_ptr<mnl_socket, decltype(&mnl_socket_close)>;
using EachMessage = std::function<void(const nlmsghdr& header)>;

Error Failure(const char* operation, int code) { return {operation, "rtnetlink", code, ""}; }

// Sends the request and runs `each` on every message of the answer.
Result<void> Ask(nlmsghdr* request, const EachMessage& each) {
  const Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close);
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0)
    return Failure("open", errno);
  request->nlmsg_seq = 1;
  if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0)
    return Failure("ask", errno);
  std::vector<char> buffer(kDumpBytes);
  const auto call = [](const nlmsghdr* header, void* of) {
    (*static_cast<const EachMessage*>(of))(*header);
    return MNL_CB_OK;
  };
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (got < 0) return Failure("read from", errno);
    const int more =
        mnl_cb_run(buffer.data(), static_cast<size_t>(got), 1, mnl_socket_get_portid(socket.get()),
                   call, const_cast<EachMessage*>(&each));
    if (more < 0) return Failure("read from", errno);
    // A dump ends with a message of its own, a single answer with itself.
    if (more == MNL_CB_STOP || (request->nlmsg_flags & NLM_F_DUMP) == 0) return {};
  }
}

using EachAttribute = std::function<void(const nlattr* attribute)>;

int CallWith(const nlattr* attribute, void* each) {
  (*static_cast<const EachAttribute*>(each))(attribute);
  return MNL_CB_OK;
}

template <typename Header>
void ForAttributes(const nlmsghdr& header, EachAttribute each) {
  mnl_attr_parse(&header, sizeof(Header), CallWith, &each);
}

void ForNested(const nlattr* attribute, EachAttribute each) {
  mnl_attr_parse_nested(attribute, CallWith, &each);
}

// The number of a VLAN device; zero if it is of another kind.
uint16_t VlanOf(const nlattr* link) {
  bool is_vlan = false;
  uint16_t vlan = 0;
  ForNested(link, [&](const nlattr* fact) {
    if (mnl_attr_get_type(fact) == IFLA_INFO_KIND)
      is_vlan = std::string_view(mnl_attr_get_str(fact)) == "vlan";
    if (mnl_attr_get_type(fact) != IFLA_INFO_DATA || !is_vlan) return;
    ForNested(fact, [&](const nlattr* of) {
      if (mnl_attr_get_type(of) == IFLA_VLAN_ID) vlan = mnl_attr_get_u16(of);
    });
  });
  return vlan;
}

HostLink ReadLink(const nlmsghdr& header) {
  const auto* message = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&header));
  HostLink link;
  link.index = static_cast<uint32_t>(message->ifi_index);
  uint32_t below = 0;
  ForAttributes<ifinfomsg>(header, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_IFNAME:
        link.name = mnl_attr_get_str(attribute);
        break;
      case IFLA_MASTER:
        link.master = mnl_attr_get_u32(attribute);
        break;
      case IFLA_LINK:
        below = mnl_attr_get_u32(attribute);
        break;
      case IFLA_LINKINFO:
        link.vlan = VlanOf(attribute);
        break;
      default:
        break;
    }
  });
  if (link.vlan != 0) link.below = below;
  return link;
}

void AddPaths(uint32_t index, const std::vector<uint16_t>& tags, const std::vector<HostLink>& links,
              std::vector<WirePath>& paths) {
  const auto found = std::ranges::find(links, index, &HostLink::index);
  if (found == links.end() || paths.size() >= kMostPaths) return;
  WirePath own{found->name, tags};
  if (std::ranges::find(paths, own) != paths.end()) return;
  paths.push_back(std::move(own));
  if (found->vlan != 0) {
    std::vector<uint16_t> tagged = tags;
    tagged.insert(tagged.begin(), found->vlan);
    AddPaths(found->below, tagged, links, paths);
  }
  for (const HostLink& link : links)
    if (link.master == index && index != 0) AddPaths(link.index, tags, links, paths);
}

}  // namespace

std::vector<WirePath> PathsOf(uint32_t index, const std::vector<HostLink>& links) {
  std::vector<WirePath> paths;
  AddPaths(index, {}, links, paths);
  return paths;
}

Result<std::vector<HostLink>> ReadHostLinks() {
  std::vector<char> buffer(kDumpBytes);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg));
  std::vector<HostLink> links;
  const Result<void> asked =
      Ask(request, [&](const nlmsghdr& header) { links.push_back(ReadLink(header)); });
  if (!asked) return asked.error();
  return links;
}

Result<std::vector<WirePath>> PathsBetween(const Address& own, const Address& remote) {
  std::vector<char> buffer(kDumpBytes);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETROUTE;
  request->nlmsg_flags = NLM_F_REQUEST;
  auto* route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtmsg)));
  const size_t bytes = remote.family == Family::kIpv6 ? 16 : 4;
  route->rtm_family = remote.family == Family::kIpv6 ? AF_INET6 : AF_INET;
  route->rtm_dst_len = static_cast<uint8_t>(8 * bytes);
  route->rtm_src_len = static_cast<uint8_t>(8 * bytes);
  mnl_attr_put(request, RTA_DST, bytes, remote.bytes.data());
  mnl_attr_put(request, RTA_SRC, bytes, own.bytes.data());
  uint32_t device = 0;
  const Result<void> asked = Ask(request, [&](const nlmsghdr& header) {
    ForAttributes<rtmsg>(header, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == RTA_OIF) device = mnl_attr_get_u32(attribute);
    });
  });
  // No route, or no such address of this host: nothing can be known.
  if (!asked) return std::vector<WirePath>{};
  const Result<std::vector<HostLink>> links = ReadHostLinks();
  if (!links) return links.error();
  return PathsOf(device, *links);
}

}  // namespace portmatrix
