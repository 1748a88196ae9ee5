// SPDX-License-Identifier: Apache-2.0
// Matches as sets of small numbers on the axes of one family's packets. An address stands there as
// the number of the stretch in which it lies: the boundaries of all matches cut the addresses into
// stretches that none of them divides.
#ifndef PORTMATRIX_AGENT_POLICY_PACKET_AXES_H_
#define PORTMATRIX_AGENT_POLICY_PACKET_AXES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/policy/model.h"
#include "agent/policy/packet_space.h"
#include "agent/policy/value_pool.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

// A protocol has ports and source ports, or ICMP's types, or neither.
enum class PacketAxis : uint8_t { kPort, kIcmp, kSourcePort, kFrom, kTo };
inline constexpr size_t kPacketAxes = 5;

class PacketAxes {
 public:
  // Where a set begins, or has just ended.
  struct Boundary {
    uint32_t position;
    ValuePool::Id set;
  };

  // The matches must outlive it.
  PacketAxes(const std::vector<AskedMatch>& matches, Family family, WorkBudget& budget);

  Family family() const { return family_; }
  // Whether some packet of the family can match.
  bool IsPossible(size_t match) const { return rows_[match].possible; }
  const ProtocolSet& protocols(size_t match) const { return rows_[match].protocols; }
  // Live sets not counted.
  ValuePool::Id At(PacketAxis axis, size_t match) const {
    return rows_[match].values[static_cast<size_t>(axis)];
  }
  bool IsEmpty(ValuePool::Id set) const { return set == empty_; }
  uint32_t Greatest(PacketAxis axis) const { return last_[static_cast<size_t>(axis)]; }
  // Of all sets of the matches on the axis but the one of every value; by position.
  const std::vector<Boundary>& boundaries(PacketAxis axis) const {
    return boundaries_[static_cast<size_t>(axis)];
  }
  ValuePool& pool() { return pool_; }
  size_t pool_size() const { return pool_.size(); }

  AddressStretches AddressesOf(PacketAxis axis, ValuePool::Id values) const;

 private:
  struct Row {
    bool possible = true;
    ProtocolSet protocols;
    std::array<ValuePool::Id, kPacketAxes> values{};
  };

  void SetAddresses(const std::vector<AskedMatch>& matches, PacketAxis axis, WorkBudget& budget);
  void SetServices(const Match& match, Row& row);
  void SetBoundaries(PacketAxis axis);

  Family family_;
  std::vector<Row> rows_;
  ValuePool pool_;
  ValuePool::Id empty_;
  std::array<uint32_t, kPacketAxes> last_{};
  std::array<std::vector<Address>, kPacketAxes> first_;  // addresses at which stretches begin
  std::array<std::vector<Boundary>, kPacketAxes> boundaries_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_PACKET_AXES_H_
