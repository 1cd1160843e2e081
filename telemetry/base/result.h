// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace pitwall {

/// An expected failure, told so that a user can act on it: printed as `pitwall: what: hint`.
struct Error {
    std::string what;  ///< what is wrong, naming the culprit
    std::string hint;  ///< what to do about it
    std::string text() const { return hint.empty() ? what : what + ": " + hint; }
};

/// A value or an Error. Has no conversion to bool, so that a Result<bool> cannot be tested by mistake.
template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    const Error& error() const { return std::get<1>(state_); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), ok_(false) {}

    bool ok() const { return ok_; }
    const Error& error() const { return assert(!ok_), error_; }

  private:
    Error error_;
    bool ok_ = true;
};

using Status = Result<void>;

}  // namespace pitwall
