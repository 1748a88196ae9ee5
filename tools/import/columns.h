// SPDX-License-Identifier: Apache-2.0
// What the columns of a port summary hold, by their names: "Role/Protocol/TCP or UDP/Port",
// "Source IP address", "Destination", "Notes".
#ifndef PORTMATRIX_TOOLS_IMPORT_COLUMNS_H_
#define PORTMATRIX_TOOLS_IMPORT_COLUMNS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace portmatrix {

struct Columns {
  std::vector<size_t> service;  // read together, joined by slashes: role, protocol, transport, port
  std::optional<size_t> source;
  std::optional<size_t> destination;
  std::optional<size_t> source_ports;
  std::optional<size_t> direction;
  std::optional<size_t> action;
  std::optional<size_t> state;
  std::optional<size_t> icmp_type;
  std::optional<size_t> icmp_code;  // not read: a row that has one is refused
  std::optional<size_t> note;
  std::optional<size_t> row;        // the row's own name
  std::optional<size_t> table;      // of a file with several tables in one
  std::vector<std::string> unread;  // names of those that mean nothing here
  std::string problem;              // where two columns claim to be the same

  // Could this be a port summary, though columns be missing?
  bool some() const { return !service.empty() && (source || destination); }
  bool complete() const { return !service.empty() && source && destination; }
};

Columns FindColumns(const std::vector<std::string>& names);

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_IMPORT_COLUMNS_H_
