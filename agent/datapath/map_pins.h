// SPDX-License-Identifier: Apache-2.0
// The pins of the maps: which there are, whom each is for, and how those come back that somebody
// deleted. A program keeps every map of its object alive (they are bound to it when it is loaded),
// so as long as one is hooked or pinned nothing is lost but a name.
#ifndef PORTMATRIX_AGENT_DATAPATH_MAP_PINS_H_
#define PORTMATRIX_AGENT_DATAPATH_MAP_PINS_H_

#include <string>
#include <vector>

#include "agent/datapath/pins.h"
#include "agent/datapath/result.h"

namespace portmatrix {

// Maps that only simulations use are not pinned.
bool IsPinned(const std::string& map);
// What a reader without privilege needs; the rest is its owner's.
bool IsForReaders(const std::string& map);
// Without these, pins that name a generation are no longer whole.
std::vector<std::string> MissingOf(const Pins& pins);

// Pins again the maps of the pinned or hooked program that have no pin any more. Their names.
Result<std::vector<std::string>> RestoreFromPrograms(const Pins& pins);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_MAP_PINS_H_
