// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known word that is nearest to an unknown one.
#ifndef PORTMATRIX_AGENT_POLICY_SUGGESTION_H_
#define PORTMATRIX_AGENT_POLICY_SUGGESTION_H_

#include <string>
#include <string_view>
#include <vector>

namespace portmatrix {

// The nearest of `known`, if it takes at most a third of the letters to get there; else empty. A
// swap of two neighbours is one step. Of several, the first.
std::string Nearest(std::string_view word, const std::vector<std::string>& known);

// "did you mean `access`?", or failing that "known here: a, b, c" (at most eight), or empty where
// nothing is known.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& known);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SUGGESTION_H_
