// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/result.h"

#include <cstring>

namespace portmatrix {

std::string Error::Text() const {
  std::string text = operation;
  if (!object.empty()) text += " " + object;
  if (code != 0) text += std::string(": ") + std::strerror(code);
  if (!detail.empty()) text += code != 0 ? " (" + detail + ")" : ": " + detail;
  return text;
}

}  // namespace portmatrix
