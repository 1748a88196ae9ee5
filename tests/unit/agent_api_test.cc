// SPDX-License-Identifier: Apache-2.0
// The control API: who may call what, what is understood, and what comes back; and the same through
// a real socket.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "agent/control_api.h"
#include "agent/control_socket.h"
#include "agent/sources_json.h"
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

const Peer kRoot{.uid = 0, .groups = {}};
const Peer kStranger{.uid = 65534, .groups = {65534}};

class AgentApiTest : public AgentTest {
 protected:
  HttpReply Call(const std::string& method, const std::string& path, const std::string& body = "",
                 const Peer& peer = kRoot) {
    ControlApi api(*firewall_, nullptr, "/pins");
    return api.Serve({method, path, body, peer});
  }
  static std::string ApplyBody(const Sources& sources, json more = json::object()) {
    more["files"] = ToJson(sources);
    return more.dump();
  }
  static std::string ErrorOf(const HttpReply& reply) {
    const json error = json::parse(reply.body)["error"];
    return std::to_string(reply.status) + " " + error["kind"].get<std::string>() + ": " +
           error["text"].get<std::string>();
  }
};

TEST_F(AgentApiTest, AppliesAndReports) {
  const HttpReply applied = Call("POST", "/v1/apply", ApplyBody(PolicyOf({443})));
  ASSERT_EQ(applied.status, 200u) << applied.body;
  const json answer = json::parse(applied.body);
  EXPECT_EQ(answer["result"], "installed");
  EXPECT_EQ(answer["generation"], 1);
  EXPECT_EQ(answer["rules"]["added"].size(), 2u);
  const json status = json::parse(Call("GET", "/v1/status").body);
  EXPECT_EQ(status["state"], "settled");
  EXPECT_EQ(status["pin_root"], "/pins");
  EXPECT_EQ(status["generation"]["number"], 1);
  EXPECT_EQ(status["attachments"][0]["device"], "eth0");
  EXPECT_EQ(status["attachments"][0]["protected"], true);
  EXPECT_EQ(status["files"], nullptr);
  const json history = json::parse(Call("GET", "/v1/history").body)["generations"];
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(history[0]["uid"], 0);
  EXPECT_EQ(history[0]["outcome"], "confirmed");
}

TEST_F(AgentApiTest, GivesTheFilesOfAGeneration) {
  ASSERT_EQ(Call("POST", "/v1/apply", ApplyBody(PolicyOf({443}))).status, 200u);
  const auto files_of = [&](const std::string& generation) {
    ControlApi api(*firewall_, nullptr, "/pins");
    return api.Serve({"GET", "/v1/files", "", kRoot, {{"generation", generation}}});
  };
  const json answer = json::parse(files_of("1").body);
  EXPECT_EQ(answer["number"], 1);
  EXPECT_EQ(answer["node"], "n1");
  EXPECT_EQ(answer["files"], ToJson(PolicyOf({443})));
  EXPECT_EQ(ErrorOf(files_of("2")), "404 bad-request: generation 2 is not in the history");
  EXPECT_EQ(ErrorOf(files_of("1x")), "400 bad-request: `generation` is no number");
  EXPECT_EQ(ErrorOf(Call("GET", "/v1/files")), "400 bad-request: `generation` is no number");
}

TEST_F(AgentApiTest, TrialIsConfirmedAndRolledBack) {
  ASSERT_EQ(Call("POST", "/v1/apply", ApplyBody(PolicyOf({1}))).status, 200u);
  json answer = json::parse(
      Call("POST", "/v1/apply", ApplyBody(PolicyOf({2}), {{"confirm_seconds", 60}})).body);
  EXPECT_EQ(answer["result"], "pending");
  EXPECT_EQ(answer["deadline"], "2026-09-21T14:14:20Z");
  EXPECT_EQ(json::parse(Call("GET", "/v1/status").body)["pending"]["seconds_left"], 60.0);
  EXPECT_EQ(json::parse(Call("POST", "/v1/confirm").body)["result"], "confirmed");
  EXPECT_EQ(ErrorOf(Call("POST", "/v1/confirm")), "409 refused: nothing is on trial");
  EXPECT_EQ(json::parse(Call("POST", "/v1/rollback", R"({"number":1})").body)["generation"], 3);
}

TEST_F(AgentApiTest, InvalidPolicyCarriesItsDiagnostics) {
  Sources broken = PolicyOf({443});
  broken.documents[0].text += "nonsense: 1\n";
  const HttpReply reply = Call("POST", "/v1/apply", ApplyBody(broken));
  EXPECT_EQ(ErrorOf(reply), "422 invalid-policy: the policy of node n1 has 1 error");
  EXPECT_THAT(json::parse(reply.body)["error"]["diagnostics"].get<std::string>(), HasSubstr("^"));
}

struct Misunderstanding {
  const char* name;
  std::string method;
  std::string path;
  std::string body;
  std::string error;
};

TEST_F(AgentApiTest, WhatIsNotUnderstoodIsSaid) {
  const std::string files = R"("files":{"documents":[],"lists":[]})";
  const Misunderstanding rows[] = {
      {"no JSON", "POST", "/v1/apply", "{", "400 bad-request: the body is not a JSON object"},
      {"a list", "POST", "/v1/apply", "[]", "400 bad-request: the body is not a JSON object"},
      {"unknown key", "POST", "/v1/apply", R"({"file":1})", "400 bad-request: unknown key `file`"},
      {"no files", "POST", "/v1/apply", "{}", "400 bad-request: there are no `files`"},
      {"half files", "POST", "/v1/apply", R"({"files":{"documents":[]}})",
       "400 bad-request: `files` is not an object of `documents` and `lists`"},
      {"a file without text", "POST", "/v1/apply",
       R"({"files":{"documents":[{"path":"a","root":"b","test":"c"}],"lists":[]}})",
       "400 bad-request: a file in `documents` has no text `text`"},
      {"negative time", "POST", "/v1/apply", "{" + files + R"(,"confirm_seconds":-1})",
       "400 bad-request: `confirm_seconds` is a number, `dry_run` and `force` are true or false"},
      {"no time", "POST", "/v1/apply", "{" + files + R"(,"confirm_seconds":0})",
       "400 bad-request: a trial lasts from 1 to 86400 seconds"},
      {"a text for a flag", "POST", "/v1/apply", "{" + files + R"(,"force":"yes"})",
       "400 bad-request: `confirm_seconds` is a number, `dry_run` and `force` are true or false"},
      {"a text for a number", "POST", "/v1/rollback", R"({"number":"7"})",
       "400 bad-request: `number` is not a generation's number"},
      {"another call", "GET", "/v1/everything", "",
       "404 bad-request: there is no call GET /v1/everything"},
      {"another method", "GET", "/v1/apply", "", "405 bad-request: there is no call GET /v1/apply"},
  };
  for (const Misunderstanding& row : rows)
    EXPECT_EQ(ErrorOf(Call(row.method, row.path, row.body)), row.error) << row.name;
  EXPECT_TRUE(kernel_.calls.empty());
}

TEST_F(AgentApiTest, DocumentsAreBounded) {
  Sources sources;
  for (int i = 0; i < 9; ++i)
    sources.documents.push_back({"p" + std::to_string(i), "p", std::string(1 << 20, ' ')});
  EXPECT_EQ(ErrorOf(Call("POST", "/v1/apply", ApplyBody(sources))),
            "400 bad-request: the documents have more than 8388608 bytes together");
  sources.documents = {{"p", "p", std::string((1 << 20) + 1, ' ')}};
  EXPECT_THAT(ErrorOf(Call("POST", "/v1/apply", ApplyBody(sources))),
              HasSubstr("1048577 bytes, the limit is 1048576"));
}

TEST_F(AgentApiTest, StrangersMayNothing) {
  for (const auto& [method, path] : {std::pair{"GET", "/v1/status"},
                                     {"GET", "/v1/history"},
                                     {"GET", "/v1/files"},
                                     {"GET", "/v1/nothing"},
                                     {"POST", "/v1/apply"},
                                     {"POST", "/v1/detach"}})
    EXPECT_THAT(ErrorOf(Call(method, path, "", kStranger)),
                StartsWith("403 forbidden: not permitted"))
        << path;
}

TEST(AgentPeerTest, GroupsDecide) {
  constexpr uint32_t kReaders = 100, kAdmins = 101;
  struct Row {
    const char* name;
    Peer peer;
    Permission expected;
  };
  const Row rows[] = {
      {"root without groups", {0, {}}, Permission::kChange},
      {"primary group admin", {1000, {kAdmins}}, Permission::kChange},
      {"supplementary group admin", {1000, {1000, kAdmins}}, Permission::kChange},
      {"reader", {1000, {1000, kReaders}}, Permission::kRead},
      {"both", {1000, {kReaders, kAdmins}}, Permission::kChange},
      {"neither", {1000, {1000}}, Permission::kNone},
  };
  for (const Row& row : rows)
    EXPECT_EQ(PermissionOf(row.peer, kReaders, kAdmins), row.expected) << row.name;
  EXPECT_EQ(PermissionOf({1000, {0}}, std::nullopt, std::nullopt), Permission::kNone)
      << "groups that do not exist give nothing";
}

// ---- Through a socket ----

class Server {
 public:
  explicit Server(HttpService service) {
    loop_ = std::move(EventLoop::Make().value());
    socket_ = std::move(ControlSocket::Listen(path()).value());
    http_ = std::move(HttpServer::Start(*loop_, socket_->fd(), std::move(service)).value());
    poll_ = *loop_->MakeTimer([this] {
      if (stopping_) loop_->Stop();
      poll_->Set(5);
    });
    poll_->Set(5);
    thread_ = std::thread([this] { EXPECT_TRUE(loop_->Run()); });
  }
  ~Server() {
    stopping_ = true;
    thread_.join();
  }
  std::string path() const { return folder_.path() + "/control.sock"; }

  // Everything that comes back until the server closes.
  std::string Say(const std::string& request) const {
    const FileDescriptor fd = Connect();
    size_t at = 0;
    while (at < request.size()) {
      const ssize_t sent = send(fd.get(), request.data() + at, request.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) break;
      at += static_cast<size_t>(sent);
    }
    std::string reply;
    char buffer[4096];
    for (ssize_t got; (got = read(fd.get(), buffer, sizeof buffer)) > 0;)
      reply.append(buffer, static_cast<size_t>(got));
    return reply;
  }
  FileDescriptor Connect() const {
    FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<ControlSocket> socket_;
  std::unique_ptr<HttpServer> http_;
  EventLoop::Timer* poll_ = nullptr;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

HttpService Echo(bool takes_body) {
  HttpService service;
  service.serve = [](const HttpCall& call) -> HttpReply {
    return {200, call.method + " " + call.path + " uid " +
                     std::to_string(call.peer ? call.peer->uid : 99999) + " bytes " +
                     std::to_string(call.body.size())};
  };
  service.takes_body = [takes_body](const HttpCall&) { return takes_body; };
  service.max_body_bytes = 1 << 20;
  return service;
}

std::string Post(size_t bytes) {
  return "POST /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
         std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'a');
}

TEST(AgentHttpTest, CallsCarryBodyAndPeer) {
  const Server server(Echo(true));
  const std::string uid = std::to_string(getuid());
  EXPECT_THAT(server.Say(Post(700'000)), HasSubstr("POST /v1/x uid " + uid + " bytes 700000"));
  EXPECT_THAT(server.Say("GET /v1/y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("GET /v1/y uid " + uid + " bytes 0"));
}

TEST(AgentHttpTest, BodyBeyondTheLimitIsRefusedAfterItIsRead) {
  const Server server(Echo(true));
  EXPECT_THAT(server.Say(Post((1 << 20) + 1)), StartsWith("HTTP/1.1 413"));
}

TEST(AgentHttpTest, BodyOfWhoMayNotChangeIsThrownAway) {
  const Server server(Echo(false));
  EXPECT_THAT(server.Say(Post(900'000)), HasSubstr("bytes 0"));
}

TEST(AgentHttpTest, EndlessBodyEndsTheConnection) {
  const Server server(Echo(true));
  EXPECT_EQ(server.Say(Post(4 << 20)), "");
}

TEST(AgentHttpTest, ConnectionsAreBounded) {
  HttpService service = Echo(true);
  service.max_connections = 2;
  const Server server(std::move(service));
  const FileDescriptor first = server.Connect();
  const FileDescriptor second = server.Connect();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(server.Say(Post(1)), "");
}

TEST(AgentSocketTest, TakesThePlaceOfADeadSocketButNotOfALivingOne) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/run/control.sock";
  {
    auto first = ControlSocket::Listen(path);
    ASSERT_TRUE(first) << first.error().Text();
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0666));
    const auto second = ControlSocket::Listen(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EADDRINUSE);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  {
    // What a killed agent leaves behind.
    const FileDescriptor left(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(left.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_TRUE(ControlSocket::Listen(path));
}

}  // namespace
}  // namespace portmatrix
