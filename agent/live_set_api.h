// SPDX-License-Identifier: Apache-2.0
// The API's calls about live sets (README.md lists them), for callers who may make them.
#ifndef PORTMATRIX_AGENT_LIVE_SET_API_H_
#define PORTMATRIX_AGENT_LIVE_SET_API_H_

#include <nlohmann/json.hpp>
#include <string>

#include "agent/firewall.h"

namespace portmatrix {

inline constexpr uint64_t kMaxLiveSeconds = uint64_t{3650} * 24 * 3600;

// All sets, or with `set` one with its entries.
Answer<nlohmann::json> LiveSetReport(Firewall& firewall, const std::string& set);

// {"set","entries":["198.51.100.7"],"seconds":3600,"force":false}, without its `session`.
Answer<LiveSetOrder> LiveSetOrderFromJson(LiveSetOrder::Kind kind, const nlohmann::json& body);

// Makes the change, and says what it did.
Answer<nlohmann::json> ChangeLiveSet(Firewall& firewall, const LiveSetOrder& order);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_LIVE_SET_API_H_
