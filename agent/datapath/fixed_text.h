// SPDX-License-Identifier: Apache-2.0
// Text in the fixed arrays of shared structs: ends with a zero, and is cut where it is longer.
#ifndef PORTMATRIX_AGENT_DATAPATH_FIXED_TEXT_H_
#define PORTMATRIX_AGENT_DATAPATH_FIXED_TEXT_H_

#include <cstddef>
#include <cstring>
#include <string>

namespace portmatrix {

template <size_t kBytes>
void CopyText(const std::string& text, char (&to)[kBytes]) {
  std::memset(to, 0, kBytes);
  text.copy(to, kBytes - 1);
}

template <size_t kBytes>
std::string TextOf(const char (&from)[kBytes]) {
  return std::string(from, strnlen(from, kBytes));
}

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_FIXED_TEXT_H_
