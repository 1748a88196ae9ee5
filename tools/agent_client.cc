// SPDX-License-Identifier: Apache-2.0
#include "tools/agent_client.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/http_exchange.h"
#include "tools/loaded_policy.h"
#include "tools/screen.h"

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

AgentAnswer Unreachable(const Error& error) {
  if (error.operation == "connect to")
    return Unreachable(fmt::format("{} (is portmatrixd running? another place: --socket)",
                                   std::strerror(error.code)));
  return Unreachable(error.code != 0 ? std::strerror(error.code) : error.detail);
}

AgentAnswer AnswerOf(int status, const std::string& body) {
  AgentAnswer answer;
  answer.body = json::parse(body, nullptr, false);
  if (status == 200 && !answer.body.is_discarded()) return answer;
  const json error =
      answer.body.is_object() ? answer.body.value("error", json::object()) : json::object();
  answer.code = CodeOf(TextIn(error, "kind"));
  answer.text = TextIn(error, "text");
  if (answer.text.empty()) answer.text = fmt::format("the agent answered {}", status);
  answer.diagnostics = TextIn(error, "diagnostics");
  return answer;
}

AgentAnswer Ask(const HttpExchange::Request& request) {
  std::string body;
  const Result<int> status =
      HttpExchange().Run(FLAGS_socket, request, [&](int, std::string_view piece) {
        body += piece;
        return true;
      });
  return status ? AnswerOf(*status, body) : Unreachable(status.error());
}

}  // namespace

AgentAnswer GetFromAgent(const std::string& path) {
  return Ask({"GET", path, "", kReadingSeconds});
}

AgentAnswer PostToAgent(const std::string& path, const std::string& body) {
  return Ask({"POST", path, body, kAnswerSeconds});
}

AgentStream::AgentStream() : exchange_(std::make_unique<HttpExchange>()) {}
AgentStream::~AgentStream() = default;

void AgentStream::Stop() {
  is_stopped_ = true;
  exchange_->Stop();
}

AgentAnswer AgentStream::Read(const std::string& path,
                              const std::function<bool(const std::string&)>& on_line) {
  std::string waiting;  // what is no whole line yet, or the body of a failure
  bool has_begun = false, is_done = false;
  const Result<int> status =
      exchange_->Run(FLAGS_socket, {"GET", path, "", 0}, [&](int answered, std::string_view piece) {
        has_begun = true;
        waiting += piece;
        if (answered != 200) return true;
        size_t begin = 0;
        for (size_t end; !is_done && (end = waiting.find('\n', begin)) != std::string::npos;
             begin = end + 1)
          is_done = is_stopped_ || !on_line(waiting.substr(begin, end - begin));
        waiting.erase(0, begin);
        return !is_done;
      });
  if (is_done || is_stopped_) return {};
  if (!status && !has_begun) return Unreachable(status.error());
  if (status && *status != 200) return AnswerOf(*status, waiting);
  // Of a reader that fell behind the agent lives on.
  if (GetFromAgent("/v1/status").code == kExitOk) {
    AgentAnswer answer;
    answer.code = kExitFailure;
    answer.text = "the agent ended the stream: this reader fell too far behind";
    return answer;
  }
  return Unreachable("it ended the stream");
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
