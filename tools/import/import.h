// SPDX-License-Identifier: Apache-2.0
// A vendor's port summary as matrices: every row is a rule, or is reported and kept as a comment.
// Nothing is guessed. Whoever the tables speak of becomes a set without addresses.
#ifndef PORTMATRIX_TOOLS_IMPORT_IMPORT_H_
#define PORTMATRIX_TOOLS_IMPORT_IMPORT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/model.h"
#include "tools/import/service_cell.h"

namespace portmatrix {

struct ImportOptions {
  std::string name;     // of the file; names matrices that nothing else names
  bool csv = false;     // else Markdown or HTML
  bool narrow = false;  // where "any" may be defined as somebody: take somebody
};

// One side of a rule.
struct ImportedParty {
  std::vector<std::string> terms;  // as `from` and `to` take them: "any", a set, prefixes
  std::string text;                // the cell
  std::string narrowing;           // what "any" may be defined as
};

// A row of the file; a row that names several services with ports of their own makes several rules.
struct ImportedRow {
  struct Rule {
    std::string id;
    CellService service;
  };
  size_t line = 0;
  size_t number = 0;  // in its table, from 1
  std::string text;   // the cells, in one line
  std::string problem;
  std::vector<Rule> rules;  // none with a problem
  ImportedParty from;
  ImportedParty to;
  std::vector<PortRange> source_ports;
  std::string direction;  // empty: follows from the addresses
  bool deny = false;
  std::string description;
};

struct ImportedMatrix {
  std::string name;
  std::string heading;
  size_t line = 0;
  std::vector<ImportedRow> rows;
};

struct SetUse {
  std::string matrix;
  size_t row = 0;
  bool operator==(const SetUse&) const = default;
};

struct ImportedSet {
  std::string name;
  std::string text;  // who is meant, in the file's words
  std::vector<SetUse> uses;
};

struct ImportRemark {
  size_t line = 0;
  std::string message;
  bool problem = false;  // part of the file was not understood; else only worth saying
};

struct Import {
  std::vector<ImportedMatrix> matrices;
  std::vector<ImportedSet> sets;      // in the order of first use
  std::vector<ImportRemark> remarks;  // in the order of the file; a problem for each such row

  size_t rows() const;
  size_t problems() const;  // remarks that are problems
};

// `text` of at most kMaxImportBytes. Without a port summary in it, no matrices.
Import ImportTables(std::string_view text, const ImportOptions& options);

// Why `text` cannot be read at all: too large, no UTF-8. Empty if it can.
std::string WhyNoText(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_IMPORT_H_
