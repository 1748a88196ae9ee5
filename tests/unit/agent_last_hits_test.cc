// SPDX-License-Identifier: Apache-2.0
// When rules were last hit: taken from counters, forgotten with their rule, kept in a file.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/last_hits.h"

namespace portmatrix {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFirst = 100 * kSecond, kSecondLook = 200 * kSecond;

class LastHitsTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static RuleCount Count(const std::string& key, Direction direction, std::optional<int64_t> hit) {
    RuleCount count;
    count.rule = {key, direction};
    count.last_hit = hit;
    return count;
  }

  // "key direction last_hit known_since" of each rule.
  static std::vector<std::string> Told(const LastHits& hits, const CounterSnapshot& counters) {
    std::vector<std::string> lines;
    const auto told = nlohmann::json::parse(hits.Json(counters));
    for (const auto& rule : told.at("rules"))
      lines.push_back(rule.at("rule").get<std::string>() + " " +
                      rule.at("direction").get<std::string>() + " " + rule.at("last_hit").dump() +
                      " " + rule.at("known_since").get<std::string>());
    return lines;
  }

  const std::string folder_ = testing::TempDir() + "last-hits-" + std::to_string(getpid());
};

using Lines = std::vector<std::string>;

TEST_F(LastHitsTest, SurviveARestartAndGoWithTheirRule) {
  CounterSnapshot counters;
  counters.rules = {Count("external/m/b", Direction::kIn, kFirst - kSecond),
                    Count("external/m/a", Direction::kIn, std::nullopt),
                    Count("external/m/a", Direction::kOut, std::nullopt)};
  {
    LastHits hits(folder_);
    hits.Take(counters, kFirst);
    ASSERT_TRUE(hits.Save().ok());
  }
  LastHits hits(folder_);
  const Lines both = {"external/m/b in \"1970-01-01T00:01:39.000000Z\" 1970-01-01T00:01:40.000000Z",
                      "external/m/a in null 1970-01-01T00:01:40.000000Z",
                      "external/m/a out null 1970-01-01T00:01:40.000000Z"};
  EXPECT_EQ(Told(hits, counters), both);

  counters.rules = {Count("external/m/c", Direction::kIn, std::nullopt),
                    Count("external/m/b", Direction::kIn, std::nullopt)};
  hits.Take(counters, kSecondLook);
  const Lines later = {
      "external/m/c in null 1970-01-01T00:03:20.000000Z",
      "external/m/b in \"1970-01-01T00:01:39.000000Z\" 1970-01-01T00:01:40.000000Z"};
  EXPECT_EQ(Told(hits, counters), later);

  counters.rules.push_back(Count("external/m/a", Direction::kIn, std::nullopt));
  EXPECT_EQ(Told(hits, counters), later) << "forgotten, so not known before it is taken again";
}

TEST_F(LastHitsTest, AStampThatWaversIsNoNewHit) {
  CounterSnapshot counters;
  counters.rules = {Count("external/m/a", Direction::kIn, 10 * kSecond)};
  LastHits hits(folder_);
  hits.Take(counters, kFirst);
  counters.rules[0].last_hit = 11 * kSecond;
  hits.Take(counters, kFirst);
  EXPECT_EQ(Told(hits, counters)[0].substr(16, 30), "\"1970-01-01T00:00:10.000000Z\" ");
  counters.rules[0].last_hit = 11 * kSecond + 1;
  hits.Take(counters, kFirst);
  EXPECT_EQ(Told(hits, counters)[0].substr(16, 30), "\"1970-01-01T00:00:11.000000Z\" ");
}

}  // namespace
}  // namespace portmatrix
