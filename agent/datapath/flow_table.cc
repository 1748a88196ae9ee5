// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/flow_table.h"

#include <bpf/bpf.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "agent/datapath/pins.h"

namespace portmatrix {

uint64_t ProgramClock() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * PM_SECOND + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t Conversation::timeout() const {
  switch (opening.protocol) {
    case IPPROTO_TCP:
      if (flow.flags & PM_FLOW_RESET) return PM_TIMEOUT_TCP_RESET;
      if (HasBothFins()) return PM_TIMEOUT_TCP_FINS;
      return flow.flags & PM_FLOW_ESTABLISHED ? PM_TIMEOUT_TCP_ESTABLISHED : PM_TIMEOUT_TCP_SYN;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return PM_TIMEOUT_ECHO;
    default:
      return flow.flags & PM_FLOW_ANSWERED ? PM_TIMEOUT_ANSWERED : PM_TIMEOUT_ONE_WAY;
  }
}

uint64_t Conversation::expiry() const {
  uint64_t since = flow.last_out;
  if (opening.protocol == IPPROTO_TCP) {
    if (flow.flags & PM_FLOW_RESET)
      since = flow.closing_at;
    else if (HasBothFins())
      since = std::max(flow.closing_at, flow.last_out);
  }
  return since + timeout();
}

bool Conversation::HasBothFins() const {
  constexpr uint32_t kFins = PM_FLOW_FIN_OUT | PM_FLOW_FIN_IN;
  return (flow.flags & kFins) == kFins;
}

Result<FlowTable> FlowTable::Open(const std::string& pin_root) {
  auto map = BpfMap::OpenPinned("flows", Pins(pin_root).Map("flows"), true);
  if (!map) return map.error();
  bpf_map_info described{};
  uint32_t size = sizeof described;
  if (bpf_obj_get_info_by_fd(map->fd(), &described, &size) != 0)
    return map->Failure("describe", errno);
  return FlowTable(std::move(*map), described.max_entries);
}

Result<std::optional<pm_flow>> FlowTable::Find(const pm_tuple& opening) const {
  return map_.Lookup<pm_tuple, pm_flow>(opening);
}

// In batches, bucket after bucket: a walk from key to key begins again whenever its key goes
// meanwhile.
Result<void> FlowTable::ForEach(
    const std::function<void(const pm_tuple&, const pm_flow&)>& visit) const {
  std::vector<pm_tuple> keys(4096);
  std::vector<pm_flow> values(keys.size());
  uint32_t cursor = 0;
  bool first = true;
  for (;;) {
    auto count = static_cast<uint32_t>(keys.size());
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    const int failed = bpf_map_lookup_batch(map_.fd(), first ? nullptr : &cursor, &cursor,
                                            keys.data(), values.data(), &count, &options);
    if (failed != 0 && errno == ENOSPC) {  // one bucket holds more
      keys.resize(keys.size() * 2);
      values.resize(keys.size());
      continue;
    }
    if (failed != 0 && errno != ENOENT) return map_.Failure("read from", errno);
    for (uint32_t i = 0; i < count; ++i) visit(keys[i], values[i]);
    if (failed != 0) return {};
    first = false;
  }
}

Result<std::vector<Conversation>> FlowTable::ReadAll() const {
  std::vector<Conversation> all;
  const Result<void> read = ForEach([&all](const pm_tuple& opening, const pm_flow& flow) {
    all.push_back({opening, flow});
  });
  if (!read) return read.error();
  return all;
}

Result<uint64_t> FlowTable::Count() const {
  uint64_t count = 0;
  const Result<void> read = ForEach([&count](const pm_tuple&, const pm_flow&) { ++count; });
  if (!read) return read.error();
  return count;
}

}  // namespace portmatrix
