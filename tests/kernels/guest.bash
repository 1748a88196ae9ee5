# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by what boots Debian 12's 6.1 kernel in an emulator: fetching the kernel, packing an initramfs. Callers set
#
#   cache   folder of kernels; it lasts
#   own     temporary folder of the caller
#   tree    root of the initramfs that is being made
#
# shellcheck disable=SC2154  # set by the caller
#
# find_kernel sets `kernel`: a folder of the cache with vmlinuz, and modules/ with modules.dep.
export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"

readonly kernel_pattern='linux-image-6\.1\.[0-9.]+-[0-9]+-cloud-amd64'

skip() { printf 'skipped: %s\n' "$*"; exit 77; }
fail() { printf 'FAILED: %s\n' "$*"; exit 1; }

# Skips where the emulator, or one of these programs, is missing.
need_guest_tools() {
  local tool
  [[ $(uname -m) == x86_64 ]] || skip "the guest kernel is for x86_64"
  for tool in qemu-system-x86_64 busybox cpio apt-get dpkg-deb "$@"; do
    command -v "$tool" >/dev/null || skip "$tool is missing (tools/build --tests installs it)"
  done
}

# The newest 6.1 cloud kernel that apt knows: what the metapackage depends on, else the highest version by name.
newest_kernel() {
  local found
  found=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | grep -Eo "$kernel_pattern\$" | sort -V | tail -n 1) || true
  [[ -n $found ]] ||
    found=$(apt-cache pkgnames linux-image-6.1. 2>/dev/null | grep -Ex "$kernel_pattern" | sort -V | tail -n 1) || true
  printf '%s' "$found"
}

# Has the kernel of a package in the cache: vmlinuz, and modules/ with modules.dep. It appears whole or not at all.
fetch_kernel() {
  local package=$1 version=${1#linux-image-} part=$cache/$1.part
  [[ -n $package ]] || return 1
  [[ ! -d $cache/$package ]] || return 0
  rm -rf "$part" "$own/package"
  mkdir -p "$part" "$own/package"
  (cd "$own/package" && apt-get -q -o APT::Sandbox::User=root download "$package") >"$own/fetch" 2>&1 &&
    dpkg-deb -x "$own/package/"*.deb "$own/package/tree" &&
    busybox depmod -b "$own/package/tree" "$version" &&
    mv "$own/package/tree/boot/vmlinuz-$version" "$part/vmlinuz" &&
    mv "$own/package/tree/lib/modules/$version" "$part/modules" &&
    rm -rf "$own/package" &&
    mv "$part" "$cache/$package"
}

# Sets `kernel` to a folder of the cache. Callers take turns.
find_kernel() {
  local package lock
  mkdir -p "$cache"
  exec {lock}>"$cache/lock"
  flock "$lock"
  touch "$own/fetch"
  package=$(newest_kernel)
  if ! fetch_kernel "$package"; then
    # Perhaps apt's lists are missing, or name a version that is gone.
    if ((EUID == 0)); then apt-get -q update >>"$own/fetch" 2>&1 || true; fi
    package=$(newest_kernel)
    # Without a network any kernel that is there will do.
    fetch_kernel "$package" || package=$(cd "$cache" && printf '%s\n' linux-image-* | grep -Ex "$kernel_pattern" | sort -V | tail -n 1) || true
  fi
  if [[ -z $package ]]; then
    cat "$own/fetch"
    skip "no 6.1 cloud kernel to be had from apt, and none in $cache"
  fi
  exec {lock}>&-
  kernel=$cache/$package
}

# The files of these modules and of what they need, in the order of loading.
module_files() {
  local module line
  for module in "$@"; do
    # "path/veth.ko: needs/it.ko needs/that.ko": what is needed most stands last.
    line=$(grep -E "(^|/)$module\.ko:" "$kernel/modules/modules.dep") ||
      { grep -qE "/$module\.ko$" "$kernel/modules/modules.builtin" && continue; } || return 1
    printf '%s %s\n' "${line#*:}" "${line%%:*}" | awk '{for (i = NF - 1; i > 0; --i) print $i; print $NF}'
  done | awk '!seen[$0]++'
}

# Puts these modules into the tree: modules/ and, for the order of loading, modules/order.
add_modules() {
  local file
  module_files "$@" >"$own/modules" || fail "$kernel lacks one of the modules $*"
  while IFS= read -r file; do cp "$kernel/modules/$file" "$tree/modules/"; done <"$own/modules"
  sed 's:.*/::' "$own/modules" >"$tree/modules/order"
}

# Copies a program to `destination` in the tree, without its debug information, and its libraries to their own paths.
add_program() {
  local source=$1 destination=$2 library
  mkdir -p "$tree${destination%/*}"
  strip --strip-debug -o "$tree$destination" "$source" 2>/dev/null || cp -L "$source" "$tree$destination"
  { ldd "$source" 2>/dev/null || true; } | sed -n 's:^[^/]*\(/[^ ]*\).*:\1:p' | while IFS= read -r library; do
    [[ ! -e $tree$library ]] || continue
    mkdir -p "$tree${library%/*}"
    cp -L "$library" "$tree$library"
  done
}

pack_initramfs() {
  (cd "$tree" && find . | cpio --quiet -o -H newc) | gzip -1 >"$1"
}
