// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <SQLiteCpp/Statement.h>

#include <cmath>
#include <string_view>
#include <type_traits>

namespace pitwall::telemetry {

/// The visitor of columns() that fills an INSERT. Unsigned 64-bit numbers keep their bits; NaN becomes NULL.
class Binder {
  public:
    Binder(SQLite::Statement& statement, int next) : statement_(statement), next_(next) {}

    template <class Field>
    void operator()(std::string_view /*name*/, const Field& field, uint64_t /*values*/ = 0) {
        if constexpr (std::is_floating_point_v<Field>) {
            std::isnan(field) ? statement_.bind(next_) : statement_.bind(next_, static_cast<double>(field));
        } else if constexpr (std::is_enum_v<Field>) {
            statement_.bind(next_, static_cast<int64_t>(static_cast<std::underlying_type_t<Field>>(field)));
        } else {
            statement_.bind(next_, static_cast<int64_t>(field));
        }
        ++next_;
    }
    int next() const { return next_; }

  private:
    SQLite::Statement& statement_;
    int next_;
};

}  // namespace pitwall::telemetry
