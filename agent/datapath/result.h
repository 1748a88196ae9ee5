// SPDX-License-Identifier: Apache-2.0
// What the world refused, as a value. Printed once, at the top of a program; libraries never log.
#ifndef PORTMATRIX_AGENT_DATAPATH_RESULT_H_
#define PORTMATRIX_AGENT_DATAPATH_RESULT_H_

#include <string>
#include <utility>
#include <variant>

namespace portmatrix {

struct Error {            // NOLINT(clang-analyzer-core.uninitialized.Assign): follows no variant
  std::string operation;  // "attach xdp"
  std::string object;     // "eth0"
  int code = 0;           // errno; zero: not the kernel's
  std::string detail;     // who holds it, what to do

  // "attach xdp to eth0: Device or resource busy (held by program id 41)". `operation` carries its
  // preposition.
  std::string Text() const;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: conversion is the point
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  const Error& error() const { return std::get<1>(state_); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_RESULT_H_
