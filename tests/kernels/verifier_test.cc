// SPDX-License-Identifier: Apache-2.0
// The kernel program as clang 14, 16 and 19 make it, loaded on the kernel that runs, and what its
// verifier had to do for it. PORTMATRIX_OBJECTS names the folder of the objects (else `objects`
// beside this program).
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/kernels/verifier_counts.h"
#include "tests/support/source_tree.h"

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLogBytes = 1 << 20;
constexpr uint32_t kStatistics = 4;  // BPF_LOG_STATS, include/linux/bpf_verifier.h

struct Close {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, Close>;

fs::path Objects() {
  if (const char* folder = std::getenv("PORTMATRIX_OBJECTS")) return folder;
  return fs::read_symlink("/proc/self/exe").parent_path() / "objects";
}

// "6.1" of "6.1.0-56-cloud-amd64".
std::string Series() {
  utsname name{};
  uname(&name);
  const std::string release = name.release;
  return release.substr(0, release.find('.', release.find('.') + 1));
}

VerifierRecord Record() {
  std::ifstream file(SourceTree() / "tests/kernels/verifier_counts.txt");
  return ReadVerifierRecord(file).value_or(VerifierRecord());
}

class VerifierTest : public testing::TestWithParam<const char*> {};

TEST_P(VerifierTest, LoadsTheObjectWithinTheRecordedCounts) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
  const std::string compiler = GetParam();
  const fs::path path = Objects() / (compiler + ".bpf.o");
  if (!fs::exists(path))
    GTEST_SKIP() << path << " is missing: tools/build --tests installs " << compiler;
  const Object object(bpf_object__open_file(path.c_str(), nullptr));
  ASSERT_NE(object, nullptr) << path;
  // The sizes are the agent's to give; the verifier does not ask for them.
  bpf_map* map;
  bpf_object__for_each_map(map, object.get()) {
    const std::string name = bpf_map__name(map);
    if (name == "rule_counters" || name == "names") bpf_map__set_max_entries(map, 64);
    if (name == "flows") bpf_map__set_max_entries(map, 1024);
    if (name == "fragments") bpf_map__set_max_entries(map, 256);
  }
  std::vector<std::vector<char>> logs;
  bpf_program* program;
  bpf_object__for_each_program(program, object.get()) {
    logs.emplace_back(kLogBytes);
    bpf_program__set_log_buf(program, logs.back().data(), logs.back().size());
    bpf_program__set_log_level(program, kStatistics);
  }
  const int failed = bpf_object__load(object.get());
  size_t index = 0;
  bpf_object__for_each_program(program, object.get()) {
    const std::string log = logs[index++].data();
    const std::string name = Series() + " " + compiler + " " + bpf_program__name(program);
    ASSERT_EQ(failed, 0) << name << "\n" << log;
    const std::optional<VerifierCounts> counts = ReadVerifierLog(log);
    ASSERT_TRUE(counts) << log;
    // What tests/kernels/record takes.
    std::printf("recorded: %s %lu %lu %lu\n", name.c_str(), counts->instructions, counts->states,
                counts->peak_states);
    EXPECT_EQ(WhyTooMuch(name, *counts, Record()), "");
  }
  EXPECT_EQ(index, 2u);
}

INSTANTIATE_TEST_SUITE_P(Compilers, VerifierTest,
                         testing::Values("clang-14", "clang-16", "clang-19"), [](const auto& row) {
                           std::string name = row.param;
                           name.erase(name.find('-'), 1);
                           return name;
                         });

}  // namespace
}  // namespace portmatrix
