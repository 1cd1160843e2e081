// SPDX-License-Identifier: GPL-3.0-or-later
#include "presets/byte_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace pitwall::presets {

namespace {

constexpr std::string_view kPowers = "KMGT";

/// 1024 for "K", "kB" and " KiB"; 1 for nothing and "B".
std::optional<double> unit_bytes(std::string_view unit) {
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    std::string letters(unit);
    std::transform(letters.begin(), letters.end(), letters.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (letters.empty() || letters == "B" || letters == "BYTES") return 1;
    const size_t power = kPowers.find(letters.front());
    const std::string_view rest = std::string_view(letters).substr(1);
    if (power == std::string_view::npos || !(rest.empty() || rest == "B" || rest == "IB")) return {};
    return std::pow(1024, static_cast<double>(power + 1));
}

}  // namespace

bool is_size(const KnobSpec& knob) { return knob.unit == "bytes"; }

std::optional<double> parse_byte_size(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || !std::isfinite(number)) return {};
    const auto factor = unit_bytes(text.substr(static_cast<size_t>(end - text.data())));
    if (!factor) return {};
    // Half a byte is a mistake, but 0.1 GiB is none.
    return *factor == 1 ? number : std::round(number * *factor);
}

std::string byte_size_text(double bytes) {
    size_t power = 0;
    while (power < kPowers.size() && std::abs(bytes) >= 1024) bytes /= 1024, ++power;
    if (power == 0) return fmt::format("{:.0f} bytes", bytes);
    return fmt::format("{:.4g} {}iB", bytes, kPowers[power - 1]);
}

}  // namespace pitwall::presets
