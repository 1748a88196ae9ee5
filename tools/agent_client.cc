// SPDX-License-Identifier: Apache-2.0
#include "tools/agent_client.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cstdio>
#include <cstring>

#include "tools/loaded_policy.h"
#include "tools/screen.h"
#include "tools/unix_http.h"

DECLARE_bool(json);
DECLARE_string(socket);

namespace portmatrix {
namespace {

using nlohmann::json;

// Compiling a large policy takes the agent a while; it answers when the policy is in force.
constexpr int kAnswerSeconds = 300;
// A reading asks little; an agent that is stopped or hung must not hold up those who only look.
constexpr int kReadingSeconds = 5;

int CodeOf(const std::string& kind) {
  if (kind == "invalid-policy") return kExitInvalidPolicy;
  if (kind == "forbidden") return kExitNotPermitted;
  if (kind == "refused") return kExitCheckFailed;
  return kExitFailure;
}

std::string TextIn(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

AgentAnswer Unreachable(const std::string& why) {
  AgentAnswer answer;
  answer.code = kExitNoAgent;
  answer.text = fmt::format("agent unreachable at {}: {}", FLAGS_socket, why);
  return answer;
}

AgentAnswer AnswerOf(const Result<HttpAnswer>& result) {
  if (!result) {
    const Error& error = result.error();
    const std::string why = error.code != 0 ? std::strerror(error.code) : error.detail;
    return Unreachable(error.operation == "connect to"
                           ? why + " (is portmatrixd running? another place: --socket)"
                           : why);
  }
  AgentAnswer answer;
  answer.body = json::parse(result->body, nullptr, false);
  if (result->status == 200 && !answer.body.is_discarded()) return answer;
  const json error =
      answer.body.is_object() ? answer.body.value("error", json::object()) : json::object();
  answer.code = CodeOf(TextIn(error, "kind"));
  answer.text = TextIn(error, "text");
  if (answer.text.empty()) answer.text = fmt::format("the agent answered {}", result->status);
  answer.diagnostics = TextIn(error, "diagnostics");
  return answer;
}

}  // namespace

AgentAnswer GetFromAgent(const std::string& path) {
  return AnswerOf(AskUnixSocket(FLAGS_socket, "GET", path, "", kReadingSeconds));
}

AgentAnswer PostToAgent(const std::string& path, const std::string& body) {
  return AnswerOf(AskUnixSocket(FLAGS_socket, "POST", path, body, kAnswerSeconds));
}

int ReportFailure(const Command& command, const AgentAnswer& answer) {
  if (FLAGS_json) {
    PrintJson(
        {{"error",
          {{"code", answer.code}, {"text", answer.text}, {"diagnostics", answer.diagnostics}}}});
    return answer.code;
  }
  fmt::print(stderr, "{}portmatrix {}: {}\n", PaintDiagnostics(stderr, answer.diagnostics),
             command.name, answer.text);
  return answer.code;
}

}  // namespace portmatrix
