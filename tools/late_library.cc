// SPDX-License-Identifier: Apache-2.0
#include "tools/late_library.h"

#include <dlfcn.h>

namespace portmatrix {

// What dlerror says begins with the library's name.
Result<LateLibrary> LateLibrary::Load(const char* soname) {
  void* library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Error{"load a library", "", 0, dlerror()};
  return LateLibrary(library);
}

void* LateLibrary::AddressOf(const char* name) {
  void* address = dlsym(library_, name);
  if (address == nullptr && !missing_) missing_ = Error{"load a library", "", 0, dlerror()};
  return address;
}

}  // namespace portmatrix
