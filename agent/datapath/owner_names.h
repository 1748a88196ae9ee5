// SPDX-License-Identifier: Apache-2.0
// The map `owners`: the names of interfaces and devices by their numbers, and where each stands in
// the image of each slot. A number keeps its name for as long as the maps exist.
#ifndef PORTMATRIX_AGENT_DATAPATH_OWNER_NAMES_H_
#define PORTMATRIX_AGENT_DATAPATH_OWNER_NAMES_H_

#include <cstdint>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/datapath.h"

namespace portmatrix {

// Adds the interfaces and devices that have a name to `numbering`.
Result<void> ReadOwners(const BpfMap& map, Numbering* numbering);
// Names what `generation` uses, and says where it stands in the image of `slot`.
Result<void> NameOwners(const BpfMap& map, uint32_t slot, const Generation& generation,
                        const Numbering& numbering);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_OWNER_NAMES_H_
