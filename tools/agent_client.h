// SPDX-License-Identifier: Apache-2.0
// Asks the agent over its Unix socket, and turns what it answers into an exit code.
#ifndef PORTMATRIX_TOOLS_AGENT_CLIENT_H_
#define PORTMATRIX_TOOLS_AGENT_CLIENT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "tools/command.h"
#include "tools/exit_code.h"

namespace portmatrix {

struct AgentAnswer {
  int code = kExitOk;       // kExitNoAgent if nobody answered
  nlohmann::json body;      // of a success
  std::string text;         // of a failure: one line
  std::string diagnostics;  // of a failure, rendered; may be empty
};

// At the socket that --socket names.
AgentAnswer GetFromAgent(const std::string& path);
AgentAnswer PostToAgent(const std::string& path, const std::string& body);

// Prints a failure: diagnostics and text on stderr or, with --json, the agent's error object on
// stdout. Returns its code.
int ReportFailure(const Command& command, const AgentAnswer& answer);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_AGENT_CLIENT_H_
