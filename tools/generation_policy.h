// SPDX-License-Identifier: Apache-2.0
// The policy of a generation that the agent keeps, read again from its files as of the moment at
// which it was made.
#ifndef PORTMATRIX_TOOLS_GENERATION_POLICY_H_
#define PORTMATRIX_TOOLS_GENERATION_POLICY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "agent/policy/model.h"
#include "agent/policy/policy.h"
#include "agent/policy/source.h"
#include "tools/difference/policy_difference.h"

namespace portmatrix {

struct GenerationPolicy {
  Sources sources;
  Policy policy;
  Node node;

  DifferenceSide side() const { return {&node, &policy, &sources}; }
};

// Nothing, with the reason in `*why`, if the agent does not give them or this version reads them
// otherwise.
std::unique_ptr<GenerationPolicy> FetchGeneration(uint64_t number, std::string* why);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_GENERATION_POLICY_H_
