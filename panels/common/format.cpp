// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/format.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace pitwall::panels {

namespace {

struct UnitScale {
    double ns;
    const char16_t* name;
};
constexpr std::array<UnitScale, 4> kTimeUnits = {{{1, u"ns"}, {1e3, u"\u00b5s"}, {1e6, u"ms"}, {1e9, u"s"}}};

/// Comma for thousands in the whole part of a plain "1234.50".
QString grouped(QString digits) {
    const auto point = digits.indexOf(u'.');
    for (auto at = (point < 0 ? digits.size() : point) - 3; at > 0; at -= 3) digits.insert(at, u',');
    return digits;
}

/// Decimals that leave three figures of `value`, at most two.
int three_figure_decimals(double value) {
    const double magnitude = std::abs(value);
    if (magnitude >= 99.95) return 0;
    return magnitude >= 9.995 ? 1 : 2;
}

Quantity scaled_bytes(double bytes, double base, const std::array<const char16_t*, 5>& units) {
    size_t unit = 0;
    double value = bytes;
    while (unit + 1 < units.size() && std::abs(value) >= base * (unit == 0 ? 1 : 0.9995)) {
        value /= base;
        ++unit;
    }
    return {unit == 0 ? format_fixed(value, 0) : format_three(value), QString::fromUtf16(units[unit])};
}

}  // namespace

QString format_fixed(double value, int decimals) {
    if (!std::isfinite(value)) return kNoValue;
    const QString digits = grouped(QString::number(std::abs(value), 'f', decimals));
    const bool zero =
        std::none_of(digits.begin(), digits.end(), [](QChar c) { return c >= u'1' && c <= u'9'; });
    return value < 0 && !zero ? u'\u2212' + digits : digits;
}

QString format_count(int64_t value) {
    const QString digits = QString::number(value);
    return value < 0 ? u'\u2212' + grouped(digits.mid(1)) : grouped(digits);
}

QString format_count_short(int64_t value) {
    const double magnitude = std::abs(double(value));
    if (magnitude < 99'999.5) return format_count(value);
    if (magnitude < 999'500) return format_fixed(double(value) / 1e3, 0) + QStringLiteral(" k");
    if (magnitude < 999.5e6) return format_three(double(value) / 1e6) + QStringLiteral(" M");
    return format_three(double(value) / 1e9) + QStringLiteral(" G");
}

QString format_three(double value) { return format_fixed(value, three_figure_decimals(value)); }

TimeUnit time_unit_for(double duration_ns) {
    const double magnitude = std::abs(duration_ns);
    if (magnitude >= 999.5e6) return TimeUnit::kSeconds;
    return magnitude == 0 || magnitude >= 999.5e3 ? TimeUnit::kMilliseconds : TimeUnit::kMicroseconds;
}

Quantity format_duration(double duration_ns) {
    if (!(duration_ns >= 0)) return {kNoValue, {}};
    if (duration_ns < 119.5e9) return format_duration(duration_ns, time_unit_for(duration_ns));
    const auto seconds = static_cast<int64_t>(std::llround(duration_ns / 1e9));
    if (seconds < 3600) return {QStringLiteral("%1 m %2 s").arg(seconds / 60).arg(seconds % 60), {}};
    return {QStringLiteral("%1 h %2 m").arg(format_count(seconds / 3600)).arg(seconds / 60 % 60), {}};
}

Quantity format_duration(double duration_ns, TimeUnit unit) {
    if (std::isnan(duration_ns)) return {kNoValue, {}};
    const UnitScale& scale = kTimeUnits.at(static_cast<size_t>(unit));
    const double value = duration_ns / scale.ns;
    return {value == 0 ? QStringLiteral("0") : format_three(value), QString::fromUtf16(scale.name)};
}

QString format_clock_short(int64_t t_ns) {
    const int64_t seconds = std::max<int64_t>(0, t_ns) / 1'000'000'000;
    const QString tail = QStringLiteral("%1").arg(seconds % 60, 2, 10, QChar(u'0'));
    if (seconds < 3600) return QStringLiteral("%1:%2").arg(seconds / 60).arg(tail);
    return QStringLiteral("%1:%2:%3")
        .arg(seconds / 3600)
        .arg(seconds / 60 % 60, 2, 10, QChar(u'0'))
        .arg(tail);
}

QString format_clock(int64_t t_ns) {
    const int64_t tenths = std::max<int64_t>(0, t_ns) / 100'000'000;
    return format_clock_short(t_ns) + QStringLiteral(".%1").arg(tenths % 10);
}

Quantity format_rate(double per_second, const QString& unit) {
    const double magnitude = std::abs(per_second);
    if (magnitude < 9'999.5) return {format_three(per_second), unit};
    if (magnitude < 999.5e3) return {format_three(per_second / 1e3) + QStringLiteral(" k"), unit};
    return {format_three(per_second / 1e6) + QStringLiteral(" M"), unit};
}

QString format_share(double share, int decimals) {
    return std::isfinite(share) ? format_fixed(share * 100, decimals) + QStringLiteral(" %") : kNoValue;
}

Quantity format_memory(double bytes) {
    return scaled_bytes(bytes, 1024, {u"B", u"KiB", u"MiB", u"GiB", u"TiB"});
}
Quantity format_file_size(double bytes) {
    return scaled_bytes(bytes, 1000, {u"B", u"kB", u"MB", u"GB", u"TB"});
}
QString format_request(uint32_t number) { return QStringLiteral("R-%1").arg(number, 4, 10, QChar(u'0')); }

QString csv_quoted(const QString& text) {
    return u'"' + QString(text).replace(u'"', QStringLiteral("\"\"")) + u'"';
}

}  // namespace pitwall::panels
