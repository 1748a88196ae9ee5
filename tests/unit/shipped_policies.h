// SPDX-License-Identifier: Apache-2.0
// The policies of the folder `policies`, read as the command reads them.
#ifndef PORTMATRIX_TESTS_UNIT_SHIPPED_POLICIES_H_
#define PORTMATRIX_TESTS_UNIT_SHIPPED_POLICIES_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "tests/support/source_tree.h"

namespace portmatrix {

// Any moment: no shipped rule expires before an expectation needs it.
inline constexpr int64_t kNow = 1'790'000'000;

inline std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::filesystem::path PolicyPath(std::string_view path) {
  return SourceTree() / "policies" / path;
}

inline Sources ReadTrees(const std::vector<std::filesystem::path>& roots) {
  Sources sources;
  for (const auto& root : roots) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() == ".yaml") {
        sources.documents.push_back({entry.path().string(), root.string(), ReadText(entry)});
      }
    }
  }
  std::ranges::sort(sources.documents, {}, &SourceFile::path);
  for (const ListFile& list : ListFilesNamedIn(sources)) {
    sources.lists.push_back({list.path, list.root, ReadText(list.path)});
  }
  return sources;
}

// A policy with its diagnostics as text, which are wanted empty everywhere here.
struct Reading {
  Sources sources;
  Policy policy;
  Diagnostics diagnostics;

  explicit Reading(const std::vector<std::filesystem::path>& roots)
      : sources(ReadTrees(roots)), policy(ReadPolicy(sources, diagnostics)) {}

  std::optional<Node> Resolve(std::string_view node) {
    return ResolveNode(policy, sources, node, kNow, diagnostics);
  }
  std::string Complaints() const { return Render(sources, diagnostics); }
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_UNIT_SHIPPED_POLICIES_H_
