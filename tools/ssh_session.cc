// SPDX-License-Identifier: Apache-2.0
#include "tools/ssh_session.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "maps/address.h"

namespace portmatrix {
namespace {

constexpr std::string_view kVariable = "SSH_CONNECTION=";
// An IPv4 address as a listener of both families sees it.
constexpr std::string_view kMapped = "::ffff:";
constexpr int kMostAncestors = 64;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Field 4 of /proc/PID/stat. The name in field 2 may hold blanks and brackets, so counting begins
// behind its last one.
pid_t ParentOf(pid_t process) {
  const std::string stat = ReadFile("/proc/" + std::to_string(process) + "/stat");
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string state;
  pid_t parent = 0;
  fields >> state >> parent;
  return fields ? parent : 0;
}

std::string VariableOf(pid_t process) {
  const std::string environment = ReadFile("/proc/" + std::to_string(process) + "/environ");
  size_t at = 0;
  while (at < environment.size()) {
    const std::string entry = environment.c_str() + at;
    if (entry.starts_with(kVariable)) return entry.substr(kVariable.size());
    at += entry.size() + 1;
  }
  return "";
}

}  // namespace

std::optional<nlohmann::json> SessionOf(std::string_view ssh_connection) {
  std::istringstream words{std::string(ssh_connection)};
  std::string from, to;
  uint16_t from_port = 0, to_port = 0;
  words >> from >> from_port >> to >> to_port;
  if (!words) return std::nullopt;
  for (std::string* address : {&from, &to}) {
    address->resize(std::min(address->find('%'), address->size()));
    if (address->starts_with(kMapped) && address->find('.') != std::string::npos)
      address->erase(0, kMapped.size());
    if (!ParseAddress(*address)) return std::nullopt;
  }
  return nlohmann::json{{"from", from}, {"from_port", from_port}, {"to", to}, {"to_port", to_port}};
}

std::optional<nlohmann::json> FindSshSession() {
  if (const char* own = std::getenv("SSH_CONNECTION"); own != nullptr) return SessionOf(own);
  pid_t process = getppid();
  for (int i = 0; i < kMostAncestors && process > 1; ++i) {
    if (const std::string found = VariableOf(process); !found.empty()) return SessionOf(found);
    process = ParentOf(process);
  }
  return std::nullopt;
}

}  // namespace portmatrix
