// SPDX-License-Identifier: Apache-2.0
// The address stage of an image (maps/layout.h): from prefixes and their classes to the tables that
// find the class of an address. Their size grows with the number of prefixes, not with their depth.
#ifndef PORTMATRIX_AGENT_COMPILE_ADDRESS_TABLES_H_
#define PORTMATRIX_AGENT_COMPILE_ADDRESS_TABLES_H_

#include <cstdint>
#include <vector>

#include "agent/compile/address_classes.h"
#include "agent/compile/search_tree.h"

namespace portmatrix {

struct AddressTables {
  std::vector<uint32_t> words;  // PM_TABLE_ADDRESSES
  TreeTable trees;              // PM_TABLE_ADDRESS_TREES
};

// `prefixes` ascend by address, then by length, so that what contains a prefix stands before it.
// An address in none has class 0; classes are below PM_ADDRESS_TREE.
AddressTables MakeAddressTables(const std::vector<PrefixClass>& prefixes);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_ADDRESS_TABLES_H_
