// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/service_tree.h"

#include <netinet/in.h>

#include <map>
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

// A function on [0, end) that is painted over, the later stroke on top.
template <typename Value>
class Canvas {
 public:
  explicit Canvas(uint32_t end) : end_(end) { values_.emplace(0, Value{}); }

  // Replaces each value v on [first, last] by stroke(v).
  template <typename Stroke>
  void Paint(uint32_t first, uint32_t last, Stroke stroke) {
    const auto begin = CutAt(first);
    const auto end = last + 1 == end_ ? values_.end() : CutAt(last + 1);
    for (auto at = begin; at != end; ++at) at->second = stroke(at->second);
  }

  const std::map<uint32_t, Value>& values() const { return values_; }

 private:
  typename std::map<uint32_t, Value>::iterator CutAt(uint32_t key) {
    auto at = values_.lower_bound(key);
    if (at != values_.end() && at->first == key) return at;
    return values_.emplace_hint(at, key, std::prev(at)->second);
  }

  uint32_t end_;
  std::map<uint32_t, Value> values_;
};

Intervals Merged(const std::map<uint32_t, uint32_t>& values) {
  Intervals intervals;
  for (const auto& [first, value] : values) Append(first, value, &intervals);
  return intervals;
}

// Candidates that share a service, first match first; all but the last name source ports.
using SourcePortList = std::vector<uint32_t>;

uint32_t AddSourcePortTree(const std::vector<Candidate>& candidates, const SourcePortList& list,
                           TreeTable* trees) {
  Canvas<uint32_t> canvas(kPortEnd);
  for (auto index = list.rbegin(); index != list.rend(); ++index) {
    const Candidate& candidate = candidates[*index];
    const auto stroke = [&](uint32_t) { return candidate.value; };
    if (candidate.match->source_ports.empty() || candidate.match->any_protocol)
      canvas.Paint(0, kPortEnd - 1, stroke);
    else
      for (const PortRange& ports : candidate.match->source_ports)
        canvas.Paint(ports.first, ports.last, stroke);
  }
  return trees->Add(Merged(canvas.values()));
}

}  // namespace

uint32_t AddServiceTree(const std::vector<Candidate>& candidates, TreeTable* trees) {
  Canvas<SourcePortList> canvas(kKeyEnd);
  for (size_t index = candidates.size(); index-- > 0;) {
    for (const KeyRange& range : KeyRanges(*candidates[index].match)) {
      canvas.Paint(range.first, range.last, [&](const SourcePortList& below) {
        SourcePortList list{static_cast<uint32_t>(index)};
        if (range.has_source_ports) list.insert(list.end(), below.begin(), below.end());
        return list;
      });
    }
  }
  std::map<SourcePortList, uint32_t> source_port_trees;
  Intervals intervals;
  for (const auto& [first, list] : canvas.values()) {
    uint32_t value = 0;
    if (list.size() == 1 && candidates[list.front()].match->source_ports.empty()) {
      value = candidates[list.front()].value;
    } else if (!list.empty()) {
      const auto [tree, added] = source_port_trees.try_emplace(list, 0);
      if (added) tree->second = AddSourcePortTree(candidates, list, trees);
      value = PM_VALUE_SOURCE_PORTS | tree->second;
    }
    Append(first, value, &intervals);
  }
  return trees->Add(intervals);
}

}  // namespace portmatrix
