// SPDX-License-Identifier: Apache-2.0
#include "tools/agent_client.h"

#include <fmt/format.h>
#include <gflags/gflags.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdio>
#include <cstring>

#include "tools/loaded_policy.h"
#include "tools/screen.h"

DECLARE_bool(json);
DECLARE_string(socket);

namespace portmatrix {
namespace {

using nlohmann::json;

// Compiling a large policy takes the agent a while; it answers when the policy is in force.
constexpr time_t kAnswerSeconds = 300;
// A reading asks little; an agent that is stopped or hung must not hold up those who only look.
constexpr time_t kReadingSeconds = 5;
// A stream may be silent for long: the most that the library counts in milliseconds.
constexpr time_t kStreamSeconds = 2'000'000;

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

AgentAnswer Unreachable(httplib::Error error) {
  if (error == httplib::Error::Connection)
    return Unreachable(fmt::format("{} (is portmatrixd running? another place: --socket)",
                                   errno != 0 ? std::strerror(errno) : "no connection"));
  return Unreachable(httplib::to_string(error));
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

AgentAnswer AnswerOf(const httplib::Result& result) {
  if (!result) return Unreachable(result.error());
  return AnswerOf(result->status, result->body);
}

httplib::Client Client(time_t seconds) {
  httplib::Client client(FLAGS_socket);
  client.set_address_family(AF_UNIX);
  client.set_read_timeout(seconds);
  client.set_write_timeout(seconds);
  // HTTP wants a host; a path as one would be refused.
  client.set_default_headers({{"Host", "localhost"}});
  return client;
}

}  // namespace

AgentAnswer GetFromAgent(const std::string& path) {
  errno = 0;
  return AnswerOf(Client(kReadingSeconds).Get(path.c_str()));
}

AgentAnswer PostToAgent(const std::string& path, const std::string& body) {
  errno = 0;
  return AnswerOf(Client(kAnswerSeconds).Post(path.c_str(), body, "application/json"));
}

struct AgentStream::Connection {
  httplib::Client client = Client(kStreamSeconds);
  std::atomic<bool> is_stopped = false;
};

AgentStream::AgentStream() : connection_(std::make_unique<Connection>()) {}
AgentStream::~AgentStream() = default;

void AgentStream::Stop() {
  connection_->is_stopped = true;
  connection_->client.stop();
}

AgentAnswer AgentStream::Read(const std::string& path,
                              const std::function<bool(const std::string&)>& on_line) {
  std::string waiting;  // what is no whole line yet, or the body of a failure
  int status = 0;
  bool is_done = false;
  errno = 0;
  const httplib::Result result = connection_->client.Get(
      path.c_str(),
      [&](const httplib::Response& response) {
        status = response.status;
        return true;
      },
      [&](const char* bytes, size_t count) {
        waiting.append(bytes, count);
        if (status != 200) return true;
        size_t begin = 0;
        for (size_t end; !is_done && (end = waiting.find('\n', begin)) != std::string::npos;
             begin = end + 1)
          is_done = connection_->is_stopped || !on_line(waiting.substr(begin, end - begin));
        waiting.erase(0, begin);
        return !is_done;
      });
  if (is_done || connection_->is_stopped) return {};
  if (status != 0 && status != 200) return AnswerOf(status, waiting);
  if (status == 0) return Unreachable(result.error());
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
