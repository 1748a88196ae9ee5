// SPDX-License-Identifier: Apache-2.0
// The cells that say who: source and destination.
#ifndef PORTMATRIX_TOOLS_IMPORT_PARTY_CELL_H_
#define PORTMATRIX_TOOLS_IMPORT_PARTY_CELL_H_

#include <string>
#include <string_view>
#include <vector>

namespace portmatrix {

struct Party {
  bool any = false;
  std::vector<std::string> prefixes;  // addresses that the cell itself names
  std::string name;       // whoever is meant, in the cell's words, where nothing else is known
  std::string narrowing;  // of `any`: "Any (can be defined as X)" gives X
  std::string problem;    // in words, where the cell is not understood
};

// `text` is plain (plain_text.h).
Party ReadParty(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_PARTY_CELL_H_
