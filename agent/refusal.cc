// SPDX-License-Identifier: Apache-2.0
#include "agent/refusal.h"

namespace portmatrix {

const char* ToString(Refusal::Kind kind) {
  switch (kind) {
    case Refusal::Kind::kBadRequest:
      return "bad-request";
    case Refusal::Kind::kInvalidPolicy:
      return "invalid-policy";
    case Refusal::Kind::kRefused:
      return "refused";
    case Refusal::Kind::kRuntime:
      return "runtime";
    case Refusal::Kind::kForbidden:
      return "forbidden";
  }
  return "runtime";
}

}  // namespace portmatrix
