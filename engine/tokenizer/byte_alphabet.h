// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pitwall::engine {

/// The character, as UTF-8, that stands for a byte in a byte-level vocabulary (Radford et al. 2019):
/// printable Latin-1 for itself, the other 68 bytes in order from U+0100.
std::string byte_symbol(uint8_t byte);

/// A vocabulary entry back to its bytes. Text that is not spelled in the alphabet (a special token) is
/// returned as it is.
std::string symbols_to_bytes(std::string_view token);

}  // namespace pitwall::engine
