// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/command_line.h"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace portmatrix {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Ran RunCommand(const std::string& words) {
  const Folder folder;
  const std::string output = folder.path() + "/output", errors = folder.path() + "/errors";
  const int status =
      std::system((PORTMATRIX_COMMAND " " + words + " >" + output + " 2>" + errors).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Contents(output), Contents(errors)};
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

Folder::Folder() : path_(std::filesystem::temp_directory_path() / "portmatrix-test-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no directory at " + path_);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::Write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  return path_ + "/" + name;
}

std::string Folder::Write(const std::string& name, const std::vector<uint8_t>& bytes) const {
  return Write(name, std::string(bytes.begin(), bytes.end()));
}

}  // namespace portmatrix
