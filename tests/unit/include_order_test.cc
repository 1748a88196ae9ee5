// SPDX-License-Identifier: Apache-2.0
// The order of the folders: who may include what. maps/layout.h < maps < agent/policy <
// agent/compile < agent/datapath < agent < tools, and bpf meets the rest only through maps/layout.h
// and the skeleton generated from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/source_tree.h"

namespace {

using std::string;
using std::string_view;
using testing::ElementsAreArray;
using testing::IsEmpty;

// What one place may include. A name that ends with `/` stands for all below it. Standard C++
// headers may, but in what is shared with the kernel program.
struct Law {
  string_view place;              // a file, or a folder; the longest that fits a file holds for it
  std::vector<string_view> ours;  // of this tree
  std::optional<std::vector<string_view>>
      theirs;  // of libraries and system; absent: everything but `never`
  std::vector<string_view> never = {};
  bool is_shared = false;  // with the kernel program, which has no standard headers
};

// Clang 14, which builds the fuzzers, cannot read what GCC 12 has there. (std::ranges::sort and the
// like stand in <algorithm>.)
constexpr string_view kUnreadable = "ranges";
constexpr string_view kSkeleton = ".skel.h";  // generated from bpf/, included by its bare name
constexpr string_view kFolders[] = {"maps/", "bpf/", "agent/", "tools/", "tests/"};

const std::vector<Law>& Laws() {
  static const std::vector<Law> kLaws = {
      {"maps/terms.h", {}, {{"linux/types.h"}}, {}, true},
      {"maps/image_layout.h", {"maps/terms.h"}, {{}}, {}, true},
      {"maps/state_layout.h", {"maps/terms.h"}, {{}}, {}, true},
      {"maps/reader_layout.h", {"maps/terms.h"}, {{}}, {}, true},
      {"maps/layout.h",
       {"maps/terms.h", "maps/image_layout.h", "maps/state_layout.h", "maps/reader_layout.h"},
       {{}},
       {},
       true},
      {"maps/event_layout.h", {"maps/layout.h"}, {{"linux/types.h"}}, {}, true},
      {"maps/front.h", {"maps/layout.h"}, {{}}, {}, true},
      {"maps/", {"maps/"}, {{"arpa/inet.h"}}},
      {"bpf/",
       {"maps/layout.h", "maps/event_layout.h", "maps/front.h", "bpf/"},
       {{"linux/", "bpf/", "stdbool.h", "stddef.h"}}},
      {"agent/policy/",
       {"maps/", "agent/policy/"},
       {{"yaml-cpp/", "fmt/", "arpa/inet.h", "netinet/in.h"}}},
      {"agent/compile/", {"maps/", "agent/policy/", "agent/compile/"}, {{"fmt/", "netinet/in.h"}}},
      // Libraries never log, and texts for people and machines are made above this folder.
      {"agent/datapath/",
       {"maps/", "agent/datapath/", kSkeleton},
       std::nullopt,
       {"glog/", "gflags/", "yaml-cpp/", "nlohmann/", "http_parser.h", "microhttpd.h",
        "prometheus/", "systemd/"}},
      {"agent/", {"maps/", "agent/"}, std::nullopt},
      {"tools/", {"maps/", "agent/", "tools/", kSkeleton}, std::nullopt},
  };
  return kLaws;
}

bool Fits(string_view name, string_view pattern) {
  if (pattern == kSkeleton) return name.ends_with(pattern);
  return pattern.ends_with('/') ? name.starts_with(pattern) : name == pattern;
}

bool FitsAny(string_view name, const std::vector<string_view>& patterns) {
  return std::ranges::any_of(patterns, [&](string_view pattern) { return Fits(name, pattern); });
}

const Law* LawOf(string_view path) {
  const Law* found = nullptr;
  for (const Law& law : Laws()) {
    if (Fits(path, law.place) && (!found || law.place.size() > found->place.size())) found = &law;
  }
  return found;
}

struct Include {
  string name;
  char opening;  // `"` or `<`
};

std::optional<Include> ParseInclude(string_view line) {
  const auto skip = [&](string_view word) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.starts_with(word)) return false;
    line.remove_prefix(word.size());
    return true;
  };
  if (!skip("#") || !skip("include") || !skip("") || line.empty()) return std::nullopt;
  const char opening = line.front();
  if (opening != '"' && opening != '<') return std::nullopt;
  const size_t end = line.find(opening == '<' ? '>' : '"', 1);
  if (end == string_view::npos) return std::nullopt;
  return Include{string(line.substr(1, end - 1)), opening};
}

// The path in this tree that an include of `path` names, or nothing if it is a header of a library
// or the system.
std::optional<string> InThisTree(string_view path, const Include& include) {
  const string& name = include.name;
  for (string_view folder : kFolders) {
    // libbpf's headers share a folder's name; they stand in angle brackets.
    if (name.starts_with(folder) && !(include.opening == '<' && folder == "bpf/")) return name;
  }
  if (include.opening == '<') return std::nullopt;
  if (name.find('/') != string::npos && !name.starts_with(".")) return std::nullopt;
  if (name.ends_with(kSkeleton)) return name;
  return (std::filesystem::path(path).parent_path() / name).lexically_normal().string();
}

bool Allowed(const Law& law, string_view path, const Include& include) {
  if (include.name == kUnreadable) return false;
  if (const auto ours = InThisTree(path, include)) return FitsAny(*ours, law.ours);
  const bool standard = include.name.find_first_of("./") == string::npos;
  if (law.theirs) return (standard && !law.is_shared) || FitsAny(include.name, *law.theirs);
  return !FitsAny(include.name, law.never);
}

// One line for each include of the file `path` that the law of its place does not allow.
std::vector<string> Violations(string_view path, string_view text) {
  const Law* law = LawOf(path);
  std::vector<string> found;
  if (!law) return found;
  std::istringstream lines{string(text)};
  string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const auto include = ParseInclude(line);
    if (!include || Allowed(*law, path, *include)) continue;
    found.push_back(string(path) + ":" + std::to_string(number) + ": " + string(law->place) +
                    " may not include " + include->name);
  }
  return found;
}

struct Case {
  string_view name;
  string_view path;
  string_view text;
  std::vector<string> violations;

  friend void PrintTo(const Case& row, std::ostream* out) { *out << row.name; }
};

class IncludeOrder : public testing::TestWithParam<Case> {};

TEST_P(IncludeOrder, FindsWhatTheLawForbids) {
  EXPECT_THAT(Violations(GetParam().path, GetParam().text),
              ElementsAreArray(GetParam().violations));
}

const Case kCases[] = {
    {"LayoutTakesTypesAlone",
     "maps/terms.h",
     "#include <linux/types.h>\n#include <cstdint>\n#include <linux/bpf.h>\n",
     {"maps/terms.h:2: maps/terms.h may not include cstdint",
      "maps/terms.h:3: maps/terms.h may not include linux/bpf.h"}},
    {"LayoutIsItsPartsAlone",
     "maps/layout.h",
     "#include \"maps/terms.h\"\n#include \"maps/image.h\"\n#include <cstdint>\n",
     {"maps/layout.h:2: maps/layout.h may not include maps/image.h",
      "maps/layout.h:3: maps/layout.h may not include cstdint"}},
    {"MapsKnowNobody",
     "maps/image.cc",
     "#include \"maps/image.h\"\n#include <vector>\n#include \"agent/policy/model.h\"\n",
     {"maps/image.cc:3: maps/ may not include agent/policy/model.h"}},
    {"KernelSideMeetsOnlyTheLayout",
     "bpf/filter.bpf.c",
     "#include <bpf/bpf_helpers.h>\n#include \"parse.h\"\n#include \"../maps/layout.h\"\n#include "
     "\"../maps/image.h\"\n",
     {"bpf/filter.bpf.c:4: bpf/ may not include ../maps/image.h"}},
    {"PolicyReadsYamlButDoesNotLog",
     "agent/policy/parse.cc",
     "#include <yaml-cpp/yaml.h>\n\n#include <glog/logging.h>\n",
     {"agent/policy/parse.cc:3: agent/policy/ may not include glog/logging.h"}},
    {"PolicyTouchesNoKernel",
     "agent/policy/a.h",
     "#include <sys/syscall.h>\n#include \"bpf/parse.h\"\n",
     {"agent/policy/a.h:1: agent/policy/ may not include sys/syscall.h",
      "agent/policy/a.h:2: agent/policy/ may not include bpf/parse.h"}},
    {"PolicyDoesNotLookUp",
     "agent/policy/a.h",
     "#include \"../compile/compile.h\"\n",
     {"agent/policy/a.h:1: agent/policy/ may not include ../compile/compile.h"}},
    {"CompileTakesPolicyNotDatapath",
     "agent/compile/a.cc",
     "#include \"agent/policy/model.h\"\n#include <agent/datapath/load.h>\n",
     {"agent/compile/a.cc:2: agent/compile/ may not include agent/datapath/load.h"}},
    {"DatapathTakesSkeletonNotPolicy",
     "agent/datapath/load.cc",
     "#include \"portmatrix.skel.h\"\n#include <bpf/libbpf.h>\n#include <unistd.h>\n#include "
     "\"agent/policy/model.h\"\n"
     "#include <glog/logging.h>\n",
     {"agent/datapath/load.cc:4: agent/datapath/ may not include agent/policy/model.h",
      "agent/datapath/load.cc:5: agent/datapath/ may not include glog/logging.h"}},
    {"AgentTakesAllBelowIt",
     "agent/apply.cc",
     "#include \"agent/datapath/datapath.h\"\n#include <glog/logging.h>\n#include "
     "\"tools/table.h\"\n",
     {"agent/apply.cc:3: agent/ may not include tools/table.h"}},
    {"AgentReachesTheProgramThroughDatapath",
     "agent/main.cc",
     "#include \"portmatrix.skel.h\"\n",
     {"agent/main.cc:1: agent/ may not include portmatrix.skel.h"}},
    {"ToolsTakeNoTests",
     "tools/main.cc",
     "#include \"agent/apply.h\"\n#  include \"tests/support/random.h\"\n",
     {"tools/main.cc:2: tools/ may not include tests/support/random.h"}},
    {"FuzzersCompilerReadsAll",
     "agent/start.cc",
     "#include <algorithm>\n#include <ranges>\n",
     {"agent/start.cc:2: agent/ may not include ranges"}},
    {"CommentsAndTextAreNoIncludes",
     "maps/a.h",
     "// #include \"agent/a.h\"\nauto x = \"#include <a/b.h>\";\n#include\n",
     {}},
    {"TestsMayAll", "tests/unit/a.cc", "#include \"tools/table.h\"\n", {}},
};

INSTANTIATE_TEST_SUITE_P(Table, IncludeOrder, testing::ValuesIn(kCases),
                         [](const auto& info) { return string(info.param.name); });

TEST(IncludeOrderOfThisTree, Holds) {
  namespace fs = std::filesystem;
  const fs::path root = portmatrix::SourceTree();
  const std::vector<string> extensions = {".h", ".c", ".cc", ".inc"};
  std::vector<string> violations, seen;
  for (string_view folder : {"maps", "bpf", "agent", "tools"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() ||
          std::ranges::count(extensions, entry.path().extension().string()) == 0)
        continue;
      const string path = entry.path().lexically_relative(root).string();
      std::ifstream file(entry.path());
      const string text{std::istreambuf_iterator<char>(file), {}};
      seen.push_back(path);
      for (string& line : Violations(path, text)) violations.push_back(std::move(line));
    }
  }
  std::ranges::sort(violations);
  EXPECT_THAT(violations, IsEmpty());
  EXPECT_THAT(seen, testing::Contains("maps/layout.h"));
}

}  // namespace
