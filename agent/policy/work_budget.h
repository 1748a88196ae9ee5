// SPDX-License-Identifier: Apache-2.0
// How much work a decision may still cost. Unlike a clock it gives the same answer on every
// machine.
#ifndef PORTMATRIX_AGENT_POLICY_WORK_BUDGET_H_
#define PORTMATRIX_AGENT_POLICY_WORK_BUDGET_H_

#include <algorithm>
#include <cstddef>

namespace portmatrix {

class WorkBudget {
 public:
  explicit WorkBudget(size_t steps) : left_(steps) {}

  void Spend(size_t steps) { left_ -= std::min(left_, steps); }
  bool used_up() const { return left_ == 0; }
  size_t left() const { return left_; }

 private:
  size_t left_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_WORK_BUDGET_H_
