// SPDX-License-Identifier: Apache-2.0
// Properties of an interface in the words of the policy language.
#ifndef PORTMATRIX_TOOLS_INTERFACE_TEXT_H_
#define PORTMATRIX_TOOLS_INTERFACE_TEXT_H_

#include <string>
#include <vector>

#include "agent/policy/model.h"

namespace portmatrix {

const char* ModeWord(Mode mode);                                   // "enforce", "audit"
const char* DefaultWord(Verdict verdict);                          // "drop", "pass"
const char* XdpWord(XdpMode mode);                                 // "native", "generic", "any"
const char* DhcpWord(const Interface& interface);                  // "none", "client"
const char* RouterAdvertisementsWord(const Interface& interface);  // "accept", "drop"
std::vector<std::string> EthertypeWords(const Interface& interface);
std::vector<std::string> LocalTexts(const Interface& interface);  // prefixes

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_INTERFACE_TEXT_H_
