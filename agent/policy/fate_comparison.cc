// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/fate_comparison.h"

#include <algorithm>
#include <utility>

#include "agent/policy/common_steps.h"
#include "agent/policy/limits.h"

namespace portmatrix {

static_assert(2 * kMaxLiveSets <= sizeof(LiveBits) * 8);

LiveSetNumbers::LiveSetNumbers(const Node& node, std::vector<std::string>& names) {
  for (const LiveSet& set : node.live_sets) {
    const auto known = std::ranges::find(names, set.name);
    bits_.push_back(LiveBits{1} << (known - names.begin()));
    if (known == names.end()) names.push_back(set.name);
  }
}

LiveBits LiveSetNumbers::Of(LiveMask mask) const {
  LiveBits bits = 0;
  for (size_t i = 0; i < bits_.size(); ++i) bits |= (mask >> i & 1) != 0 ? bits_[i] : 0;
  return bits;
}

void FateComparison::AddList(FateSteps steps, const LiveSetNumbers& live) {
  const auto list = static_cast<uint32_t>(lists_.size());
  begins_[list] = asked_.matches.size();
  lists_.push_back(std::move(steps));
  for (const FateStep& step : lists_.back().steps()) {
    AskedMatch& asked = asked_.matches.emplace_back();
    asked.match = step.match;
    asked.list = list;
    asked.from_live = live.Of(step.match->from_live);
    asked.to_live = live.Of(step.match->to_live);
    steps_.push_back({&step.fate, IdentityOf(step.fate)});
  }
}

void FateComparison::Prepare() {
  asked_.lists = static_cast<uint32_t>(lists_.size());
  asked_.sparse = true;
  asked_.kinds = true;
  const std::vector<bool> common = CommonToBoth();
  for (size_t i = 0; i < steps_.size(); ++i) {
    AskedMatch& asked = asked_.matches[i];
    if (!IsAboutAnswers()) {
      asked.matters = !common[i];
      asked.kind =
          question_.by_rule ? steps_[i].identity : static_cast<uint32_t>(steps_[i].fate->verdict);
    } else {
      asked.matters = question_.all_answers ? !common[i] : TellsAnswersApart(i);
      asked.kind = common[i] ? 0 : static_cast<uint32_t>(i + 1);
    }
  }
  asked_.label = [this](std::span<const size_t> first) { return LabelOf(first); };
}

size_t FateComparison::work() const {
  return static_cast<size_t>(std::ranges::count(asked_.matches, true, &AskedMatch::matters));
}

void FateComparison::Run(WorkBudget& budget, std::vector<FateChange>& changes,
                         std::vector<UnknownFates>& unknown) {
  PacketRegions regions = CutPackets(asked_, budget);
  std::vector<std::pair<const Told*, PacketRegion*>> found;
  for (LabelledRegion& each : regions.regions) {
    if (IsReal(each.region)) found.emplace_back(&told_[each.label - 1], &each.region);
  }
  std::ranges::stable_sort(found, {}, [](const auto& each) {
    return std::pair(each.first->rank_after, each.first->rank_before);
  });
  for (const auto& [told, region] : found) {
    FateChange& change = changes.emplace_back();
    change.answer = IsAboutAnswers();
    change.was = told->was;
    change.becomes = told->becomes;
    change.region = std::move(*region);
  }
  for (PacketServices& packets : regions.unknown) {
    UnknownFates& told = unknown.emplace_back();
    told.answer = IsAboutAnswers();
    told.packets = std::move(packets);
  }
}

uint32_t FateComparison::IdentityOf(const Fate& fate) {
  const auto next = static_cast<uint32_t>(identities_.size());
  return identities_.try_emplace(ToString(fate), next).first->second;
}

std::vector<bool> FateComparison::CommonToBoth() const {
  std::vector<bool> common(steps_.size());
  const std::span<const AskedMatch> asked = asked_.matches;
  for (size_t list = 0; list + 1 < lists_.size(); list += 2) {
    for (const auto& [before, after] : CommonSteps(
             {lists_[list].steps(), asked.subspan(begins_[list])},
             {lists_[list + 1].steps(), asked.subspan(begins_[list + 1])}, question_.by_rule)) {
      common[begins_[list] + before] = true;
      common[begins_[list + 1] + after] = true;
    }
  }
  return common;
}

bool FateComparison::TellsAnswersApart(size_t step) const {
  const Fate& fate = *steps_[step].fate;
  const uint32_t list = asked_.matches[step].list;
  if (list == kOwnBefore || list == kOwnAfter) return fate.reason == PM_REASON_SPOOFED;
  if (list == kAllowedBefore || list == kAllowedAfter) return false;
  return fate.reason == PM_REASON_SPOOFED || fate.reason == PM_REASON_DHCP ||
         (fate.reason == PM_REASON_DEFAULT && fate.verdict == Verdict::kPass);
}

Verdict FateComparison::VerdictOf(size_t step) const {
  return step == kNoMatch ? Verdict::kDrop : steps_[step].fate->verdict;
}

FateComparison::Outcome FateComparison::AnswerOutcome(size_t own, size_t allowed) const {
  const Fate& fate = *steps_[own].fate;
  if (fate.verdict == Verdict::kPass || fate.reason == PM_REASON_SPOOFED) return {own};
  if (VerdictOf(allowed) == Verdict::kDrop) return {own};
  return {allowed, steps_[allowed].fate->reason == PM_REASON_RULE};
}

uint32_t FateComparison::LabelOf(std::span<const size_t> first) {
  Outcome was = {first[kOwnBefore]};
  Outcome becomes = {first[kOwnAfter]};
  if (IsAboutAnswers()) {
    was = AnswerOutcome(was.step, first[kAllowedBefore]);
    becomes = AnswerOutcome(becomes.step, first[kAllowedAfter]);
  }
  const Verdict verdict_was = VerdictOf(was.step);
  const Verdict verdict_becomes = VerdictOf(becomes.step);
  if (IsAboutAnswers()) {
    // Does an opening packet with these first steps change its verdict alike?
    const auto alike = [&](size_t before, size_t after) {
      return VerdictOf(before) == verdict_was && VerdictOf(after) == verdict_becomes;
    };
    if (verdict_was == verdict_becomes || alike(first[kOwnBefore], first[kOwnAfter])) return 0;
    if (!question_.all_answers && alike(first[kOpenerBefore], first[kOpenerAfter])) return 0;
  } else if (verdict_was == verdict_becomes) {
    const Step& before = steps_[was.step];
    const Step& after = steps_[becomes.step];
    if (!question_.by_rule || !before.fate->judged || !after.fate->judged) return 0;
    if (before.identity == after.identity) return 0;
  }
  const uint64_t key = uint64_t{NumberOf(was)} << 32 | NumberOf(becomes);
  const auto [known, added] = labels_.try_emplace(key, static_cast<uint32_t>(told_.size() + 1));
  if (added) told_.push_back({FateOf(was), FateOf(becomes), becomes.step, was.step});
  return known->second;
}

uint32_t FateComparison::NumberOf(const Outcome& outcome) const {
  return steps_[outcome.step].identity * 2 + (outcome.reply ? 1 : 0);
}

Fate FateComparison::FateOf(const Outcome& outcome) const {
  Fate fate = *steps_[outcome.step].fate;
  if (outcome.reply) fate.reason = PM_REASON_REPLY;
  return fate;
}

bool FateComparison::IsReal(const PacketRegion& region) {
  if (spoofed_.empty()) return true;
  const auto [known, added] = unspoofed_.try_emplace(region.from.get());
  if (added) known->second = Without(*region.from, JoinedStretches(spoofed_, region.family));
  const AddressStretches& from = known->second;
  if (from.empty()) return false;
  const bool single = from.size() == 1 && from[0].first == from[0].last;
  return !single || !Equal(from, *region.to);
}

}  // namespace portmatrix
