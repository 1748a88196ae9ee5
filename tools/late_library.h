// SPDX-License-Identifier: Apache-2.0
// A shared library that few commands need, loaded by those: in the program's own list it would cost
// every command's start what it costs theirs.
#ifndef PORTMATRIX_TOOLS_LATE_LIBRARY_H_
#define PORTMATRIX_TOOLS_LATE_LIBRARY_H_

#include <optional>

#include "agent/datapath/result.h"

namespace portmatrix {

// Stays loaded to the program's end, whatever becomes of this.
class LateLibrary {
 public:
  // `soname` without a folder, as the build found it in the library ("libpcap.so.0.8"): it is
  // looked for where the dynamic linker looks for the program's own libraries.
  static Result<LateLibrary> Load(const char* soname);

  // Sets `*found` to the library's function or variable; where one is not there, the first of them
  // is what `missing` tells.
  template <typename Symbol>
  void Find(const char* name, Symbol** found) {
    *found = reinterpret_cast<Symbol*>(AddressOf(name));
  }
  const std::optional<Error>& missing() const { return missing_; }

 private:
  explicit LateLibrary(void* library) : library_(library) {}
  void* AddressOf(const char* name);

  void* library_;
  std::optional<Error> missing_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_LATE_LIBRARY_H_
