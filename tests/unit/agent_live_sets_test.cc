// SPDX-License-Identifier: Apache-2.0
// Live sets through the API: what a call says, what is kept through policies, restarts and boots,
// and what is refused.
#include <fmt/format.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/control_api.h"
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Peer kRoot{.uid = 0, .groups = {}};
const Peer kStranger{.uid = 65534, .groups = {65534}};

class AgentLiveSetTest : public AgentTest {
 protected:
  // A policy that denies what `sets` hold, each a name and its `max`.
  static Sources PolicyWith(const std::map<std::string, int>& sets, int port = 443) {
    std::string text = "matrix: m\nrules:\n";
    std::string defined;
    for (const auto& [name, max] : sets) {
      text +=
          fmt::format("  - {{id: no-{0}, from: {0}, to: me, protocol: any, action: deny}}\n", name);
      defined += fmt::format(", {}: {{dynamic: true, max: {}}}", name, max);
    }
    text += fmt::format(
        "  - {{id: p, from: any, to: me, protocol: tcp, ports: {}}}\n---\nnode: n1\nsets: {{me: "
        "192.0.2.1{}}}\nfailsafe: none\ninterfaces:\n  ext: {{device: eth0, local: me, matrices: "
        "[m]}}\n",
        port, defined);
    return {{{"policy/p.yaml", "policy", text}}, {}};
  }

  HttpReply Call(const std::string& path, const json& body, const Peer& peer = kRoot) {
    ControlApi api(*firewall_, nullptr, "/pins");
    return api.Serve({"POST", "/v1/sets/" + path, body.dump(), peer});
  }
  // The counts of a change, or why not.
  std::string Said(const HttpReply& reply) {
    const json body = json::parse(reply.body);
    if (reply.status != 200)
      return fmt::format("{} {}", reply.status, body["error"]["text"].get<std::string>());
    return fmt::format("+{} ~{} -{} ?{}: {} of {}", body["added"].get<int>(),
                       body["renewed"].get<int>(), body["removed"].get<int>(),
                       body["missing"].get<int>(), body["entries"].get<int>(),
                       body["max"].get<int>());
  }
  std::string Add(const std::string& set, const std::vector<std::string>& entries,
                  std::optional<uint64_t> seconds = std::nullopt) {
    json body = {{"set", set}, {"entries", entries}};
    if (seconds) body["seconds"] = *seconds;
    return Said(Call("add", body));
  }
  json Report(const std::string& set) {
    ControlApi api(*firewall_, nullptr, "/pins");
    HttpCall call{"GET", "/v1/sets", "", kRoot};
    if (!set.empty()) call.query["set"] = set;
    return json::parse(api.Serve(call).body);
  }
  // "198.51.100.7 60" with the seconds that are left.
  std::vector<std::string> Held(const std::string& set) {
    std::vector<std::string> lines;
    const json report = Report(set);
    for (const json& entry : report["entries"])
      lines.push_back(entry["prefix"].get<std::string>() +
                      (entry["seconds_left"].is_null()
                           ? ""
                           : fmt::format(" {}", entry["seconds_left"].get<uint64_t>())));
    return lines;
  }
};

TEST_F(AgentLiveSetTest, EntriesComeAndGo) {
  MustApply(PolicyWith({{"blocked", 4}}));
  EXPECT_EQ(Add("blocked", {"198.51.100.7", "2001:db8::/32"}), "+2 ~0 -0 ?0: 2 of 4");
  EXPECT_EQ(Add("blocked", {"198.51.100.7"}, 60), "+0 ~1 -0 ?0: 2 of 4");
  EXPECT_THAT(Held("blocked"), ElementsAre("198.51.100.7 60", "2001:db8::/32"));
  const json entry = Report("blocked")["entries"][0];
  EXPECT_EQ(entry["expires"], "2026-09-21T14:14:20Z");
  EXPECT_EQ(entry["added_at"], "2026-09-21T14:13:20Z");
  EXPECT_EQ(entry["user"], "root");
  EXPECT_EQ(Said(Call("del", {{"set", "blocked"}, {"entries", {"2001:db8::/32", "::1"}}})),
            "+0 ~0 -1 ?1: 1 of 4");
  EXPECT_EQ(Said(Call("flush", {{"set", "blocked"}})), "+0 ~0 -1 ?0: 0 of 4");
  EXPECT_EQ(JudgingNumber(), 1u);  // no generation came of it
  EXPECT_EQ(Report("")["sets"],
            json::parse(R"([{"name":"blocked","entries":0,"max":4,"in_force":true}])"));
}

TEST_F(AgentLiveSetTest, CallsThatAreRefusedChangeNothing) {
  const json entries = {{"set", "blocked"}, {"entries", {"198.51.100.7"}}};
  EXPECT_EQ(Said(Call("add", entries)),
            "409 the policy in force has no dynamic set `blocked`, nor any other");
  MustApply(PolicyWith({{"blocked", 2}, {"greylist", 2}}));
  EXPECT_EQ(Add("block", {"198.51.100.7"}),
            "409 the policy in force has no dynamic set `block`; it has blocked, greylist");
  EXPECT_EQ(Add("blocked", {"198.51.100.7", "198.51.100.7/24"}),
            "400 `198.51.100.7/24` has bits set behind its first 24: write 198.51.100.0/24 for the "
            "whole prefix, or 198.51.100.7 for the one address (nothing was changed)");
  EXPECT_EQ(Add("blocked", {"198.51.100.7"}, 0), "400 `seconds` is no number from 1 to 315360000");
  EXPECT_EQ(Add("blocked", {}), "400 `entries` is no list of addresses and prefixes");
  EXPECT_EQ(Add("blocked", {"10.0.0.1", "10.0.0.2", "10.0.0.3"}),
            "409 dynamic set `blocked` is full: it holds 0 entries of 2, and 3 more would come; "
            "delete some, or raise its `max` in the policy (nothing was added)");
  EXPECT_EQ(Add("blocked", {"10.0.0.1", "10.0.0.1", "10.0.0.2"}), "+2 ~1 -0 ?0: 2 of 2");
  EXPECT_EQ(Said(Call("add", entries, kStranger)),
            "403 not permitted: only root and the group portmatrix-admin may change what is in "
            "force");
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1", "10.0.0.2"));
}

TEST_F(AgentLiveSetTest, EntryThatIsOverIsClearedAwayAndTakesNoRoom) {
  MustApply(PolicyWith({{"blocked", 1}}));
  EXPECT_EQ(Add("blocked", {"10.0.0.1"}, 10), "+1 ~0 -0 ?0: 1 of 1");
  clock_.Pass(9'999);
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1 1"));
  clock_.Pass(1);
  EXPECT_THAT(Held("blocked"), IsEmpty());
  EXPECT_EQ(Add("blocked", {"10.0.0.2"}, 10), "+1 ~0 -0 ?0: 1 of 1");
  clock_.Pass(10'000);
  EXPECT_EQ(Add("blocked", {"10.0.0.2"}, 10), "+1 ~0 -0 ?0: 1 of 1") << "it was over, not renewed";
  clock_.Pass(10'000);
  firewall_->Tick();
  EXPECT_EQ(kernel_.live_content.at(0).size(), 0u);
}

TEST_F(AgentLiveSetTest, WhatIsOverIsNotCountedBesideWhatComes) {
  MustApply(PolicyWith({{"blocked", 4}}));
  Add("blocked", {"10.0.0.1", "10.0.0.2"}, 10);
  clock_.Pass(10'000);
  EXPECT_EQ(Add("blocked", {"10.0.0.3"}), "+1 ~0 -0 ?0: 1 of 4");
  EXPECT_EQ(Said(Call("flush", {{"set", "blocked"}})), "+0 ~0 -1 ?0: 0 of 4");
}

TEST_F(AgentLiveSetTest, RenewedEntryLivesOnBeyondItsFirstTime) {
  MustApply(PolicyWith({{"blocked", 1}}));
  Add("blocked", {"10.0.0.1"}, 10);
  Add("blocked", {"10.0.0.1"}, 20);
  clock_.Pass(10'000);
  firewall_->Tick();
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1 10"));
  Add("blocked", {"10.0.0.1"});
  clock_.Pass(10'000);
  firewall_->Tick();
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1"));
}

TEST_F(AgentLiveSetTest, ContentOutlivesPoliciesRollBackAndTheAgent) {
  MustApply(PolicyWith({{"blocked", 2}}));
  Add("blocked", {"10.0.0.1"});
  MustApply(PolicyWith({{"aaa", 9}, {"blocked", 3}}, 80));
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1"));
  EXPECT_EQ(Add("blocked", {"10.0.0.2", "10.0.0.3"}), "+2 ~0 -0 ?0: 3 of 3");
  ASSERT_TRUE(firewall_->RollBack(std::nullopt, {}));
  // More than the older policy has room for stays; more may not come.
  EXPECT_THAT(Add("blocked", {"10.0.0.4"}), HasSubstr("it holds 3 entries of 2"));
  StartAgent();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1", "10.0.0.2", "10.0.0.3"));
}

TEST_F(AgentLiveSetTest, SetThatNoRetainedPolicyNamesGoes) {
  MustApply(PolicyWith({{"blocked", 2}}));
  Add("blocked", {"10.0.0.1"});
  firewall_->Tick();
  MustApply(PolicyWith({}, 80));
  EXPECT_EQ(Report("")["sets"][0]["in_force"], false);
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1"));
  MustApply(PolicyWith({}, 81));
  EXPECT_THAT(Report("")["sets"], IsEmpty());
  MustApply(PolicyWith({{"blocked", 2}}, 82));
  EXPECT_THAT(Held("blocked"), IsEmpty());
}

TEST_F(AgentLiveSetTest, ContentIsBackBeforeTheFirstPacketAfterABoot) {
  MustApply(PolicyWith({{"blocked", 9}}));
  Add("blocked", {"10.0.0.1", "2001:db8::/32"});
  Add("blocked", {"10.0.0.2"}, 60);
  Add("blocked", {"10.0.0.3"}, 10);
  firewall_->Tick();
  clock_.Pass(20'000);
  Reboot();
  std::vector<std::string> at_the_swap;
  kernel_.before = [&](const std::string& call) {
    if (call != "SwapControl") return;
    for (const auto& [prefix, entry] : kernel_.live_content.at(0).all())
      at_the_swap.push_back(ToString(prefix));
  };
  ASSERT_TRUE(firewall_->Start(nullptr));
  kernel_.before = nullptr;
  EXPECT_THAT(at_the_swap, ElementsAre("10.0.0.1", "10.0.0.2", "2001:db8::/32"));
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1", "10.0.0.2 40", "2001:db8::/32"));
  EXPECT_EQ(Report("blocked")["entries"][0]["added_at"], "2026-09-21T14:13:20Z");
}

TEST_F(AgentLiveSetTest, DamagedLinesOfItsFileCostThoseEntriesAlone) {
  MustApply(PolicyWith({{"blocked", 9}}));
  Add("blocked", {"10.0.0.1"});
  firewall_->Tick();
  std::ofstream(folder_.path() + "/state/sets/blocked", std::ios::app)
      << "10.0.0.2 - 5 0\nnonsense\n10.0.0.3 - 5\n10.0.0.4 x 5 0\n";
  Reboot();
  ASSERT_TRUE(firewall_->Start(nullptr));
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_THAT(
      journal_,
      testing::Contains(HasSubstr("dynamic set blocked: 3 entries of its file cannot be read")));
}

TEST_F(AgentLiveSetTest, ChangeThatCutsTheCallersSessionIsRefused) {
  MustApply(PolicyWith({{"blocked", 9}}, 22));
  json body = {
      {"set", "blocked"},
      {"entries", {"198.51.100.0/24"}},
      {"session",
       {{"from", "198.51.100.7"}, {"from_port", 50000}, {"to", "192.0.2.1"}, {"to_port", 22}}}};
  EXPECT_THAT(Said(Call("add", body)),
              HasSubstr("409 it would cut your own session from 198.51.100.7:50000 to "
                        "192.0.2.1:22: interface ext drops it by rule ext/m/no-blocked"));
  EXPECT_THAT(Held("blocked"), IsEmpty());
  body["force"] = true;
  EXPECT_EQ(Said(Call("add", body)), "+1 ~0 -0 ?0: 1 of 9");
  // What is cut already is no reason.
  body["force"] = false;
  body["entries"] = {"10.0.0.1"};
  EXPECT_EQ(Said(Call("add", body)), "+1 ~0 -0 ?0: 2 of 9");
}

TEST_F(AgentLiveSetTest, DetachKeepsTheContentForThePolicyThatComes) {
  MustApply(PolicyWith({{"blocked", 9}}));
  Add("blocked", {"10.0.0.1"});
  ASSERT_TRUE(firewall_->Detach({}));
  EXPECT_EQ(Add("blocked", {"10.0.0.2"}),
            "409 the policy in force has no dynamic set `blocked`, nor any other");
  MustApply(PolicyWith({{"blocked", 9}}));
  EXPECT_THAT(Held("blocked"), ElementsAre("10.0.0.1"));
}

}  // namespace
}  // namespace portmatrix
