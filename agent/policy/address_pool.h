// SPDX-License-Identifier: Apache-2.0
// Address sets by number, equal ones sharing one, so that comparing a set that thousands of rules
// name happens once.
#ifndef PORTMATRIX_AGENT_POLICY_ADDRESS_POOL_H_
#define PORTMATRIX_AGENT_POLICY_ADDRESS_POOL_H_

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/policy/model.h"
#include "agent/policy/work_budget.h"

namespace portmatrix {

class AddressPool {
 public:
  // `set` must outlive the pool.
  size_t Add(const AddressSet& set);
  const AddressSet& at(size_t number) const { return *sets_[number]; }

  bool Intersects(size_t left, size_t right, WorkBudget& budget);
  bool Contains(size_t outer, size_t inner, WorkBudget& budget);  // all of inner

 private:
  using Memory = std::unordered_map<uint64_t, bool>;
  template <typename Ask>
  bool Remember(Memory& memory, size_t left, size_t right, WorkBudget& budget, Ask ask);

  std::vector<const AddressSet*> sets_;
  std::unordered_multimap<size_t, size_t> by_hash_;
  Memory intersects_, contains_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_ADDRESS_POOL_H_
