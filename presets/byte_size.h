// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "presets/knob.h"

namespace pitwall::presets {

/// The knob's value is memory, in bytes: given and shown as a size.
bool is_size(const KnobSpec& knob);

/// Bytes of a size as people write it: "1048576", "512MiB", "1.5 GiB", "2g". K, M, G and T are powers of 1024, also
/// without the "iB", and sizes in them are rounded to whole bytes. Nothing where it is no size.
std::optional<double> parse_byte_size(std::string_view text);

/// The same for people, in the largest unit that leaves 1 or more: "512 bytes", "1.5 GiB".
std::string byte_size_text(double bytes);

}  // namespace pitwall::presets
