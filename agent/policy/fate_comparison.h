// SPDX-License-Identifier: Apache-2.0
// The packets of one interface and direction under two policies, openings or answers: which have
// another fate.
#ifndef PORTMATRIX_AGENT_POLICY_FATE_COMPARISON_H_
#define PORTMATRIX_AGENT_POLICY_FATE_COMPARISON_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/policy/address_stretches.h"
#include "agent/policy/fate.h"
#include "agent/policy/fate_changes.h"
#include "agent/policy/packet_space.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

// A policy's live sets by their bits in the answer.
class LiveSetNumbers {
 public:
  // Adds to `names` those that are not there.
  LiveSetNumbers(const Node& node, std::vector<std::string>& names);

  LiveBits Of(LiveMask mask) const;

 private:
  std::vector<LiveBits> bits_;
};

// A comparison of openings has the first two lists; one of answers has all, the last four reversed
// (FateSteps::Reversed). `Opener`: of the packet that would be answered.
class FateComparison {
 public:
  enum List : size_t {
    kOwnBefore,
    kOwnAfter,
    kOpenerBefore,
    kOpenerAfter,
    kAllowedBefore,
    kAllowedAfter,
    kLists
  };

  explicit FateComparison(const FateQuestion& question) : question_(question) {}
  FateComparison(FateComparison&&) = delete;

  // List by list, in their order.
  void AddList(FateSteps steps, const LiveSetNumbers& live);
  // Sources that both policies drop.
  void set_always_spoofed(AddressSet spoofed) { spoofed_ = std::move(spoofed); }
  // To be called once, after the lists.
  void Prepare();

  // How much work it is, roughly.
  size_t work() const;
  // Adds what changes and what is not known, with all but interface and direction.
  void Run(WorkBudget& budget, std::vector<FateChange>& changes,
           std::vector<UnknownFates>& unknown);

 private:
  struct Step {
    const Fate* fate;
    uint32_t identity;  // the same for fates that are the same also by who gives them
  };
  struct Told {
    Fate was, becomes;
    size_t rank_after = 0;
    size_t rank_before = 0;
  };
  // What becomes of a packet, and which step says so.
  struct Outcome {
    size_t step = 0;
    bool reply = false;
  };

  bool IsAboutAnswers() const { return lists_.size() == kLists; }
  uint32_t IdentityOf(const Fate& fate);
  // Steps that both policies take in the same order decide the same wherever they decide.
  std::vector<bool> CommonToBoth() const;
  // Only where one of these steps decides can a line about openings fail to tell what becomes of
  // the answer: elsewhere an answer passes if its own rules let it, or those that would let the
  // packet that it answers.
  bool TellsAnswersApart(size_t step) const;
  Verdict VerdictOf(size_t step) const;
  // Of an answer: by its own steps, and by what allows the packet that it answers.
  Outcome AnswerOutcome(size_t own, size_t allowed) const;
  uint32_t LabelOf(std::span<const size_t> first);
  uint32_t NumberOf(const Outcome& outcome) const;
  Fate FateOf(const Outcome& outcome) const;
  // Does the region hold a packet that is not dropped as spoofed by both policies?
  bool IsReal(const PacketRegion& region);

  const FateQuestion& question_;
  std::deque<FateSteps> lists_;
  std::array<size_t, kLists> begins_{};
  AddressSet spoofed_;
  PacketQuestion asked_;
  std::vector<Step> steps_;  // of all lists, as they are asked
  std::unordered_map<std::string, uint32_t> identities_;
  std::vector<Told> told_;
  std::unordered_map<uint64_t, uint32_t> labels_;
  std::unordered_map<const AddressStretches*, AddressStretches> unspoofed_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FATE_COMPARISON_H_
