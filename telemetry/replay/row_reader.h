// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <cmath>
#include <limits>
#include <string_view>
#include <type_traits>

namespace pitwall::telemetry {

/// Times and lengths of time that a file may hold: 104 days. Sums of a thousand of them fit 64 bits.
inline constexpr int64_t kMaxFileNs = int64_t{1} << 53;

/// The visitor of columns() that fills a payload from a row. Trusts nothing: a value of the wrong type, one that the
/// field cannot hold, and one beyond an enumeration or a bound are remembered by their column's name.
class RowReader {
  public:
    RowReader(SQLite::Statement& statement, int next) : statement_(statement), next_(next) {}

    template <class Field>
    void operator()(std::string_view name, Field& field, uint64_t values = 0) {
        const SQLite::Column column = statement_.getColumn(next_++);
        bool good = false;
        if constexpr (std::is_floating_point_v<Field>) {
            good = read_real(column, field);
        } else {
            good = read_integer(column, field, values);
        }
        if (!good && bad_.empty()) bad_ = name;
    }
    bool ok() const { return bad_.empty(); }
    std::string_view bad_column() const { return bad_; }
    int next() const { return next_; }

  private:
    template <class Field>
    static bool read_real(const SQLite::Column& column, Field& field) {
        if (column.getType() == SQLITE_BLOB || column.getType() == SQLITE_TEXT) return false;
        const double value = column.isNull() ? std::numeric_limits<double>::quiet_NaN() : column.getDouble();
        if (std::isfinite(value) && std::abs(value) > static_cast<double>(std::numeric_limits<Field>::max()))
            return false;
        field = static_cast<Field>(value);
        return true;
    }

    template <class Field>
    static bool read_integer(const SQLite::Column& column, Field& field, uint64_t values) {
        if (column.getType() != SQLITE_INTEGER) return false;
        const int64_t value = column.getInt64();
        if (values != 0 && static_cast<uint64_t>(value) >= values)
            return false;  // as unsigned: negative is large
        if (!holds<Field>(value)) return false;
        field = static_cast<Field>(value);
        return true;
    }

    template <class Field>
    static bool holds(int64_t value) {
        if constexpr (std::is_enum_v<Field>) {
            return holds<std::underlying_type_t<Field>>(value);
        } else if constexpr (sizeof(Field) == sizeof(int64_t)) {
            return std::is_unsigned_v<Field> || (value >= -kMaxFileNs && value <= kMaxFileNs);
        } else {
            return value >= int64_t{std::numeric_limits<Field>::min()} &&
                   value <= int64_t{std::numeric_limits<Field>::max()};
        }
    }

    SQLite::Statement& statement_;
    int next_;
    std::string_view bad_;
};

}  // namespace pitwall::telemetry
