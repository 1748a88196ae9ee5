// SPDX-License-Identifier: Apache-2.0
// Where things are pinned under a pin root (DESIGN, "Names and layout"), and who may open them.
#ifndef PORTMATRIX_AGENT_DATAPATH_PINS_H_
#define PORTMATRIX_AGENT_DATAPATH_PINS_H_

#include <string>
#include <vector>

#include "agent/datapath/result.h"

namespace portmatrix {

inline constexpr const char* kDefaultPinRoot = "/sys/fs/bpf/portmatrix/v1";

class Pins {
 public:
  explicit Pins(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string Map(const std::string& name) const { return root_ + "/maps/" + name; }
  std::string Program(const std::string& hook) const { return root_ + "/programs/" + hook; }
  std::string Links(const std::string& hook) const { return root_ + "/links/" + hook; }
  std::string Link(const std::string& hook, const std::string& device) const;

  // Makes the directories; fails where no bpffs is mounted.
  Result<void> MakeDirectories() const;
  // Pins the object at `path` in place of what was there: for its owner alone, or for readers of
  // group `portmatrix` too.
  static Result<void> Pin(int fd, const std::string& path, bool readers);
  // Removes what a Pin that was cut off left behind.
  void RemoveUnfinished() const;
  // A text that is another one after pins of maps or programs were made, moved or deleted.
  std::string LastChange() const;
  // Removes every pin and the directories.
  Result<void> RemoveAll() const;

 private:
  std::string root_;
};

// A device's name as a file name of bpffs, which refuses dots: bytes outside [A-Za-z0-9-] become
// `_` and two hex digits.
std::string PinName(const std::string& device);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_PINS_H_
