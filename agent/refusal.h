// SPDX-License-Identifier: Apache-2.0
// Why the agent did not do what it was asked, in the words of its API.
#ifndef PORTMATRIX_AGENT_REFUSAL_H_
#define PORTMATRIX_AGENT_REFUSAL_H_

#include <string>
#include <utility>
#include <variant>

#include "agent/datapath/result.h"

namespace portmatrix {

struct Refusal {  // NOLINT(clang-analyzer-core.uninitialized.Assign): follows no variant
  enum class Kind {
    kBadRequest,     // what was sent cannot be understood
    kInvalidPolicy,  // see diagnostics
    kRefused,        // a guard, an expectation, or the state of things stands against it
    kRuntime,        // the world refused
    kForbidden,      // the caller may not
  };
  Kind kind = Kind::kRuntime;
  std::string text;         // one line
  std::string diagnostics;  // rendered; may be empty

  static Refusal Runtime(const Error& error) { return {Kind::kRuntime, error.Text(), ""}; }
  static Refusal Refused(std::string text) { return {Kind::kRefused, std::move(text), ""}; }
};

const char* ToString(Refusal::Kind kind);  // "invalid-policy"

// What was asked for, or why not.
template <typename T>
class [[nodiscard]] Answer {
 public:
  Answer(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: conversion is the point
  Answer(Refusal refusal) : state_(std::in_place_index<1>, std::move(refusal)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Refusal& refusal() const { return std::get<1>(state_); }

 private:
  std::variant<T, Refusal> state_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_REFUSAL_H_
