// SPDX-License-Identifier: Apache-2.0
// Lengths of time as people write them: 90s, 5m, 1h30m.
#ifndef PORTMATRIX_TOOLS_DURATION_H_
#define PORTMATRIX_TOOLS_DURATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portmatrix {

// Seconds. Units s, m, h and d, largest first, each once; a number alone is refused.
std::optional<uint64_t> ParseDuration(std::string_view text);

// "1h30m", "59s"; "0s".
std::string DurationText(uint64_t seconds);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_DURATION_H_
