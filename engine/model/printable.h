// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace pitwall::engine {

/// `text` fit for one line of an error message: bytes that are no printable ASCII as \xNN, cut after 64 of them
/// (`whole` leaves the length alone, for paths). A damaged file's names go through here before anyone sees them.
std::string printable(std::string_view text, bool whole = false);

}  // namespace pitwall::engine
