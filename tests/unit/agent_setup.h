// SPDX-License-Identifier: Apache-2.0
// An agent on a kernel in memory, a clock that stands until it is moved, and a state directory of
// its own. It can be killed and started again, and the machine rebooted.
#ifndef PORTMATRIX_TESTS_UNIT_AGENT_SETUP_H_
#define PORTMATRIX_TESTS_UNIT_AGENT_SETUP_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/alarms.h"
#include "agent/clock.h"
#include "agent/datapath/fake_datapath.h"
#include "agent/enforcement.h"
#include "agent/firewall.h"
#include "agent/state_directory.h"

namespace portmatrix {

class HandClock final : public Clock {
 public:
  uint64_t BootMilliseconds() const override { return boot; }
  uint64_t ProgramNanoseconds() const override { return boot * 1'000'000; }
  int64_t Now() const override { return now; }
  void Pass(uint64_t milliseconds) {
    boot += milliseconds;
    now += static_cast<int64_t>(milliseconds) * 1'000'000;
  }

  uint64_t boot = 1'000'000;
  int64_t now = int64_t{1'790'000'000} * 1'000'000'000;  // 2026-09-21T14:13:20Z
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "portmatrix-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A policy of node n1 with one rule for each port, on the devices.
inline Sources PolicyOf(const std::vector<int>& ports, const std::string& devices = "eth0",
                        const std::string& more = "") {
  std::string text = "matrix: m\nrules:\n  - {id: ping, from: any, to: me, protocol: icmp}\n";
  for (const int port : ports)
    text += "  - {id: p" + std::to_string(port) +
            ", from: any, to: me, protocol: tcp, ports: " + std::to_string(port) + "}\n";
  text += more;
  text += "---\nnode: n1\nsets: {me: 192.0.2.1}\nfailsafe: none\ninterfaces:\n  ext: {device: [" +
          devices + "], local: me, matrices: [m]}\n";
  return {{{"policy/p.yaml", "policy", text}}, {}};
}

// What an agent that starts or reloads finds in its files.
inline Firewall::ReadFiles Files(const Sources& sources) {
  return [sources]() -> Answer<Sources> { return sources; };
}

class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    kernel_.devices = {{"eth0", 2}, {"eth1", 3}};
    StartAgent();
  }

  // A new process; what it does first is up to the test.
  void StartAgent() {
    KillAgent();
    auto store = StateDirectory::Open(folder_.path() + "/state");
    ASSERT_TRUE(store) << store.error().Text();
    store_ = std::move(*store);
    alarms_ = std::make_unique<Alarms>(
        clock_, [this](Weight, const std::string& line) { journal_.push_back(line); });
    const OpenDatapath open = [this]() -> Result<std::unique_ptr<Datapath>> {
      ++opened_;
      if (pins_are_gone_) kernel_.control = 0;
      pins_are_gone_ = false;
      return std::unique_ptr<Datapath>(std::make_unique<FakeDatapath>(&kernel_));
    };
    Result<std::unique_ptr<Datapath>> datapath = open();
    enforcement_ =
        std::make_unique<Enforcement>(std::move(datapath.value()), open, *store_, clock_, *alarms_);
    firewall_ = std::make_unique<Firewall>(
        "n1", *enforcement_, *store_, clock_, *alarms_,
        [this]() -> Result<std::vector<LeasedAddress>> { return leased_; });
  }
  void KillAgent() {
    firewall_.reset();
    enforcement_.reset();
    alarms_.reset();
    store_.reset();
  }
  // The kernel forgets everything, the disk nothing.
  void Reboot() {
    FakeKernel fresh;
    fresh.devices = kernel_.devices;
    fresh.held = kernel_.held;
    kernel_ = std::move(fresh);
    StartAgent();
  }

  Answer<Applied> Apply(Sources sources, std::optional<uint64_t> confirm_seconds = std::nullopt,
                        bool force = false) {
    ApplyOrder order;
    order.sources = std::move(sources);
    order.author = {1000, "mara"};
    order.confirm_seconds = confirm_seconds;
    order.force = force;
    return firewall_->Apply(order);
  }
  // Applied, or the test has failed.
  void MustApply(Sources sources, std::optional<uint64_t> confirm_seconds = std::nullopt) {
    const auto applied = Apply(std::move(sources), confirm_seconds);
    ASSERT_TRUE(applied) << applied.refusal().text << applied.refusal().diagnostics;
  }

  // The rules that judge, as their ids.
  std::vector<std::string> Judging() const {
    std::vector<std::string> ids;
    if (PM_CONTROL_STATE(kernel_.control) == PM_CONTROL_DETACHED) return {"detached"};
    for (const RuleIdentity& rule : kernel_.judging().rules)
      ids.push_back(rule.key.substr(rule.key.rfind('/') + 1));
    return ids;
  }
  uint64_t JudgingNumber() const { return kernel_.judging().record.number; }
  pm_control_state State() const {
    return static_cast<pm_control_state>(PM_CONTROL_STATE(kernel_.control));
  }
  std::vector<std::string> Hooked() const {
    std::vector<std::string> devices;
    for (const auto& [device, attachment] : kernel_.attachments) devices.push_back(device);
    return devices;
  }
  bool HasAlarm(const std::string& subject) const { return alarms_->standing().contains(subject); }

  void TearDown() override { EXPECT_THAT(kernel_.violations, testing::IsEmpty()); }

  TemporaryFolder folder_;
  HandClock clock_;
  FakeKernel kernel_;
  std::vector<std::string> journal_;
  int opened_ = 0;
  bool pins_are_gone_ = false;
  std::vector<LeasedAddress> leased_;
  std::unique_ptr<StateDirectory> store_;
  std::unique_ptr<Alarms> alarms_;
  std::unique_ptr<Enforcement> enforcement_;
  std::unique_ptr<Firewall> firewall_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_UNIT_AGENT_SETUP_H_
