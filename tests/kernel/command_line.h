// SPDX-License-Identifier: Apache-2.0
// The portmatrix command as its users meet it: words in, text and an exit code out.
#ifndef PORTMATRIX_TESTS_KERNEL_COMMAND_LINE_H_
#define PORTMATRIX_TESTS_KERNEL_COMMAND_LINE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace portmatrix {

struct Ran {
  int code = -1;
  std::string output;
  std::string errors;
};

// Runs `portmatrix WORDS` of this build, by a shell.
Ran RunCommand(const std::string& words);

std::vector<std::string> LinesOf(const std::string& text);

// A directory of this test, gone with it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  // Writes the file; its path.
  std::string Write(const std::string& name, const std::string& text) const;
  std::string Write(const std::string& name, const std::vector<uint8_t>& bytes) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_KERNEL_COMMAND_LINE_H_
