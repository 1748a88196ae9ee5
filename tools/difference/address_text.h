// SPDX-License-Identifier: Apache-2.0
// Addresses as a reader of the policy would say them: by the names of its sets, and by what is
// taken out of one where that is shorter. "any", "access, 192.0.2.7", "partners but 198.51.100.7".
#ifndef PORTMATRIX_TOOLS_DIFFERENCE_ADDRESS_TEXT_H_
#define PORTMATRIX_TOOLS_DIFFERENCE_ADDRESS_TEXT_H_

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/address_stretches.h"
#include "agent/policy/model.h"

namespace portmatrix {

inline constexpr std::array kFamilies = {Family::kIpv4, Family::kIpv6};

// One end of some packets, by family (IPv4, IPv6); nothing where they are not of that family.
struct End {
  std::array<std::optional<AddressStretches>, 2> of;

  bool both() const { return of[0] && of[1]; }
};

struct EndText {
  std::string text;
  // It says by itself which families it speaks of.
  bool tells_family = false;
};

class AddressText {
 public:
  // Sets of two policies. A name that means different addresses in them is not used.
  AddressText(const std::map<std::string, AddressSet>& before,
              const std::map<std::string, AddressSet>& after);

  // At most `most` terms, and how many more there are.
  EndText Of(const End& end, size_t most) const;

 private:
  struct Named {
    std::string name;
    std::array<AddressStretches, 2> of;
    size_t prefixes = 0;
  };
  struct Terms {
    std::vector<std::string> terms;
    bool tells_family = false;
  };

  Terms PlainTerms(const End& end) const;
  std::optional<std::pair<Terms, Terms>> LessTerms(const End& end, size_t fewer) const;

  std::vector<Named> sets_;  // the largest first
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_DIFFERENCE_ADDRESS_TEXT_H_
