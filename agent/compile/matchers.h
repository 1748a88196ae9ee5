// SPDX-License-Identifier: Apache-2.0
// The tables by which one direction of one interface finds its first matching rule from the classes
// of both addresses (maps/layout.h, struct pm_matcher).
#ifndef PORTMATRIX_AGENT_COMPILE_MATCHERS_H_
#define PORTMATRIX_AGENT_COMPILE_MATCHERS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/compile/address_classes.h"
#include "agent/compile/service_tree.h"
#include "maps/layout.h"

namespace portmatrix {

// The most that the tables of one image may hold.
inline constexpr size_t kMaxAxisWords = size_t{64} << 20;  // 256 MiB
inline constexpr size_t kMaxPairWords = size_t{64} << 20;  // 256 MiB
inline constexpr size_t kMaxTreeBlocks = size_t{4} << 20;  // 256 MiB

// Others are for tests.
struct TableLimits {
  size_t axis_words = kMaxAxisWords;
  size_t pair_words = kMaxPairWords;
  size_t tree_blocks = kMaxTreeBlocks;
};

// A table of rows and columns that would be larger is not made: rules that name both sides are
// parted from those that name one, and rows hold only what differs from column to column.
inline constexpr size_t kMostDenseWords = size_t{1} << 18;  // 1 MiB

// One rule or failsafe entry of an interface's direction, its addresses as set numbers.
struct Line {
  Candidate candidate;
  uint32_t from = 0;
  uint32_t to = 0;
};

class MatcherTables {
 public:
  // Both must outlive it; `classes` are cut.
  MatcherTables(const AddressClasses& classes, TreeTable* trees, size_t most_dense_words,
                const TableLimits& limits)
      : classes_(classes), trees_(trees), most_dense_words_(most_dense_words), limits_(limits) {}

  // Matchers for `lines`, in order of judgement: one to PM_MATCHERS. Source axes mark the classes
  // that set `local` contains. Nothing, with the reason in `*limit`, if a table would outgrow its
  // limit.
  std::optional<std::vector<pm_matcher>> Add(const std::vector<Line>& lines, uint32_t local,
                                             std::string* limit);

  // One matcher for all of `lines`, whatever it takes.
  std::optional<pm_matcher> AddOne(const std::vector<Line>& lines, uint32_t local,
                                   std::string* limit);

  const std::vector<uint32_t>& axes() const { return axes_; }
  const std::vector<uint32_t>& pairs() const { return pairs_; }

 private:
  // Rows or columns: the classes as some lines tell them apart.
  struct Axis {
    std::vector<uint32_t> of_class;           // class to row
    std::vector<std::vector<uint32_t>> sets;  // row to the lines' sets that contain it, ascending
  };
  struct Grid {
    Axis rows;
    Axis columns;
    size_t words() const { return rows.sets.size() * columns.sets.size(); }
  };
  // By row or column: the lines that contain it, ascending.
  using LineLists = std::vector<std::vector<uint32_t>>;
  using Matches = std::vector<const Match*>;
  struct MatchesHash {
    size_t operator()(const Matches& matches) const;
  };

  Axis MakeAxis(const std::vector<Line>& lines, uint32_t Line::*side) const;
  Grid MakeGrid(const std::vector<Line>& lines) const;
  static LineLists LinesOf(const Axis& axis, const std::vector<Line>& lines, uint32_t Line::*side);
  // The matchers of one direction, a grid for each.
  std::optional<std::vector<pm_matcher>> AddAll(const std::vector<std::vector<Line>>& parts,
                                                const std::vector<Grid>& grids, uint32_t local,
                                                std::string* limit);
  bool AddAxes(const std::vector<Grid>& grids, uint32_t local, pm_matcher* offsets,
               std::string* limit);
  bool AddPairs(const std::vector<Line>& lines, const Grid& grid, pm_matcher* matcher,
                std::string* limit);
  void AddDenseRows(const std::vector<Line>& lines, const LineLists& rows,
                    const LineLists& columns);
  bool AddSparseRows(const std::vector<Line>& lines, const LineLists& rows,
                     const LineLists& columns, std::string* limit);
  uint32_t TreeOf(const std::vector<Line>& lines, const std::vector<uint32_t>& list);

  const AddressClasses& classes_;
  TreeTable* trees_;
  const size_t most_dense_words_;
  const TableLimits limits_;
  std::vector<uint32_t> axes_, pairs_;
  std::unordered_map<Matches, uint32_t, MatchesHash> tree_of_matches_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_COMPILE_MATCHERS_H_
