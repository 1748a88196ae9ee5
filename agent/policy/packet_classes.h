// SPDX-License-Identifier: Apache-2.0
// One axis as some matches see it: all values that the same of them hold are one class, whichever
// other sets there are.
#ifndef PORTMATRIX_AGENT_POLICY_PACKET_CLASSES_H_
#define PORTMATRIX_AGENT_POLICY_PACKET_CLASSES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "agent/policy/packet_axes.h"
#include "agent/policy/value_pool.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

// Members of a question, the matches that are asked, are counted from zero; a set of them is a row
// of bits, 64 a word.
using MemberBits = std::span<const uint64_t>;

inline constexpr size_t kMemberBits = 64;

// Ascending.
template <typename Visitor>
void ForEachMember(MemberBits bits, Visitor visit) {
  for (size_t word = 0; word < bits.size(); ++word) {
    for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
      visit(word * kMemberBits + static_cast<size_t>(std::countr_zero(left)));
    }
  }
}

class PacketClasses {
 public:
  // sets[i] is what member i holds on the axis. Values that no member with `matters` holds are in
  // no class; with an empty `matters` every value is in one.
  PacketClasses(const PacketAxes& axes, PacketAxis axis, std::span<const ValuePool::Id> sets,
                const std::vector<bool>& matters, WorkBudget& budget);

  // False: the budget did not suffice, and there are more.
  bool complete() const { return complete_; }
  size_t size() const { return last_.size(); }
  size_t words() const { return words_; }
  // Who holds the class. Classes come in the order of their lowest values.
  MemberBits at(size_t each) const { return MemberBits(bits_).subspan(each * words_, words_); }
  // All values of some classes.
  Values ValuesOf(const Values& classes, WorkBudget& budget) const;

 private:
  class Sweep;
  static constexpr uint32_t kNone = UINT32_MAX;

  // Stretches of the axis, each to where the next begins.
  struct Piece {
    uint32_t first;
    uint32_t before;  // the class's piece before it
  };

  uint32_t ClassOf(uint64_t hash, MemberBits bits);

  bool complete_ = true;
  size_t words_;
  uint32_t greatest_;
  std::vector<uint64_t> bits_;
  std::vector<Piece> pieces_;
  std::vector<uint32_t> last_;  // by class: its last piece
  std::unordered_multimap<uint64_t, uint32_t> known_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_CLASSES_H_
