// SPDX-License-Identifier: Apache-2.0
// The SSH session in which the command runs, so that the agent can refuse to cut it.
#ifndef PORTMATRIX_TOOLS_SSH_SESSION_H_
#define PORTMATRIX_TOOLS_SSH_SESSION_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace portmatrix {

// {"from","from_port","to","to_port"} of the value of SSH_CONNECTION, "192.0.2.7 51022 203.0.113.11
// 22"; zones of link-local addresses are left out.
std::optional<nlohmann::json> SessionOf(std::string_view ssh_connection);

// That of this process or, for sudo takes the variable away, of the nearest ancestor that has one.
std::optional<nlohmann::json> FindSshSession();

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_SSH_SESSION_H_
