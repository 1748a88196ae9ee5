// SPDX-License-Identifier: Apache-2.0
// Brings a policy's files from disk into Sources: for the command, which sends their contents, and
// for the daemon's --policy.
#ifndef PORTMATRIX_AGENT_POLICY_FILES_H_
#define PORTMATRIX_AGENT_POLICY_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/source.h"

namespace portmatrix {

// What could not be read, each as "read policies/x.yaml: Permission denied".
struct PolicyFiles {
  Sources sources;
  std::vector<std::string> errors;
  bool being_written = false;  // an error is that somebody has a file open for writing
  bool none = false;           // the paths are directories without any policy file: an error too
};

// What to do about a file that somebody has open for writing. To refuse it takes a lease while it
// is read; the kernel tells of a lease's end by SIGIO, which the caller's process must ignore.
// Where there are no leases (a file of somebody else without CAP_LEASE, some file systems) every
// file is taken.
enum class Writers { kTakeAsItIs, kRefuse };

// Reads the paths: a file is taken as it is, a directory with every *.yaml below it in path order,
// leaving out names that begin with a dot. Then the list files that their sets name. Directories
// are followed through symbolic links only where the link is itself named in `paths`; a document
// may be a link to a file, but a list file must lie inside its root also after all links are
// followed. A path may hold several, separated by commas. Sizes are bounded by
// agent/policy/limits.h.
PolicyFiles ReadPolicyFiles(const std::vector<std::string>& paths,
                            Writers writers = Writers::kTakeAsItIs);

// The paths of a flag's or argument's text: split at commas, empty ones left out.
std::vector<std::string> SplitPaths(const std::vector<std::string>& arguments);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_FILES_H_
