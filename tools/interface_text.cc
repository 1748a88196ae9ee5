// SPDX-License-Identifier: Apache-2.0
#include "tools/interface_text.h"

#include "agent/policy/ethertypes.h"

namespace portmatrix {

const char* ModeWord(Mode mode) { return mode == Mode::kAudit ? "audit" : "enforce"; }

const char* DefaultWord(Verdict verdict) { return verdict == Verdict::kPass ? "pass" : "drop"; }

const char* XdpWord(XdpMode mode) {
  switch (mode) {
    case XdpMode::kNative:
      return "native";
    case XdpMode::kGeneric:
      return "generic";
    case XdpMode::kAny:
      return "any";
  }
  return "native";
}

const char* DhcpWord(const Interface& interface) {
  return interface.dhcp_client ? "client" : "none";
}

const char* RouterAdvertisementsWord(const Interface& interface) {
  return interface.router_advertisements ? "accept" : "drop";
}

std::vector<std::string> EthertypeWords(const Interface& interface) {
  std::vector<std::string> words;
  for (const uint16_t type : interface.ethertypes) words.push_back(EthertypeWord(type));
  return words;
}

std::vector<std::string> LocalTexts(const Interface& interface) {
  std::vector<std::string> texts;
  for (const Prefix& prefix : interface.local.prefixes()) texts.push_back(ToString(prefix));
  return texts;
}

}  // namespace portmatrix
