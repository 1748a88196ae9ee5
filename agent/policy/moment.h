// SPDX-License-Identifier: Apache-2.0
// Moments in time as text: RFC 3339 in UTC with whole seconds, 2027-01-31T00:00:00Z.
#ifndef PORTMATRIX_AGENT_POLICY_MOMENT_H_
#define PORTMATRIX_AGENT_POLICY_MOMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portmatrix {

// Seconds since 1970. Strict: four-digit years, `T` and `Z` in capitals, no leap seconds.
std::optional<int64_t> ParseMoment(std::string_view text);
std::string MomentText(int64_t seconds);

// What the author of a text that ParseMoment refuses most likely meant (an offset instead of Z, a
// date alone, a blank for the T, fractions), in the form that it takes; empty if there is no
// telling.
std::string MomentMeant(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_MOMENT_H_
