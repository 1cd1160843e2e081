// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers as look.md, section 6 writes them, in every locale alike: figures are pasted into tickets.
#pragma once

#include <QString>
#include <cstdint>

namespace pitwall::panels {

/// A number and its unit, kept apart because they are set in different fonts. text() puts a space between.
struct Quantity {
    QString number, unit;
    QString text() const { return unit.isEmpty() ? number : number + u' ' + unit; }
};

/// "19,217", "\u22123"; every digit.
QString format_count(int64_t value);
/// Tokens and blocks in little room: whole up to 99,999, then "124 k", "1.24 M".
QString format_count_short(int64_t value);
/// Fixed decimals, thousands commas, U+2212: "1,234.50".
QString format_fixed(double value, int decimals);
/// Three figures: "840", "57.8", "3.65", "0.42" (two decimals at most).
QString format_three(double value);

enum class TimeUnit { kNanoseconds, kMicroseconds, kMilliseconds, kSeconds };
/// The unit that reads best: \u00b5s under 1 ms, ms under 1,000 ms, s above (minutes are text of their own).
TimeUnit time_unit_for(double duration_ns);
/// {"1.84", "ms"}; from 120 s on {"2 m 14 s", ""}; negative: {"\u2013", ""} (not known yet).
Quantity format_duration(double duration_ns);
/// In one given unit, as columns and axes need it: {"0.84", "ms"}.
Quantity format_duration(double duration_ns, TimeUnit unit);
/// 3:20.0; 1:02:03.4 from an hour on.
QString format_clock(int64_t t_ns);
/// 3:20, without tenths.
QString format_clock_short(int64_t t_ns);

/// {"535", "tok/s"}, {"12.4 k", "tok/s"}, {"3.65", "req/s"}.
Quantity format_rate(double per_second, const QString& unit);
/// 0.578 -> "57.8 %"; `decimals` 0 in tables. Shares of nothing (NaN) are an en dash.
QString format_share(double share, int decimals = 1);
/// Memory: "557 MiB", "1.24 GiB".
Quantity format_memory(double bytes);
/// Files: "18.3 MB".
Quantity format_file_size(double bytes);
/// "R-0778"
QString format_request(uint32_t number);
/// A field of a CSV line that may hold commas and quotes.
QString csv_quoted(const QString& text);

inline const QString kNoValue = QStringLiteral("\u2013");  ///< en dash: no samples

}  // namespace pitwall::panels
