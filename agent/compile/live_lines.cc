// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/live_lines.h"

#include <fmt/format.h>

#include <cstring>

namespace portmatrix {
namespace {

using Way = std::optional<uint32_t>;

std::vector<Way> WaysOf(const AddressSet& prefixes, LiveMask live, const Node& node,
                        const Numbering& numbering) {
  std::vector<Way> ways;
  if (!prefixes.empty()) ways.emplace_back();
  for (size_t i = 0; i < node.live_sets.size(); ++i)
    if (live >> i & 1) ways.emplace_back(numbering.live_sets.at(node.live_sets[i].name));
  return ways;
}

// The list of questions, each asked once.
class Questions {
 public:
  // The bit of the answer.
  uint64_t Ask(uint32_t set, uint8_t side) {
    const auto question = static_cast<uint8_t>(set | side);
    const auto [known, added] = known_.try_emplace(question, static_cast<uint32_t>(known_.size()));
    if (added) reinterpret_cast<uint8_t*>(&block_)[known->second] = question;
    return uint64_t{1} << known->second;
  }
  size_t count() const { return known_.size(); }
  const pm_block& block() const { return block_; }

 private:
  // A node's limit is half of the numbers, and each is asked for at most once a side.
  static_assert(sizeof(pm_block) >= PM_MAX_LIVE_QUESTIONS);
  std::map<uint8_t, uint32_t> known_;
  pm_block block_{};
};

}  // namespace

void LiveLines::Add(const Line& line, const Match& match, const Node& node,
                    const Numbering& numbering) {
  // Also of a rule that no packet can match, because its other side is empty: it is one by which
  // conversations are judged again.
  if (first_ == 0) first_ = PM_VALUE_RULE(line.candidate.value);
  for (const Way& from : WaysOf(match.from, match.from_live, node, numbering)) {
    for (const Way& to : WaysOf(match.to, match.to_live, node, numbering)) {
      if (!from && !to) continue;  // an ordinary matcher's
      Line way = line;
      if (from) way.from = AddressClasses::kAny;
      if (to) way.to = AddressClasses::kAny;
      groups_[{from, to}].push_back(way);
    }
  }
}

bool LiveLines::Write(pm_direction direction, uint32_t local, MatcherTables* matchers,
                      std::vector<pm_block>* blocks, pm_interface* entry,
                      std::string* limit) const {
  if (first_ == 0) return true;
  if (groups_.size() > PM_MAX_LIVE_MATCHERS) {
    *limit = fmt::format(
        "its rules name dynamic sets in {} combinations of source and destination, the limit is "
        "{}: name fewer dynamic sets on both sides of a rule, or join sets",
        groups_.size(), PM_MAX_LIVE_MATCHERS);
    return false;
  }
  Questions questions;
  std::vector<pm_block> made(1 + (groups_.size() + PM_LIVE_MATCHERS_PER_BLOCK - 1) /
                                     PM_LIVE_MATCHERS_PER_BLOCK);
  auto* next = reinterpret_cast<pm_live_matcher*>(made.data() + 1);
  for (const auto& [ways, lines] : groups_) {
    pm_live_matcher live{};
    if (ways.first) live.needs |= questions.Ask(*ways.first, 0);
    if (ways.second) live.needs |= questions.Ask(*ways.second, PM_LIVE_DESTINATION);
    const auto matcher = matchers->AddOne(lines, local, limit);
    if (!matcher) return false;
    live.matcher = *matcher;
    std::memcpy(next++, &live, sizeof live);
  }
  made[0] = questions.block();
  entry->live_first[direction] = first_;
  entry->live_at[direction] = static_cast<uint16_t>(blocks->size());
  entry->live_questions[direction] = static_cast<uint8_t>(questions.count());
  entry->live_matchers[direction] = static_cast<uint8_t>(groups_.size());
  blocks->insert(blocks->end(), made.begin(), made.end());
  return true;
}

}  // namespace portmatrix
