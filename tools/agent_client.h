// SPDX-License-Identifier: Apache-2.0
// Asks the agent over its Unix socket, and turns what it answers into an exit code.
#ifndef PORTMATRIX_TOOLS_AGENT_CLIENT_H_
#define PORTMATRIX_TOOLS_AGENT_CLIENT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/command.h"
#include "tools/exit_code.h"

namespace portmatrix {

class HttpExchange;

struct AgentAnswer {
  int code = kExitOk;       // kExitNoAgent if nobody answered
  nlohmann::json body;      // of a success
  std::string text;         // of a failure: one line
  std::string diagnostics;  // of a failure, rendered; may be empty
};

// At the socket that --socket names.
AgentAnswer GetFromAgent(const std::string& path);
AgentAnswer PostToAgent(const std::string& path, const std::string& body);

// Lines without an end.
class AgentStream {
 public:
  AgentStream();
  ~AgentStream();

  // Gives each line, without its end, to `on_line`, until that says false or Stop is called (then
  // the answer's code is kExitOk), or the agent ends it.
  AgentAnswer Read(const std::string& path, const std::function<bool(const std::string&)>& on_line);
  // From any thread.
  void Stop();

 private:
  std::unique_ptr<HttpExchange> exchange_;
  std::atomic<bool> is_stopped_ = false;
};

// Prints a failure: diagnostics and text on stderr or, with --json, the agent's error object on
// stdout. Returns its code.
int ReportFailure(const Command& command, const AgentAnswer& answer);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_AGENT_CLIENT_H_
