// SPDX-License-Identifier: Apache-2.0
// Devices are told apart by ifindex, whatever indices they have and in whichever order they come
// and go.
#include "agent/datapath/device_numbers.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/bpf_map.h"
#include "agent/datapath/filter_object.h"
#include "tests/kernel/privilege.h"

namespace portmatrix {
namespace {

class DeviceNumbersTest : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_KERNEL();
    auto object = FilterObject::Load(FilterObject::Purpose::kSimulation, {},
                                     [](const std::string&) { return -1; });
    ASSERT_TRUE(object) << object.error().Text();
    object_ = std::move(*object);
    auto numbers = DeviceNumbers::Map(object_->map("devices"));
    ASSERT_TRUE(numbers) << numbers.error().Text();
    numbers_ = std::move(*numbers);
  }

  std::unique_ptr<FilterObject> object_;
  DeviceNumbers numbers_;
};

TEST_F(DeviceNumbersTest, ComeAndGoLikeEntriesOfAMap) {
  std::mt19937 random(3);
  const auto draw = [&](uint32_t below) { return static_cast<uint32_t>(random() % below); };
  std::map<uint32_t, uint32_t> model;
  for (int step = 0; step < 20'000; ++step) {
    // Few different places, so that most meet others.
    const uint32_t ifindex =
        1 + draw(8) + draw(20) * PM_DEVICE_PLACES + draw(2) * (PM_DEVICE_PLACES - 4);
    if (draw(2) == 0 && model.size() < PM_DEVICE_TRIES) {
      const uint32_t number = draw(PM_MAX_DEVICES);
      ASSERT_TRUE(numbers_.Put(ifindex, number));
      model[ifindex] = number;
    } else {
      numbers_.Remove(ifindex);
      model.erase(ifindex);
    }
    const auto found = model.find(ifindex);
    ASSERT_EQ(numbers_.Find(ifindex),
              found == model.end() ? std::nullopt : std::optional(found->second));
    if (step % 100 != 0) continue;
    for (const auto& [known, number] : model) ASSERT_EQ(numbers_.Find(known), number);
    ASSERT_EQ(numbers_.Indices().size(), model.size());
  }
}

TEST_F(DeviceNumbersTest, AreRefusedWhereTheProgramWouldNotLook) {
  uint32_t ifindex = 7;
  for (uint32_t i = 0; i < PM_DEVICE_TRIES; ++i, ifindex += PM_DEVICE_PLACES)
    ASSERT_TRUE(numbers_.Put(ifindex, i % PM_MAX_DEVICES));
  const auto refused = numbers_.Put(ifindex, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ENOSPC);
  EXPECT_EQ(numbers_.Find(ifindex), std::nullopt);
  numbers_.Remove(7);
  EXPECT_TRUE(numbers_.Put(ifindex, 0));
  EXPECT_EQ(numbers_.Find(ifindex), 0u);
}

// Loopback has index 1: an entry at the last place that the program looks at, behind others.
TEST_F(DeviceNumbersTest, AreFoundByTheProgramAtEachPlace) {
  const uint32_t zero = 0;
  const uint64_t control = PM_CONTROL(0, 0, PM_CONTROL_SETTLED, 0, 0);
  ASSERT_EQ(bpf_map_update_elem(object_->map("control"), &zero, &control, BPF_ANY), 0);
  const auto faults = [&] {
    const uint32_t fault = PM_FAULT_TABLE_MISSING;
    std::vector<uint64_t> counts(static_cast<size_t>(PossibleProcessors()));
    EXPECT_EQ(bpf_map_lookup_elem(object_->map("faults"), &fault, counts.data()), 0);
    uint64_t sum = 0;
    for (const uint64_t count : counts) sum += count;
    return sum;
  };
  const auto run = [&] {
    const char frame[64] = {};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof frame);
    EXPECT_EQ(bpf_prog_test_run_opts(object_->xdp_program(), &options), 0);
  };
  for (uint32_t others = 0; others < PM_DEVICE_TRIES; ++others) {
    ASSERT_TRUE(numbers_.Put(1, 5));
    uint64_t before = faults();
    run();
    EXPECT_EQ(faults(), before) << "behind " << others << " others";
    numbers_.Remove(1);
    before = faults();
    run();
    EXPECT_EQ(faults(), before + 1) << "gone, beside " << others << " others";
    ASSERT_TRUE(numbers_.Put(1 + (others + 1) * PM_DEVICE_PLACES, 3));
  }
}

}  // namespace
}  // namespace portmatrix
