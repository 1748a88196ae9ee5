// SPDX-License-Identifier: Apache-2.0
// Counter streams: what a line says, who shares one, and what becomes of readers that do not read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "agent/control_socket.h"
#include "agent/counter_json.h"
#include "agent/counter_streams.h"
#include "agent/http_server.h"
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using nlohmann::json;

CounterSnapshot Snapshot(uint64_t monotonic,
                         const std::vector<std::pair<std::string, uint64_t>>& rules) {
  CounterSnapshot snapshot;
  snapshot.generation.number = 7;
  snapshot.monotonic = monotonic;
  for (const auto& [key, packets] : rules) {
    RuleCount rule;
    rule.rule.key = key;
    rule.interface = "ext";
    rule.total.packets = packets;
    rule.total.bytes = packets * 60;
    snapshot.rules.push_back(rule);
  }
  ReasonCount reason;
  reason.owner = "ext";
  reason.reason = PM_REASON_DEFAULT;
  reason.total.dropped_packets = monotonic;
  snapshot.reasons.push_back(reason);
  return snapshot;
}

constexpr uint64_t kMost = UINT64_MAX;

struct IncreaseCase {
  const char* name;
  std::vector<std::pair<std::string, uint64_t>> before, now;
  std::vector<uint64_t> deltas;
};

class Increase : public testing::TestWithParam<IncreaseCase> {};

TEST_P(Increase, OfEveryRule) {
  const CounterSnapshot before = Snapshot(1, GetParam().before);
  const json line = json::parse(CountersJson(Snapshot(11, GetParam().now), &before));
  EXPECT_EQ(line["interval_ns"], 10);
  EXPECT_EQ(line["generation"], 7);
  EXPECT_EQ(line["reasons"][0]["delta_dropped_packets"], 10);
  for (size_t i = 0; i < GetParam().deltas.size(); ++i) {
    EXPECT_EQ(line["rules"][i]["packets"].get<uint64_t>(), GetParam().now[i].second);
    EXPECT_EQ(line["rules"][i]["delta_packets"].get<uint64_t>(), GetParam().deltas[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Streams, Increase,
    testing::Values(IncreaseCase{"SameOrder", {{"a", 1}, {"b", 2}}, {{"a", 4}, {"b", 2}}, {3, 0}},
                    IncreaseCase{"OtherOrder", {{"a", 1}, {"b", 2}}, {{"b", 4}, {"a", 6}}, {2, 5}},
                    IncreaseCase{"NewRuleCountsFromZero", {{"a", 1}}, {{"n", 4}, {"a", 2}}, {4, 1}},
                    IncreaseCase{"RuleThatLeft", {{"a", 1}, {"b", 2}, {"c", 3}}, {{"c", 4}}, {1}},
                    IncreaseCase{"SlotThatBeganAnew", {{"a", 9}}, {{"a", 4}}, {4}},
                    IncreaseCase{"Largest", {{"a", 1}}, {{"a", kMost}}, {kMost - 1}}),
    [](const auto& test) { return test.param.name; });

TEST(CounterStreams, FirstLineCountsNothingAsNew) {
  const json line = json::parse(CountersJson(Snapshot(5, {{"a", 3}}), nullptr));
  EXPECT_EQ(line["rules"][0]["delta_packets"], 0);
  EXPECT_EQ(line["reasons"][0]["delta_dropped_packets"], 0);
  EXPECT_EQ(line["interval_ns"], 0);
}

class Groups : public testing::Test {
 protected:
  int reads_ = 0;
  CounterStreams streams_{[this]() -> Result<CounterSnapshot> {
    ++reads_;
    return Snapshot(static_cast<uint64_t>(reads_), {{"a", 1}});
  }};
};

TEST_F(Groups, MapsAreReadOnceForAllThatAreDue) {
  std::vector<std::shared_ptr<HttpStream>> readers;
  for (int i = 0; i < 20; ++i) readers.push_back(streams_.Open(i % 2 ? 100 : 200, 0));
  const int before = reads_;
  streams_.Tick(200);
  EXPECT_EQ(reads_, before + 1);
  EXPECT_EQ(streams_.readers(), 20u);
  EXPECT_EQ(streams_.UntilNext(200), 100u);
}

TEST_F(Groups, TooManyIntervalsAreRefused) {
  std::vector<std::shared_ptr<HttpStream>> readers;
  for (uint64_t i = 1; i <= kMostIntervals; ++i) readers.push_back(streams_.Open(i * 100, 0));
  EXPECT_EQ(streams_.Open(100 * (kMostIntervals + 1), 0), nullptr);
  EXPECT_NE(streams_.Open(100, 0), nullptr);
}

TEST_F(Groups, ReaderThatTakesNothingIsCutOff) {
  const auto slow = streams_.Open(100, 0);
  const size_t line = slow->waiting_bytes();
  ASSERT_GT(line, 0u);
  HttpStream stream(3 * line);
  const auto text = std::make_shared<const std::string>(line, 'x');
  for (int i = 0; i < 3; ++i) stream.Push(text);
  EXPECT_FALSE(stream.is_gone());
  stream.Push(text);
  EXPECT_TRUE(stream.is_gone());
  EXPECT_EQ(stream.waiting_bytes(), 0u);
}

// A real socket with readers of every kind.
class Socket : public testing::Test {
 protected:
  Socket() {
    auto loop = EventLoop::Make();
    loop_ = std::move(*loop);
    auto socket = ControlSocket::Listen(folder_.path() + "/socket");
    socket_ = std::move(*socket);
    HttpService service;
    service.serve = [this](const HttpCall&) {
      HttpReply reply;
      reply.stream = std::make_shared<HttpStream>(1 << 20);
      streams_.push_back(reply.stream);
      return reply;
    };
    service.takes_body = [](const HttpCall&) { return false; };
    service.max_body_bytes = 4096;
    auto server = HttpServer::Start(*loop_, socket_->fd(), std::move(service));
    server_ = std::move(*server);
    timer_ = *loop_->MakeTimer([this] {
      if (streams_.size() < got_.size() + 2) return timer_->Set(1);
      // On a machine with no time for the good readers they would look like slow ones.
      if (pushed_ > kMostUnread)
        for (const std::atomic<size_t>& bytes : got_)
          if (bytes < (pushed_ - kMostUnread) * kLineBytes) return timer_->Set(1);
      const auto text =
          std::make_shared<const std::string>(std::string(kLineBytes - 1, 'x') + "\n");
      for (const auto& stream : streams_) stream->Push(text);
      if (pushed_ == 20) close(dead_);
      if (++pushed_ == 200)
        loop_->Stop();
      else
        timer_->Set(1);
    });
  }
  int Connect() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder_.path() + "/socket").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string ask = "GET /v1/counters/stream HTTP/1.1\r\nHost: x\r\n\r\n";
    EXPECT_EQ(write(fd, ask.data(), ask.size()), static_cast<ssize_t>(ask.size()));
    return fd;
  }

  TemporaryFolder folder_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<ControlSocket> socket_;
  std::vector<std::shared_ptr<HttpStream>> streams_;
  std::unique_ptr<HttpServer> server_;
  EventLoop::Timer* timer_ = nullptr;
  static constexpr size_t kLineBytes = 100'000;
  static constexpr size_t kMostUnread = 8;  // lines, fewer than what may wait
  size_t pushed_ = 0;
  std::array<std::atomic<size_t>, 4> got_{};  // bytes of the good readers
  int dead_ = -1;
};

TEST_F(Socket, SlowAndDeadReadersHarmNobody) {
  const int slow = Connect();
  dead_ = Connect();
  std::vector<std::thread> good;
  std::vector<int> fds;
  for (size_t i = 0; i < got_.size(); ++i) fds.push_back(Connect());
  for (size_t i = 0; i < got_.size(); ++i)
    good.emplace_back([fd = fds[i], &bytes = got_[i]] {
      char buffer[65536];
      for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) bytes += static_cast<size_t>(n);
    });
  timer_->Set(50);
  ASSERT_TRUE(loop_->Run());
  ASSERT_EQ(streams_.size(), 6u);
  int gone = 0;
  for (const auto& stream : streams_) gone += stream->is_gone() ? 1 : 0;
  EXPECT_EQ(gone, 2);  // the slow and the dead, and no other
  server_.reset();
  for (std::thread& each : good) each.join();
  for (const std::atomic<size_t>& bytes : got_) EXPECT_GT(bytes, 150 * kLineBytes);
  for (const int fd : fds) close(fd);
  close(slow);
}

TEST_F(Socket, ReaderThatHangsUpWhileNothingIsSaidIsForgotten) {
  const int left = Connect(), stays = Connect();
  int turns = 0;
  EventLoop::Timer* timer = nullptr;
  timer = *loop_->MakeTimer([&] {
    if (streams_.size() == 2 && ++turns == 1) close(left);
    if (turns > 100 || (streams_.size() == 2 && streams_[0]->is_gone())) return loop_->Stop();
    timer->Set(50);
  });
  timer->Set(50);
  ASSERT_TRUE(loop_->Run());
  ASSERT_EQ(streams_.size(), 2u);
  EXPECT_TRUE(streams_[0]->is_gone());
  EXPECT_FALSE(streams_[1]->is_gone());
  server_.reset();
  close(stays);
}

TEST(CounterJsonTest, WritesMomentsInUtcToTheMicrosecond) {
  const struct {
    int64_t nanoseconds;
    const char* text;
  } kRows[] = {
      {0, "1970-01-01T00:00:00.000000Z"},
      {951'782'399'999'999'999, "2000-02-28T23:59:59.999999Z"},
      {951'782'400'000'001'000, "2000-02-29T00:00:00.000001Z"},
      {1'790'000'000'123'456'789, "2026-09-21T14:13:20.123456Z"},
      {4'102'444'799'000'000'000, "2099-12-31T23:59:59.000000Z"},
  };
  for (const auto& row : kRows) EXPECT_EQ(TimeText(row.nanoseconds), row.text);
}

}  // namespace
}  // namespace portmatrix
