// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/common_steps.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "agent/policy/address_pool.h"
#include "agent/policy/sequence_pool.h"

namespace portmatrix {
namespace {

// A step as numbers: equal steps have equal ones.
class Contents {
 public:
  explicit Contents(bool by_rule) : by_rule_(by_rule) {}

  std::vector<uint32_t> Of(const StepList& list, size_t at) {
    const FateStep& step = list.steps[at];
    const Match& match = *step.match;
    std::vector<uint32_t> numbers = {
        static_cast<uint32_t>(sets_.Add(match.from)), static_cast<uint32_t>(sets_.Add(match.to)),
        match.any_protocol ? 1u : 0u,
        // Beyond every type and code where none is named.
        match.icmp_type ? *match.icmp_type : 256u, match.icmp_code ? *match.icmp_code : 256u,
        static_cast<uint32_t>(step.fate.verdict), step.fate.judged ? 1u : 0u};
    for (const LiveBits live : {list.asked[at].from_live, list.asked[at].to_live}) {
      numbers.push_back(static_cast<uint32_t>(live));
      numbers.push_back(static_cast<uint32_t>(live >> 32));
    }
    numbers.push_back(static_cast<uint32_t>(match.protocols.size()));
    numbers.insert(numbers.end(), match.protocols.begin(), match.protocols.end());
    for (const auto* ranges : {&match.ports, &match.source_ports}) {
      numbers.push_back(static_cast<uint32_t>(ranges->size()));
      for (const PortRange& range : *ranges) {
        numbers.push_back(uint32_t{range.first} << 16 | range.last);
      }
    }
    if (by_rule_) {
      numbers.push_back(step.fate.reason);
      if (step.fate.rule != nullptr) numbers.push_back(NumberOf(step.fate.rule->key));
    }
    return numbers;
  }

 private:
  uint32_t NumberOf(const std::string& key) {
    return keys_.try_emplace(key, static_cast<uint32_t>(keys_.size())).first->second;
  }

  bool by_rule_;
  AddressPool sets_;
  std::unordered_map<std::string, uint32_t> keys_;
};

}  // namespace

std::vector<std::pair<size_t, size_t>> CommonSteps(const StepList& before, const StepList& after,
                                                   bool by_rule) {
  Contents contents(by_rule);
  SequencePool contents_of_steps;
  std::vector<std::deque<size_t>> places;  // in `before`, by content
  for (size_t i = 0; i < before.steps.size(); ++i) {
    const SequencePool::Id content = contents_of_steps.Add(contents.Of(before, i));
    if (content == places.size()) places.emplace_back();
    places[content].push_back(i);
  }

  // The longest ascending row of places in `before`, by patience: ends[n] is
  // the match with the lowest place that can end a row of n + 1.
  struct Pair {
    size_t before, after;
    size_t previous;  // index of the match that stands before it in its row
  };
  std::vector<Pair> pairs;
  std::vector<size_t> ends;
  for (size_t i = 0; i < after.steps.size(); ++i) {
    const SequencePool::Id content = contents_of_steps.Add(contents.Of(after, i));
    if (content >= places.size() || places[content].empty()) continue;
    const size_t place = places[content].front();
    places[content].pop_front();
    const auto end =
        std::ranges::lower_bound(ends, place, {}, [&](size_t pair) { return pairs[pair].before; });
    pairs.push_back({place, i, end == ends.begin() ? SIZE_MAX : *std::prev(end)});
    if (end == ends.end()) {
      ends.push_back(pairs.size() - 1);
    } else {
      *end = pairs.size() - 1;
    }
  }
  std::vector<std::pair<size_t, size_t>> common;
  for (size_t pair = ends.empty() ? SIZE_MAX : ends.back(); pair != SIZE_MAX;
       pair = pairs[pair].previous) {
    common.emplace_back(pairs[pair].before, pairs[pair].after);
  }
  std::ranges::reverse(common);
  return common;
}

}  // namespace portmatrix
