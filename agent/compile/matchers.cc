// SPDX-License-Identifier: Apache-2.0
#include "agent/compile/matchers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/policy/sequence_pool.h"
#include "maps/hash_index.h"

namespace portmatrix {
namespace {

// The columns of each line, so that a row costs what its lines cover and not lines times columns.
std::vector<std::vector<uint32_t>> ColumnsOfLines(
    size_t lines, const std::vector<std::vector<uint32_t>>& lines_of_column) {
  std::vector<std::vector<uint32_t>> columns(lines);
  for (uint32_t column = 0; column < lines_of_column.size(); ++column)
    for (const uint32_t line : lines_of_column[column]) columns[line].push_back(column);
  return columns;
}

}  // namespace

size_t MatcherTables::MatchesHash::operator()(const Matches& matches) const {
  size_t hash = matches.size();
  for (const Match* match : matches) hash = MixIn(hash, reinterpret_cast<size_t>(match));
  return hash;
}

MatcherTables::Axis MatcherTables::MakeAxis(const std::vector<Line>& lines,
                                            uint32_t Line::*side) const {
  std::vector<bool> concerned;  // by set
  for (const Line& line : lines) {
    const uint32_t set = line.*side;
    if (set == AddressClasses::kAny) continue;
    if (concerned.size() <= set) concerned.resize(set + 1);
    concerned[set] = true;
  }
  Axis axis;
  axis.of_class.reserve(classes_.members().size());
  SequencePool known;  // rows, by their sets
  std::vector<uint32_t> sets;
  for (const std::vector<uint32_t>& members : classes_.members()) {
    sets.clear();
    for (const uint32_t set : members)
      if (set < concerned.size() && concerned[set]) sets.push_back(set);
    const uint32_t row = known.Add(sets);
    if (row == axis.sets.size()) axis.sets.push_back(sets);
    axis.of_class.push_back(row);
  }
  return axis;
}

MatcherTables::LineLists MatcherTables::LinesOf(const Axis& axis, const std::vector<Line>& lines,
                                                uint32_t Line::*side) {
  std::unordered_map<uint32_t, std::vector<uint32_t>> lines_of_set;
  for (uint32_t i = 0; i < lines.size(); ++i) lines_of_set[lines[i].*side].push_back(i);
  const std::vector<uint32_t>& everywhere = lines_of_set[AddressClasses::kAny];
  LineLists lists;
  lists.reserve(axis.sets.size());
  for (const std::vector<uint32_t>& sets : axis.sets) {
    std::vector<uint32_t> inside = everywhere;
    for (const uint32_t set : sets) {
      const std::vector<uint32_t>& more = lines_of_set[set];
      inside.insert(inside.end(), more.begin(), more.end());
    }
    std::sort(inside.begin(), inside.end());
    lists.push_back(std::move(inside));
  }
  return lists;
}

MatcherTables::Grid MatcherTables::MakeGrid(const std::vector<Line>& lines) const {
  return {MakeAxis(lines, &Line::from), MakeAxis(lines, &Line::to)};
}

std::optional<std::vector<pm_matcher>> MatcherTables::Add(const std::vector<Line>& lines,
                                                          uint32_t local, std::string* limit) {
  Grid whole = MakeGrid(lines);
  if (whole.words() <= most_dense_words_ || lines.empty())
    return AddAll({lines}, {std::move(whole)}, local, limit);
  enum Part { kAnySource, kAnyDestination, kBothNamed, kParts };
  static_assert(kParts <= PM_MATCHERS);
  std::vector<std::vector<Line>> parts(kParts);
  for (const Line& line : lines)
    parts[line.from == AddressClasses::kAny ? kAnySource
          : line.to == AddressClasses::kAny ? kAnyDestination
                                            : kBothNamed]
        .push_back(line);
  std::erase_if(parts, [](const std::vector<Line>& part) { return part.empty(); });
  std::vector<Grid> grids;
  grids.reserve(parts.size());
  for (const std::vector<Line>& part : parts) grids.push_back(MakeGrid(part));
  return AddAll(parts, grids, local, limit);
}

std::optional<pm_matcher> MatcherTables::AddOne(const std::vector<Line>& lines, uint32_t local,
                                                std::string* limit) {
  const auto matchers = AddAll({lines}, {MakeGrid(lines)}, local, limit);
  if (!matchers) return std::nullopt;
  return matchers->front();
}

std::optional<std::vector<pm_matcher>> MatcherTables::AddAll(
    const std::vector<std::vector<Line>>& parts, const std::vector<Grid>& grids, uint32_t local,
    std::string* limit) {
  pm_matcher offsets{};
  if (!AddAxes(grids, local, &offsets, limit)) return std::nullopt;
  std::vector<pm_matcher> matchers(parts.size(), offsets);
  for (size_t i = 0; i < parts.size(); ++i)
    if (!AddPairs(parts[i], grids[i], &matchers[i], limit)) return std::nullopt;
  return matchers;
}

bool MatcherTables::AddAxes(const std::vector<Grid>& grids, uint32_t local, pm_matcher* offsets,
                            std::string* limit) {
  const size_t classes = classes_.members().size();
  const size_t stride = PM_AXIS_STRIDE(grids.size());
  const size_t source = (axes_.size() + stride - 1) / stride * stride;
  const size_t destination = source + classes * stride;
  const size_t words = destination + classes * stride;
  if (words > limits_.axis_words) {
    *limit = fmt::format(
        "{} axis words for {} classes of addresses, the limit is {}: use fewer different address "
        "sets, or fewer interfaces",
        words, classes, limits_.axis_words);
    return false;
  }
  axes_.resize(words);
  for (size_t i = 0; i < grids.size(); ++i) {
    for (size_t c = 0; c < classes; ++c) {
      axes_[source + c * stride + i] = grids[i].rows.of_class[c];
      axes_[destination + c * stride + i] = grids[i].columns.of_class[c];
    }
  }
  for (size_t c = 0; c < classes; ++c) {
    const auto& members = classes_.members()[c];
    if (std::binary_search(members.begin(), members.end(), local))
      axes_[source + c * stride] |= PM_AXIS_LOCAL;
  }
  offsets->source_axis = static_cast<uint32_t>(source);
  offsets->destination_axis = static_cast<uint32_t>(destination);
  return true;
}

bool MatcherTables::AddPairs(const std::vector<Line>& lines, const Grid& grid, pm_matcher* matcher,
                             std::string* limit) {
  matcher->pairs = static_cast<uint32_t>(pairs_.size());
  const bool sparse = grid.words() > most_dense_words_ && grid.columns.sets.size() > 1;
  const size_t words = sparse ? grid.rows.sets.size() : grid.words();
  if (pairs_.size() + words > limits_.pair_words) {
    *limit = fmt::format("{} table words, the limit is {}: use fewer different address sets",
                         pairs_.size() + words, limits_.pair_words);
    return false;
  }
  const LineLists rows = LinesOf(grid.rows, lines, &Line::from);
  const LineLists columns = LinesOf(grid.columns, lines, &Line::to);
  if (sparse) return AddSparseRows(lines, rows, columns, limit);
  matcher->columns = static_cast<uint32_t>(columns.size());
  AddDenseRows(lines, rows, columns);
  return true;
}

void MatcherTables::AddDenseRows(const std::vector<Line>& lines, const LineLists& rows,
                                 const LineLists& columns) {
  const LineLists columns_of_line = ColumnsOfLines(lines.size(), columns);
  LineLists in_column(columns.size());
  for (const auto& row : rows) {
    for (auto& list : in_column) list.clear();
    for (const uint32_t line : row)
      for (const uint32_t column : columns_of_line[line]) in_column[column].push_back(line);
    for (size_t column = 0; column < in_column.size(); ++column) {
      const bool same = column > 0 && in_column[column] == in_column[column - 1];
      pairs_.push_back(same ? pairs_.back() : TreeOf(lines, in_column[column]));
    }
  }
}

bool MatcherTables::AddSparseRows(const std::vector<Line>& lines, const LineLists& rows,
                                  const LineLists& columns, std::string* limit) {
  const LineLists columns_of_line = ColumnsOfLines(lines.size(), columns);
  std::vector<std::pair<uint32_t, uint32_t>> cells;  // column and line
  for (const auto& row : rows) {
    cells.clear();
    for (const uint32_t line : row)
      for (const uint32_t column : columns_of_line[line]) cells.emplace_back(column, line);
    std::sort(cells.begin(), cells.end());
    Intervals references;
    uint32_t next = 0;  // column behind those that are done
    for (size_t i = 0; i < cells.size();) {
      const uint32_t column = cells[i].first;
      std::vector<uint32_t> list;
      for (; i < cells.size() && cells[i].first == column; ++i) list.push_back(cells[i].second);
      if (column > next) Append(next, 0u, &references);
      Append(column, TreeOf(lines, list), &references);
      next = column + 1;
    }
    Append(next, 0u, &references);
    pairs_.push_back(trees_->Add(references));
    if (trees_->blocks().size() > limits_.tree_blocks) {
      *limit = fmt::format("more than {} tree blocks: use fewer different address sets and ports",
                           limits_.tree_blocks);
      return false;
    }
  }
  return true;
}

uint32_t MatcherTables::TreeOf(const std::vector<Line>& lines, const std::vector<uint32_t>& list) {
  // Failsafe entries have no number of their own, so their matches tell them apart.
  Matches matches;
  matches.reserve(list.size());
  for (const uint32_t line : list) matches.push_back(lines[line].candidate.match);
  const auto [known, added] = tree_of_matches_.try_emplace(std::move(matches), 0);
  if (added) {
    std::vector<Candidate> candidates;
    candidates.reserve(list.size());
    for (const uint32_t line : list) candidates.push_back(lines[line].candidate);
    known->second = AddServiceTree(candidates, trees_);
  }
  return known->second;
}

}  // namespace portmatrix
