// SPDX-License-Identifier: Apache-2.0
// List files: the content of large sets, one prefix a line, `#` begins a comment.
#ifndef PORTMATRIX_AGENT_POLICY_LIST_FILES_H_
#define PORTMATRIX_AGENT_POLICY_LIST_FILES_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/reader.h"
#include "agent/policy/source.h"
#include "maps/address.h"

namespace portmatrix {

// Where `name`, written in `document`, leads: beside the document. Nothing if it is absolute, empty
// or leads out of the root (for a document that was itself named on the command line: out of its
// folder).
std::optional<ListFile> LocateList(const SourceFile& document, std::string_view name);

// Reads each list once, however many sets name it.
class ListFiles {
 public:
  struct List {
    std::shared_ptr<const std::vector<Prefix>> prefixes;
    bool broken = false;
  };

  ListFiles(const Sources& sources, Diagnostics& diagnostics);

  // The list at `path`, or null if the sources have none. Problems in it are reported the first
  // time.
  const List* Read(const std::string& path);

 private:
  List Parse(const SourceFile& file, uint32_t number);

  const Sources& sources_;
  Diagnostics& diagnostics_;
  std::map<std::string, List> read_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_LIST_FILES_H_
