// SPDX-License-Identifier: Apache-2.0
// Reads the text of a policy by its schema, strictly: what it does not know is an error, with the
// place and a hint, and it goes on after each error so that one run tells them all.
#ifndef PORTMATRIX_AGENT_POLICY_READER_H_
#define PORTMATRIX_AGENT_POLICY_READER_H_

#include <string>
#include <vector>

#include "agent/policy/diagnostic.h"
#include "agent/policy/policy.h"
#include "agent/policy/source.h"

namespace portmatrix {

// What `sources` say. With errors in `diagnostics` the result is what could be understood: good for
// finding further errors by resolving it, not for use.
Policy ReadPolicy(const Sources& sources, Diagnostics& diagnostics);

// A list file that a set names by `file:`, for whoever reads the disk.
struct ListFile {
  std::string path;  // beside the document that names it
  std::string root;  // of that document; `path` lies inside
  auto operator<=>(const ListFile&) const = default;
};

// Those that `sources.documents` name, each once, sorted. A name that leads out of its root is not
// among them (ReadPolicy reports it), and neither is anything in a document that cannot be parsed.
std::vector<ListFile> ListFilesNamedIn(const Sources& sources);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_READER_H_
