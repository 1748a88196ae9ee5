// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/api_calls.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/alarms.h"
#include "agent/clock.h"
#include "agent/control_api.h"
#include "agent/datapath/fake_datapath.h"
#include "agent/enforcement.h"
#include "agent/event_loop.h"
#include "agent/firewall.h"
#include "agent/readings.h"
#include "agent/state_directory.h"

namespace portmatrix {
namespace {

using nlohmann::json;

constexpr size_t kMaxCalls = 16;
constexpr char kNoPins[] = "/nowhere/pins";

// Stands still: the same input does the same again.
class StandingClock final : public Clock {
 public:
  uint64_t BootMilliseconds() const override { return 1'000'000; }
  uint64_t ProgramNanoseconds() const override { return uint64_t{1'000'000} * 1'000'000; }
  int64_t Now() const override { return int64_t{1'790'000'000} * 1'000'000'000; }
};

class Folder {
 public:
  Folder() {
    // Memory where there is a file system of it: each input makes and removes a state directory.
    std::string pattern = std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
    pattern += "/portmatrix-api-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Agent {
 public:
  Agent() {
    kernel_.devices = {{"eth0", 2}, {"eth1", 3}};
    store_ = std::move(StateDirectory::Open(folder_.path() + "/state").value());
    const OpenDatapath open = [this]() -> Result<std::unique_ptr<Datapath>> {
      return std::unique_ptr<Datapath>(std::make_unique<FakeDatapath>(&kernel_));
    };
    enforcement_ =
        std::make_unique<Enforcement>(std::move(open().value()), open, *store_, clock_, alarms_);
    firewall_ = std::make_unique<Firewall>(
        "n1", *enforcement_, *store_, clock_, alarms_,
        []() -> Result<std::vector<LeasedAddress>> { return std::vector<LeasedAddress>{}; });
    loop_ = std::move(EventLoop::Make().value());
    readings_ = std::move(Readings::Start(*loop_, kNoPins, folder_.path(), 100).value());
    api_ = std::make_unique<ControlApi>(*firewall_, nullptr, kNoPins, [this](const HttpCall& call) {
      return readings_->Serve(call);
    });
  }

  ControlApi& api() { return *api_; }
  const FakeKernel& kernel() const { return kernel_; }

 private:
  Folder folder_;
  StandingClock clock_;
  FakeKernel kernel_;
  Alarms alarms_{clock_, [](Weight, const std::string&) {}};
  std::unique_ptr<StateDirectory> store_;
  std::unique_ptr<Enforcement> enforcement_;
  std::unique_ptr<Firewall> firewall_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Readings> readings_;
  std::unique_ptr<ControlApi> api_;
};

HttpCall CallOf(std::string_view text) {
  HttpCall call;
  const char caller = text.empty() ? ' ' : text.front();
  if (caller == 'r') call.peer = Peer{.uid = 0, .groups = {}};
  if (caller == 's') call.peer = Peer{.uid = 65534, .groups = {65534}};
  text.remove_prefix(text.empty() ? 0 : 1);
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  call.body = text.substr(std::min(end + 1, text.size()));
  const size_t blank = std::min(line.find(' '), line.size());
  call.method = line.substr(0, blank);
  line.remove_prefix(std::min(blank + 1, line.size()));
  const size_t question = std::min(line.find('?'), line.size());
  call.path = line.substr(0, question);
  line.remove_prefix(std::min(question + 1, line.size()));
  while (!line.empty()) {
    const std::string_view argument = line.substr(0, std::min(line.find('&'), line.size()));
    const size_t equals = std::min(argument.find('='), argument.size());
    call.query[std::string(argument.substr(0, equals))] =
        argument.substr(std::min(equals + 1, argument.size()));
    line.remove_prefix(std::min(argument.size() + 1, line.size()));
  }
  return call;
}

std::string FormProblem(const HttpReply& reply) {
  if (reply.stream) return reply.status == 200 ? "" : "a stream that failed";
  const json body = json::parse(reply.body, nullptr, false);
  if (!body.is_object()) return "an answer that is no JSON object: " + reply.body;
  if (reply.status == 200) return body.contains("error") ? "an error that succeeds" : "";
  switch (reply.status) {
    case 400:
    case 403:
    case 404:
    case 405:
    case 409:
    case 413:
    case 422:
    case 500:
    case 503:
      break;
    default:
      return fmt::format("an undocumented status: {}", reply.status);
  }
  const auto error = body.find("error");
  if (error == body.end() || !error->is_object() || error->size() != 3)
    return "an error of another form: " + reply.body;
  for (const char* key : {"kind", "text", "diagnostics"})
    if (!error->contains(key) || !(*error)[key].is_string())
      return "an error of another form: " + reply.body;
  return (*error)["text"].get<std::string>().empty() ? "an error without words" : "";
}

}  // namespace

std::string ApiProblem(std::string_view input) {
  Agent agent;
  for (size_t calls = 0; calls < kMaxCalls && !input.empty(); ++calls) {
    const std::string_view text = input.substr(0, std::min(input.find('\0'), input.size()));
    input.remove_prefix(std::min(text.size() + 1, input.size()));
    HttpCall call = CallOf(text);
    const bool may_change = call.peer && call.peer->uid == 0;
    if (ControlApi::TakesBody(call) != may_change) return "a body of who may not change";
    if (!may_change) call.body.clear();  // as the server does
    const size_t done = agent.kernel().calls.size();
    const uint64_t control = agent.kernel().control;
    const HttpReply reply = agent.api().Serve(call);
    if (std::string problem = FormProblem(reply); !problem.empty()) return problem;
    if (!may_change && reply.status != 403) return "who may nothing is heard";
    const bool changed = agent.kernel().control != control;
    if (changed && (!may_change || call.method != "POST")) return "a call that may not, changes";
    if (reply.status == 400 && agent.kernel().calls.size() != done)
      return "what was not understood has an effect";
  }
  if (!agent.kernel().violations.empty())
    return "the agent breaks a contract: " + agent.kernel().violations.front();
  return "";
}

}  // namespace portmatrix
