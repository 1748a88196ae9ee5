// SPDX-License-Identifier: Apache-2.0
// yaml-cpp's messages for broken YAML, in the words of somebody who writes a policy.
#ifndef PORTMATRIX_AGENT_POLICY_YAML_ADVICE_H_
#define PORTMATRIX_AGENT_POLICY_YAML_ADVICE_H_

#include <string_view>

namespace portmatrix {

struct YamlAdvice {
  std::string_view theirs;
  std::string_view message;
  std::string_view hint;
  // yaml-cpp names the place where the next thing does not fit; this is missed where the list or
  // map began.
  bool at_opening = false;
};

// What yaml-cpp says of a tab that indents, in some places; in others it misses that this is the
// cause.
inline constexpr std::string_view kYamlTab = "illegal tab when looking for indentation";

// Null for a message that no policy has been seen to cause.
const YamlAdvice* FindYamlAdvice(std::string_view theirs);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_YAML_ADVICE_H_
