// SPDX-License-Identifier: Apache-2.0
// The fuzzers' questions without a fuzzer: over their corpora, and over generated frames.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/api_calls.h"
#include "tests/fuzz/capture_reading.h"
#include "tests/fuzz/import_reading.h"
#include "tests/fuzz/packet_seeds.h"
#include "tests/fuzz/parser_agreement.h"
#include "tests/fuzz/policy_reading.h"
#include "tests/support/random_frame.h"
#include "tests/support/random_policy.h"

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::string Contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Difference(std::span<const uint8_t> input) {
  return ParserDifference(FromFuzzer(input));
}

TEST(FuzzCorpus, ParsersAgreeOnEverySeed) {
  const std::vector<PacketSeed> seeds = PacketSeeds();
  EXPECT_GT(seeds.size(), 40u);
  for (const PacketSeed& seed : seeds) EXPECT_EQ(Difference(seed.bytes), "") << seed.name;
}

TEST(FuzzCorpus, ParsersAgreeOnEveryFoundPacket) {
  const std::vector<fs::path> files = FilesIn(fs::path(PORTMATRIX_CORPUS) / "packet");
  EXPECT_GT(files.size(), 10u);
  for (const fs::path& path : files) {
    const std::string bytes = Contents(path);
    EXPECT_EQ(Difference({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}), "")
        << path;
  }
}

TEST(FuzzCorpus, EveryPolicyIsAnsweredWithPlaces) {
  const std::vector<fs::path> files = FilesIn(fs::path(PORTMATRIX_CORPUS) / "policy");
  EXPECT_GT(files.size(), 20u);
  for (const fs::path& path : files) EXPECT_EQ(PolicyProblem(Contents(path)), "") << path;
}

TEST(FuzzCorpus, EveryPortSummaryGivesAPolicyFile) {
  const std::vector<fs::path> files = FilesIn(fs::path(PORTMATRIX_CORPUS) / "import");
  EXPECT_GT(files.size(), 10u);
  for (const fs::path& path : files) EXPECT_EQ(ImportProblem(Contents(path)), "") << path;
}

TEST(FuzzCorpus, EveryCaptureIsReadToItsEnd) {
  const std::vector<fs::path> files = FilesIn(fs::path(PORTMATRIX_CORPUS) / "capture");
  EXPECT_GT(files.size(), 10u);
  for (const fs::path& path : files) EXPECT_EQ(CaptureProblem(Contents(path)), "") << path;
}

TEST(FuzzCorpus, EveryCallOfTheApiIsAnswered) {
  const std::vector<fs::path> files = FilesIn(fs::path(PORTMATRIX_CORPUS) / "api");
  EXPECT_GT(files.size(), 10u);
  for (const fs::path& path : files) EXPECT_EQ(ApiProblem(Contents(path)), "") << path;
}

TEST(FuzzCorpus, ShippedPoliciesAreAnsweredWhole) {
  const std::vector<std::string> rows[] = {
      {"examples/web-server"},
      {"examples/gateway"},
      {"examples/branch-vlan"},
      {"lync-2013-edge/common", "lync-2013-edge/profiles/full"},
      {"lync-2013-edge/common", "lync-2013-edge/profiles/functions"},
  };
  for (const std::vector<std::string>& trees : rows) {
    std::string text;  // as one stream of documents, which is how the fuzzer sees policies
    for (const std::string& tree : trees) {
      for (const fs::path& path : FilesIn(fs::path(PORTMATRIX_POLICIES) / tree)) {
        if (path.extension() == ".yaml") text += "---\n" + Contents(path);
      }
    }
    EXPECT_NE(text, "") << trees.back();
    EXPECT_EQ(PolicyProblem(text), "") << trees.back();
  }
}

TEST(FuzzCorpus, ParsersAgreeOnGeneratedFrames) {
  constexpr uint64_t kFrames = 200000, kFramesAPolicy = 5000;
  uint64_t seed = 1;
  for (uint64_t done = 0; done < kFrames; done += kFramesAPolicy, ++seed) {
    Random random(seed);
    const Node node = RandomNode(random);
    FrameGenerator generator(node, seed);
    for (uint64_t i = 0; i < kFramesAPolicy; ++i) {
      const GeneratedFrame frame = generator.Next();
      // A buffer of its own, so that a sanitizer sees the first byte beyond.
      const auto bytes = std::make_unique<uint8_t[]>(frame.bytes.size());
      std::copy(frame.bytes.begin(), frame.bytes.end(), bytes.get());
      ParserInput input;
      input.frame = {bytes.get(), frame.bytes.size()};
      input.segmented = random.Percent(20);
      if (random.Percent(10)) input.tag = random.Port();
      ASSERT_EQ(ParserDifference(input), "") << "seed " << seed << ", frame " << i;
    }
  }
}

}  // namespace
}  // namespace portmatrix
