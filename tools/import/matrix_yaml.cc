// SPDX-License-Identifier: Apache-2.0
#include "tools/import/matrix_yaml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agent/policy/utf8.h"
#include "tools/import/plain_text.h"
#include "tools/import/port_text.h"

namespace portmatrix {
namespace {

constexpr size_t kMaxDescriptionBytes = 1000;
constexpr size_t kShownUses = 8;

// In double quotes, whatever it is.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : Printable(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string Comment(const std::string& indent, const std::string& text) {
  std::string line = fmt::format("{}# {}", indent, Printable(OneLine(text)));
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

// "x", or "[x, y]".
std::string Listed(const std::vector<std::string>& texts) {
  return texts.size() == 1 ? texts.front() : fmt::format("[{}]", fmt::join(texts, ", "));
}

std::string PortList(const std::vector<PortRange>& ports) {
  const bool one = ports.size() == 1;
  return one ? PortsText(ports) : fmt::format("[{}]", PortsText(ports));
}

std::string RuleYaml(const ImportedRow& row, const ImportedRow::Rule& rule) {
  std::string yaml = fmt::format("  - id: {}\n", rule.id);
  const auto add = [&yaml](const char* key, const std::string& value) {
    yaml += fmt::format("    {}: {}\n", key, value);
  };
  if (!row.description.empty())
    add("description", Quoted(Shortened(row.description, kMaxDescriptionBytes)));
  add("from", Listed(row.from.terms));
  add("to", Listed(row.to.terms));
  add("protocol", Listed(rule.service.protocols));
  if (!rule.service.ports.empty()) add("ports", PortList(rule.service.ports));
  if (!row.source_ports.empty()) add("source_ports", PortList(row.source_ports));
  if (rule.service.icmp_type) add("icmp_type", std::to_string(*rule.service.icmp_type));
  if (row.deny) add("action", "deny");
  if (!row.direction.empty()) add("direction", row.direction);
  return yaml;
}

std::string RowYaml(const ImportedRow& row) {
  std::string yaml = "\n";
  if (!row.problem.empty()) {
    yaml += Comment(
        "  ", fmt::format("NOT IMPORTED, row {} (line {}): {}", row.number, row.line, row.problem));
    return yaml + Comment("  ", "  " + row.text);
  }
  yaml += Comment("  ", fmt::format("row {} (line {}): {}", row.number, row.line, row.text));
  for (const ImportedParty* party : {&row.from, &row.to}) {
    if (!party->narrowing.empty())
      yaml += Comment("  ", fmt::format("{} may be defined as: {}",
                                        party == &row.from ? "from" : "to", party->narrowing));
  }
  for (const ImportedRow::Rule& rule : row.rules) yaml += RuleYaml(row, rule);
  return yaml;
}

std::string MatrixDocument(const ImportedMatrix& matrix) {
  std::string yaml = fmt::format("---\nmatrix: {}\n", matrix.name);
  if (!matrix.heading.empty())
    yaml += fmt::format("description: {}\n",
                        Quoted(Shortened(OneLine(TidyText(matrix.heading)), kMaxDescriptionBytes)));
  size_t rules = 0;
  std::string rows;
  for (const ImportedRow& row : matrix.rows) {
    rules += row.rules.size();
    rows += RowYaml(row);
  }
  return yaml + (rules == 0 ? "rules: []\n" : "rules:\n") + rows;
}

// "external rows 2, 3 and 7 more, xmpp row 1"
std::string UsesText(const std::vector<SetUse>& uses) {
  std::string text;
  for (size_t i = 0; i < uses.size();) {
    std::string rows;
    size_t count = 0;
    const std::string& matrix = uses[i].matrix;
    for (; i < uses.size() && uses[i].matrix == matrix; ++i, ++count) {
      if (count < kShownUses) rows += fmt::format("{}{}", count == 0 ? "" : ", ", uses[i].row);
    }
    if (count > kShownUses) rows += fmt::format(" and {} more", count - kShownUses);
    if (!text.empty()) text += "; ";
    text += fmt::format("{} {} {}", matrix, count == 1 ? "row" : "rows", rows);
  }
  return text;
}

std::string SetsDocument(const Import& import) {
  std::string yaml =
      "---\n"
      "# Sets to fill in: whoever the tables speak of. An empty set matches nobody. Where two "
      "names "
      "mean the same\n"
      "# addresses, one may name the other; what belongs to one node goes into that node's "
      "`sets`.\n"
      "sets:\n";
  for (const ImportedSet& set : import.sets) {
    yaml += "\n" + Comment("  ", Shortened(set.text, kMaxDescriptionBytes)) +
            Comment("  ", UsesText(set.uses));
    yaml += fmt::format("  {}: []\n", set.name);
  }
  return yaml;
}

}  // namespace

std::string MatrixYaml(const Import& import, const std::string& file) {
  std::string yaml = Comment("", fmt::format("Imported from {}: {} rows, {} not understood.", file,
                                             import.rows(), import.problems()));
  for (const ImportRemark& remark : import.remarks) {
    yaml += Comment("", fmt::format("line {}: {}", remark.line, remark.message));
  }
  for (const ImportedMatrix& matrix : import.matrices) yaml += MatrixDocument(matrix);
  if (!import.sets.empty()) yaml += SetsDocument(import);
  return yaml;
}

}  // namespace portmatrix
