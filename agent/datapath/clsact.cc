// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/clsact.h"

#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

// The first of all priorities; among filters of one priority the newest runs first
// (net/sched/cls_bpf.c, list_add_rcu).
constexpr uint32_t kFirstPriority = 1;
constexpr uint32_t kMostHandles = 4096;
// What libbpf names the filter of a program `pm_tc`, before its id.
constexpr std::string_view kOurName = "pm_tc:[";
constexpr size_t kReplyBytes = 32768;

struct Filter {
  ClsactFilter place;
  uint32_t program_id = 0;
  bool ours = false;
};

// Runs `each` on the attributes behind a header of `header_bytes`.
template <typename Each>
void ForAttributes(const char* begin, size_t bytes, Each each) {
  while (bytes >= sizeof(rtattr)) {
    rtattr attribute{};
    std::memcpy(&attribute, begin, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > bytes) return;
    each(attribute.rta_type & NLA_TYPE_MASK,
         std::string_view(begin + sizeof attribute, attribute.rta_len - sizeof attribute));
    const size_t step = std::min<size_t>(RTA_ALIGN(attribute.rta_len), bytes);
    begin += step;
    bytes -= step;
  }
}

std::optional<Filter> ReadFilter(const nlmsghdr& header, const char* body) {
  tcmsg message{};
  std::memcpy(&message, body, sizeof message);
  // A message without a handle is about the priority itself.
  if (message.tcm_handle == 0) return std::nullopt;
  Filter filter;
  filter.place = {message.tcm_info >> 16, message.tcm_handle};
  const size_t skipped = NLMSG_ALIGN(sizeof message);
  ForAttributes(body + skipped, header.nlmsg_len - NLMSG_HDRLEN - skipped,
                [&](int type, std::string_view value) {
                  if (type != TCA_OPTIONS) return;
                  ForAttributes(value.data(), value.size(), [&](int option, std::string_view of) {
                    if (option == TCA_BPF_NAME) filter.ours = of.starts_with(kOurName);
                    if (option == TCA_BPF_ID && of.size() == sizeof filter.program_id)
                      std::memcpy(&filter.program_id, of.data(), of.size());
                  });
                });
  return filter;
}

// The filters on the device's send hook, in the order in which they run.
Result<std::vector<Filter>> ReadFilters(const std::string& device, uint32_t ifindex) {
  const auto failure = [&](int code) { return Error{"read the filters of", device, code, ""}; };
  const FileDescriptor socket_fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  struct {
    nlmsghdr header;
    tcmsg message;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.message);
  request.header.nlmsg_type = RTM_GETTFILTER;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.message.tcm_family = AF_UNSPEC;
  request.message.tcm_ifindex = static_cast<int>(ifindex);
  request.message.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
  if (!socket_fd.valid() || send(socket_fd.get(), &request, request.header.nlmsg_len, 0) < 0)
    return failure(errno);
  std::vector<Filter> filters;
  std::vector<char> reply(kReplyBytes);
  for (;;) {
    const ssize_t got = recv(socket_fd.get(), reply.data(), reply.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failure(errno);
    for (size_t at = 0; at + NLMSG_HDRLEN <= static_cast<size_t>(got);) {
      nlmsghdr header{};
      std::memcpy(&header, reply.data() + at, sizeof header);
      if (header.nlmsg_len < NLMSG_HDRLEN || at + header.nlmsg_len > static_cast<size_t>(got))
        return failure(EBADMSG);
      const char* body = reply.data() + at + NLMSG_HDRLEN;
      if (header.nlmsg_type == NLMSG_DONE) return filters;
      if (header.nlmsg_type == NLMSG_ERROR) {
        int code = 0;
        std::memcpy(&code, body, sizeof code);
        return failure(-code);
      }
      if (header.nlmsg_type == RTM_NEWTFILTER && header.nlmsg_len >= NLMSG_LENGTH(sizeof(tcmsg)))
        if (auto filter = ReadFilter(header, body)) filters.push_back(*filter);
      at += NLMSG_ALIGN(header.nlmsg_len);
    }
  }
}

bpf_tc_hook EgressOf(uint32_t ifindex) {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(ifindex);
  hook.attach_point = BPF_TC_EGRESS;
  return hook;
}

void Delete(uint32_t ifindex, const ClsactFilter& filter) {
  bpf_tc_hook hook = EgressOf(ifindex);
  LIBBPF_OPTS(bpf_tc_opts, options, .handle = filter.handle, .priority = filter.priority);
  bpf_tc_detach(&hook, &options);
}

uint32_t FreeHandle(const std::vector<Filter>& filters) {
  uint32_t handle = 1;
  const auto taken = [&] {
    return std::ranges::any_of(filters, [&](const Filter& filter) {
      return filter.place.priority == kFirstPriority && filter.place.handle == handle;
    });
  };
  while (taken() && handle < kMostHandles) ++handle;
  return handle;
}

}  // namespace

Result<ClsactFilter> HookClsact(const std::string& device, uint32_t ifindex, int program,
                                uint32_t program_id) {
  bpf_tc_hook hook = EgressOf(ifindex);
  if (const int failed = bpf_tc_hook_create(&hook); failed != 0 && failed != -EEXIST)
    return Error{"make the clsact hook of", device, -failed, ""};
  const auto filters = ReadFilters(device, ifindex);
  if (!filters) return filters.error();
  ClsactFilter mine{kFirstPriority, 0};
  if (!filters->empty() && filters->front().ours) {
    mine = filters->front().place;
    if (filters->front().program_id != program_id) {
      LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .flags = BPF_TC_F_REPLACE,
                  .handle = mine.handle, .priority = mine.priority);
      if (const int failed = bpf_tc_attach(&hook, &options); failed != 0)
        return Error{"exchange the clsact filter of", device, -failed, ""};
    }
  } else {
    mine.handle = FreeHandle(*filters);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = mine.handle,
                .priority = mine.priority);
    if (const int failed = bpf_tc_attach(&hook, &options); failed != 0)
      return Error{"attach the clsact filter to", device, -failed, ""};
  }
  // One that stood behind another's goes only now: a packet counted twice is better than one that
  // met nothing.
  for (const Filter& filter : *filters)
    if (filter.ours &&
        (filter.place.handle != mine.handle || filter.place.priority != mine.priority))
      Delete(ifindex, filter.place);
  return mine;
}

Result<void> CheckClsact(const std::string& device, uint32_t ifindex, uint32_t program_id) {
  const auto filters = ReadFilters(device, ifindex);
  if (!filters) return filters.error();
  const auto is_mine = [&](const Filter& filter) {
    return filter.ours && filter.program_id == program_id;
  };
  if (std::ranges::none_of(*filters, is_mine))
    return Error{"find the clsact filter of", device, ENOENT, "somebody deleted it"};
  if (!is_mine(filters->front()))
    return Error{"find the clsact filter of", device, EBUSY,
                 "somebody put another filter before it: packets may pass there unjudged"};
  return {};
}

void UnhookClsact(uint32_t ifindex) {
  const auto filters = ReadFilters("", ifindex);
  if (!filters) return;
  for (const Filter& filter : *filters)
    if (filter.ours) Delete(ifindex, filter.place);
}

}  // namespace portmatrix
