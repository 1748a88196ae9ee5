// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/service_tree.h"

#include <netinet/in.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace portmatrix {
namespace {

constexpr uint32_t kKeyEnd = 1u << 24;
constexpr uint32_t kPortEnd = 1u << 16;

struct KeyRange {
  uint32_t first;
  uint32_t last;
  bool has_source_ports;  // the rule names source ports, and the protocol has them
};

bool HasPorts(uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

std::vector<KeyRange> KeyRanges(const Match& match) {
  if (match.any_protocol) return {{0, kKeyEnd - 1, false}};
  std::vector<KeyRange> ranges;
  for (const uint8_t protocol : match.protocols) {
    const uint32_t base = PM_SERVICE_KEY(protocol, 0);
    if (HasPorts(protocol)) {
      const bool sources = !match.source_ports.empty();
      if (match.ports.empty()) ranges.push_back({base, base + kPortEnd - 1, sources});
      for (const PortRange& ports : match.ports)
        ranges.push_back({base + ports.first, base + ports.last, sources});
    } else if ((protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) && match.icmp_type) {
      const uint32_t type = base + (static_cast<uint32_t>(*match.icmp_type) << 8);
      if (match.icmp_code)
        ranges.push_back({type + *match.icmp_code, type + *match.icmp_code, false});
      else
        ranges.push_back({type, type + 255, false});
    } else {
      ranges.push_back({base, base + kPortEnd - 1, false});
    }
  }
  return ranges;
}

// Keys [first, last] for which a candidate is meant.
struct Stretch {
  uint32_t first;
  uint32_t last;
  uint32_t candidate;
  bool is_open;  // further candidates may match where this one's source ports do not
};

// The stretches that hold for a key, in the order of the list that they stand in.
using Holding = std::set<const Stretch*>;

// Calls `visit(first, holding)` for each key from which on other stretches hold than before, from
// key zero on; `end` is one past the last key. `stretches` stand in the order of their candidates.
template <typename Visit>
void Sweep(const std::vector<Stretch>& stretches, uint32_t end, Visit visit) {
  struct Event {
    uint32_t key;
    const Stretch* stretch;
    bool begins;
  };
  std::vector<Event> events;
  events.reserve(2 * stretches.size());
  for (const Stretch& stretch : stretches) {
    events.push_back({stretch.first, &stretch, true});
    if (stretch.last + 1 != end) events.push_back({stretch.last + 1, &stretch, false});
  }
  std::ranges::sort(events, {},
                    [](const Event& event) { return std::pair(event.key, event.stretch); });
  Holding holding;
  if (events.empty() || events.front().key != 0) visit(0u, holding);
  for (size_t at = 0; at < events.size();) {
    const uint32_t key = events[at].key;
    for (; at < events.size() && events[at].key == key; ++at) {
      if (events[at].begins)
        holding.insert(holding.end(), events[at].stretch);
      else
        holding.erase(events[at].stretch);
    }
    visit(key, holding);
  }
}

// Candidates that share a service, first match first; all but the last name source ports.
using SourcePortList = std::vector<uint32_t>;

uint32_t AddSourcePortTree(const std::vector<Candidate>& candidates, const SourcePortList& list,
                           TreeTable* trees) {
  std::vector<Stretch> stretches;
  for (const uint32_t index : list) {
    const Match& match = *candidates[index].match;
    if (match.source_ports.empty() || match.any_protocol)
      stretches.push_back({0, kPortEnd - 1, index, false});
    else
      for (const PortRange& ports : match.source_ports)
        stretches.push_back({ports.first, ports.last, index, false});
  }
  Intervals intervals;
  Sweep(stretches, kPortEnd, [&](uint32_t first, const Holding& holding) {
    Append(first, holding.empty() ? 0 : candidates[(*holding.begin())->candidate].value,
           &intervals);
  });
  return trees->Add(intervals);
}

}  // namespace

uint32_t AddServiceTree(const std::vector<Candidate>& candidates, TreeTable* trees) {
  std::vector<Stretch> stretches;
  for (uint32_t index = 0; index < candidates.size(); ++index)
    for (const KeyRange& range : KeyRanges(*candidates[index].match))
      stretches.push_back({range.first, range.last, index, range.has_source_ports});

  std::map<SourcePortList, uint32_t> source_port_trees;
  Intervals intervals;
  Sweep(stretches, kKeyEnd, [&](uint32_t first, const Holding& holding) {
    if (holding.empty()) return Append(first, 0u, &intervals);
    const Stretch& front = **holding.begin();
    const Candidate& candidate = candidates[front.candidate];
    if (!front.is_open && candidate.match->source_ports.empty())
      return Append(first, candidate.value, &intervals);
    SourcePortList list;
    for (const Stretch* stretch : holding) {
      list.push_back(stretch->candidate);
      if (!stretch->is_open) break;
    }
    const auto [tree, added] = source_port_trees.try_emplace(std::move(list), 0);
    if (added) tree->second = AddSourcePortTree(candidates, tree->first, trees);
    Append(first, PM_VALUE_SOURCE_PORTS | tree->second, &intervals);
  });
  return trees->Add(intervals);
}

}  // namespace portmatrix
