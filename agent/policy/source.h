// SPDX-License-Identifier: Apache-2.0
// The text of a policy as it was read: files with their paths. Reading the disk is somebody else's
// work (the command's, or the agent's at its first start); everything from here on is a function of
// these values.
#ifndef PORTMATRIX_AGENT_POLICY_SOURCE_H_
#define PORTMATRIX_AGENT_POLICY_SOURCE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portmatrix {

struct SourceFile {
  std::string path;  // as the user would name it, used in messages; `/` separated
  std::string
      root;  // the file or directory that was named on the command line; path begins with it
  std::string text;
};

// The files of one policy. `documents` are YAML files in path order; `lists` are files that a set
// names by `file:`.
struct Sources {
  std::vector<SourceFile> documents;
  std::vector<SourceFile> lists;
};

// A place in a source: file is an index into documents, or documents.size() + index into lists.
// Line and column count from 1; the column counts bytes. A file number beyond both lists means the
// policy as a whole. Length in bytes of what the caret underlines, at least 1.
struct Span {
  uint32_t file = 0;
  uint32_t line = 0;  // zero: the file as a whole
  uint32_t column = 0;
  uint32_t length = 1;
};

const SourceFile& FileOf(const Sources& sources, const Span& span);
// "path:line:column"
std::string Place(const Sources& sources, const Span& span);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_SOURCE_H_
