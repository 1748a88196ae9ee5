// SPDX-License-Identifier: Apache-2.0
// The list of Ethertypes that an interface lets pass beside IP.
#ifndef PORTMATRIX_AGENT_POLICY_ETHERTYPES_H_
#define PORTMATRIX_AGENT_POLICY_ETHERTYPES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {

// arp, lldp, slow (LACP and its kin), eapol.
std::vector<uint16_t> DefaultEthertypes();

// Words, or numbers (decimal or 0x88cc; 0 stands for 802.3 lengths). Without ARP, or with IP or
// VLAN types, it is an error; what carries IP past the rules (PPPoE, MPLS) is a warning.
std::vector<uint16_t> ReadEthertypes(const YamlNode& value, Diagnostics& diagnostics);

// "lldp" or "0x88b5".
std::string EthertypeWord(uint16_t type);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_ETHERTYPES_H_
