// SPDX-License-Identifier: Apache-2.0
#include "tests/support/judgement_text.h"

namespace portmatrix {

std::string Describe(const Judgement& judgement) {
  std::string text = judgement.verdict == Verdict::kPass ? "pass " : "drop ";
  text += ReasonWord(judgement.reason);
  if (judgement.rule != nullptr) text += " " + std::string(judgement.rule->id());
  if (judgement.audited) text += " audited";
  if (!judgement.interface) text += " on device";
  return text;
}

}  // namespace portmatrix
