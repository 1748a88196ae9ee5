// SPDX-License-Identifier: Apache-2.0
// What the agent knows, as the JSON of GET /v1/status and GET /v1/history (described in README.md).
#ifndef PORTMATRIX_AGENT_STATUS_REPORT_H_
#define PORTMATRIX_AGENT_STATUS_REPORT_H_

#include <nlohmann/json.hpp>

#include "agent/firewall.h"

namespace portmatrix {

// `files` reads the policy files that --policy names, to say whether they differ; it may be empty.
nlohmann::json StatusReport(Firewall& firewall, const Firewall::ReadFiles& files);
nlohmann::json HistoryReport(Firewall& firewall);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_STATUS_REPORT_H_
