// SPDX-License-Identifier: Apache-2.0
// What of a node decides over packets beside its rules, and is otherwise in another policy.
#ifndef PORTMATRIX_TOOLS_DIFFERENCE_PROPERTY_CHANGES_H_
#define PORTMATRIX_TOOLS_DIFFERENCE_PROPERTY_CHANGES_H_

#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "tools/difference/address_text.h"

namespace portmatrix {

struct PropertyChange {
  std::string interface;  // empty: of the node
  std::string
      property;  // the key of the policy language; "interface" where all of it comes or goes
  std::string was, becomes;
  std::string effect;  // what it means for packets, in words
};

// Interfaces in the order of `after`, then those that are gone; failsafe entries before them.
std::vector<PropertyChange> PropertyChanges(const Node& before, const Node& after,
                                            const AddressText& names);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_DIFFERENCE_PROPERTY_CHANGES_H_
