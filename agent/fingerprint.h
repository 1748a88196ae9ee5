// SPDX-License-Identifier: Apache-2.0
// The fingerprint by which two policies are the same: SHA-256 of the node's name and of every file,
// its path counted from the root that was named, so that a policy keeps its fingerprint wherever
// its tree lies.
#ifndef PORTMATRIX_AGENT_FINGERPRINT_H_
#define PORTMATRIX_AGENT_FINGERPRINT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/policy/source.h"
#include "maps/layout.h"

namespace portmatrix {

using Fingerprint = std::array<uint8_t, PM_FINGERPRINT_BYTES>;

Fingerprint FingerprintOf(const Sources& sources, std::string_view node);

std::string ToHex(const Fingerprint& fingerprint);  // 64 digits
std::optional<Fingerprint> FingerprintFromHex(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_FINGERPRINT_H_
