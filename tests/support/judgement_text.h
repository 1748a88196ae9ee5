// SPDX-License-Identifier: Apache-2.0
// A judgement as a test writes it: "pass rule web", "drop default", "pass default audited", "drop
// vlan on device".
#ifndef PORTMATRIX_TESTS_SUPPORT_JUDGEMENT_TEXT_H_
#define PORTMATRIX_TESTS_SUPPORT_JUDGEMENT_TEXT_H_

#include <string>

#include "agent/policy/evaluator.h"

namespace portmatrix {

// Verdict, reason, the rule's id where there is one, `audited`, and `on device` where no interface
// was selected.
std::string Describe(const Judgement& judgement);

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_JUDGEMENT_TEXT_H_
