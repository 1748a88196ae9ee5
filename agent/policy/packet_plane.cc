// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/packet_plane.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "agent/policy/packet_classes.h"
#include "agent/policy/sequence_pool.h"

namespace portmatrix {
namespace {

// The first of both sets from `member` on and before `end`; or `end`.
uint32_t FirstOfBoth(MemberBits left, MemberBits right, uint32_t member, uint32_t end) {
  uint64_t mask = ~uint64_t{0} << (member % kMemberBits);
  for (size_t word = member / kMemberBits; word * kMemberBits < end; ++word) {
    const uint64_t both = left[word] & right[word] & mask;
    mask = ~uint64_t{0};
    if (both == 0) continue;
    const auto found =
        static_cast<uint32_t>(word * kMemberBits) + static_cast<uint32_t>(std::countr_zero(both));
    return std::min(found, end);
  }
  return end;
}

class Sweep {
 public:
  // Classes `begin` to `end` of the swept axis have the label at one class of the other.
  struct Run {
    uint32_t row;
    uint32_t label;
    uint32_t begin;
    uint32_t end;
  };

  Sweep(const PacketQuestion& question, const PlaneMembers& members, const PacketClasses& columns,
        const PacketClasses& rows, WorkBudget& budget)
      : question_(question),
        members_(members),
        columns_(columns),
        rows_(rows),
        budget_(budget),
        end_of_(question.lists),
        first_(rows.size() * question.lists),
        labels_(rows.size()),
        touched_(rows.size()) {
    for (const uint32_t match : members.matches) {
      list_of_.push_back(question.matches[match].list);
      end_of_[list_of_.back()] = static_cast<uint32_t>(list_of_.size());
    }
    for (size_t row = 0; row < rows.size(); ++row) {
      std::ranges::copy(end_of_, first_.begin() + static_cast<ptrdiff_t>(row * question.lists));
    }
    FindRows();
  }

  // Runs of labels but zero, by row, label, columns.
  std::vector<Run> Runs() {
    const std::vector<uint64_t> nobody(columns_.words());
    for (uint32_t row = 0; row < rows_.size(); ++row) Touch(row);
    MemberBits before = nobody;
    for (uint32_t column = 0; column < columns_.size() && !budget_.used_up(); ++column) {
      const MemberBits now = columns_.at(column);
      Move(before, now);
      for (const uint32_t row : changed_) Relabel(row, column);
      changed_.clear();
      before = now;
    }
    const auto end = static_cast<uint32_t>(columns_.size());
    for (uint32_t row = 0; row < rows_.size(); ++row) Close(row, end);
    std::ranges::sort(runs_, {},
                      [](const Run& run) { return std::tuple(run.row, run.label, run.begin); });
    budget_.Spend(runs_.size() * 16);
    return std::move(runs_);
  }

 private:
  // Which rows each member holds.
  void FindRows() {
    std::vector<uint32_t> counts(members_.matches.size() + 1);
    const auto for_each = [&](auto visit) {
      for (uint32_t row = 0; row < rows_.size(); ++row) {
        ForEachMember(rows_.at(row), [&](size_t member) { visit(row, member); });
      }
    };
    for_each([&](uint32_t, size_t member) { ++counts[member + 1]; });
    for (size_t member = 1; member < counts.size(); ++member) counts[member] += counts[member - 1];
    rows_of_.resize(counts.back());
    rows_begin_ = counts;
    for_each([&](uint32_t row, size_t member) { rows_of_[counts[member]++] = row; });
    budget_.Spend(rows_of_.size() + counts.size());
  }

  std::span<const uint32_t> RowsOf(uint32_t member) const {
    return std::span(rows_of_).subspan(rows_begin_[member],
                                       rows_begin_[member + 1] - rows_begin_[member]);
  }

  // To the next column: members come and go.
  void Move(MemberBits before, MemberBits now) {
    for (size_t word = 0; word < now.size(); ++word) {
      for (uint64_t left = before[word] ^ now[word]; left != 0; left &= left - 1) {
        const auto bit = static_cast<uint32_t>(std::countr_zero(left));
        const uint32_t member = static_cast<uint32_t>(word * kMemberBits) + bit;
        const bool comes = (now[word] >> bit & 1) != 0;
        const uint32_t list = list_of_[member];
        const std::span<const uint32_t> rows = RowsOf(member);
        budget_.Spend(rows.size());
        for (const uint32_t row : rows) {
          uint32_t& first = first_[row * question_.lists + list];
          if (comes ? member >= first : member != first) continue;
          first = comes ? member : FirstOfBoth(now, rows_.at(row), member, end_of_[list]);
          if (!touched_[row]) Touch(row);
        }
      }
    }
    budget_.Spend(now.size());
  }

  void Touch(uint32_t row) {
    touched_[row] = true;
    changed_.push_back(row);
  }

  void Relabel(uint32_t row, uint32_t column) {
    touched_[row] = false;
    asked_.clear();
    for (uint32_t list = 0; list < question_.lists; ++list) {
      const uint32_t member = first_[row * question_.lists + list];
      asked_.push_back(member == end_of_[list] ? kNoMatch : members_.matches[member]);
    }
    const uint32_t label = question_.label(asked_);
    budget_.Spend(8);
    if (label == labels_[row].label) return;
    Close(row, column);
    labels_[row] = {label, column};
  }

  void Close(uint32_t row, uint32_t column) {
    const auto& [label, since] = labels_[row];
    if (label != 0) runs_.push_back({row, label, since, column - 1});
  }

  struct Labelled {
    uint32_t label = 0;
    uint32_t since = 0;
  };

  const PacketQuestion& question_;
  const PlaneMembers& members_;
  const PacketClasses& columns_;
  const PacketClasses& rows_;
  WorkBudget& budget_;
  std::vector<uint32_t> list_of_;  // by member
  std::vector<uint32_t> end_of_;   // of each list, behind its last member
  std::vector<uint32_t> rows_of_, rows_begin_;
  std::vector<uint32_t> first_;  // of each list, row by row; the list's end where nobody matches
  std::vector<Labelled> labels_;
  std::vector<bool> touched_;
  std::vector<uint32_t> changed_;
  std::vector<size_t> asked_;
  std::vector<Run> runs_;
};

// Joins rows of one label that have it in the same columns.
class Rectangles {
 public:
  Rectangles(const PacketClasses& columns, const PacketClasses& rows, WorkBudget& budget)
      : columns_(columns), rows_(rows), budget_(budget) {}

  void Add(const std::vector<Sweep::Run>& runs) {
    std::vector<uint32_t> key;
    for (size_t begin = 0, end = 0; begin < runs.size(); begin = end) {
      const Sweep::Run& run = runs[begin];
      key = {run.label};
      for (; end < runs.size() && runs[end].row == run.row && runs[end].label == run.label; ++end) {
        key.push_back(runs[end].begin);
        key.push_back(runs[end].end);
      }
      const SequencePool::Id id = keys_.Add(key);
      if (id == made_.size()) made_.emplace_back();
      Values& rows = made_[id];
      if (!rows.empty() && rows.back().last + 1 == run.row) {
        rows.back().last = run.row;
      } else {
        rows.push_back({run.row, run.row});
      }
    }
  }

  // visit(label, values of columns, values of rows), as found.
  template <typename Visitor>
  void ForEach(Visitor visit) {
    for (SequencePool::Id id = 0; id < made_.size(); ++id) {
      const std::span<const uint32_t> key = keys_.at(id);
      Values columns;
      for (size_t i = 1; i < key.size(); i += 2) columns.push_back({key[i], key[i + 1]});
      const Values column_values = columns_.ValuesOf(columns, budget_);
      const Values row_values = rows_.ValuesOf(made_[id], budget_);
      budget_.Spend(16);
      visit(key[0], column_values, row_values);
    }
  }

 private:
  const PacketClasses& columns_;
  const PacketClasses& rows_;
  WorkBudget& budget_;
  SequencePool keys_;         // label, columns
  std::vector<Values> made_;  // rows, by key
};

}  // namespace

std::vector<Rectangle> CutPlane(const PacketQuestion& question, const PlaneMembers& members,
                                PacketAxis swept, PacketAxes& axes, WorkBudget& budget) {
  const bool by_source = swept == PacketAxis::kFrom;
  const PacketAxis kept = by_source ? PacketAxis::kTo : PacketAxis::kFrom;
  const PacketClasses columns(axes, swept, by_source ? members.from : members.to, members.matters,
                              budget);
  const PacketClasses rows(axes, kept, by_source ? members.to : members.from, members.matters,
                           budget);
  if (budget.used_up()) return {};
  Rectangles joined(columns, rows, budget);
  joined.Add(Sweep(question, members, columns, rows, budget).Runs());
  std::vector<Rectangle> rectangles;
  joined.ForEach([&](uint32_t label, const Values& column_values, const Values& row_values) {
    const ValuePool::Id along = axes.pool().Add(column_values, axes.Greatest(swept));
    const ValuePool::Id across = axes.pool().Add(row_values, axes.Greatest(kept));
    rectangles.push_back({label, by_source ? along : across, by_source ? across : along});
  });
  return rectangles;
}

}  // namespace portmatrix
