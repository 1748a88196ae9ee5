// SPDX-License-Identifier: Apache-2.0
// How large a policy may be. What stands in the kernel's tables is bounded so that a generation
// always fits beside its predecessor; what is read is bounded so that a wrong file costs a message
// instead of the machine's memory.
#ifndef PORTMATRIX_AGENT_POLICY_LIMITS_H_
#define PORTMATRIX_AGENT_POLICY_LIMITS_H_

#include <cstddef>

#include "maps/layout.h"

namespace portmatrix {

// Of one node.
inline constexpr size_t kMaxRules = 100'000;  // over all interfaces; `direction: both` counts twice
inline constexpr size_t kMaxInterfaces = PM_MAX_INTERFACES;
inline constexpr size_t kMaxDevices = PM_MAX_DEVICES;
inline constexpr size_t kMaxPrefixes = 2'000'000;  // different ones, of all sets and rules together
// The prefixes of every rule, and apart from that of every set, added up: one of 1,000 counts a
// thousand times wherever it is named.
inline constexpr size_t kMaxNamedPrefixes = 20'000'000;
inline constexpr size_t kMaxLiveSets = 32;             // dynamic sets: the bits of a LiveMask
inline constexpr uint32_t kMaxLiveEntries = 1'048'576;  // `max` of one dynamic set
inline constexpr uint32_t kDefaultLiveEntries = 65'536;
inline constexpr size_t kMaxSetDepth = 64;                   // sets inside each other
inline constexpr size_t kMaxEthertypes = PM_MAX_ETHERTYPES;  // on one interface's list

// Of what is read.
inline constexpr size_t kMaxDocumentBytes = 1 << 20;  // one YAML file
inline constexpr size_t kMaxListBytes = 64 << 20;     // one list file
inline constexpr size_t kMaxPolicyBytes = 256 << 20;  // all files together
inline constexpr size_t kMaxFiles = 4096;             // of one policy, lists included
inline constexpr size_t kMaxYamlDepth = 64;           // lists and maps inside each other
inline constexpr size_t kMaxNameBytes = 63;           // of a set, rule, matrix, node or interface
inline constexpr size_t kMaxDeviceBytes = PM_DEVICE_NAME_BYTES - 1;
inline constexpr size_t kMaxListErrors = 50;  // in one list file; the rest of it is then not read

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_LIMITS_H_
