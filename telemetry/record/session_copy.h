// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "telemetry/base/result.h"

namespace pitwall::telemetry {

/// Writes what the session at `from` holds now to `to`: one file that is whole alone. `from` may be recorded to meanwhile,
/// by this process too: of what is opened here nothing but SQLite's own handle touches it, as closing any other would
/// drop the recorder's locks. What is at `to` is replaced as a recording would (check_session_path()), and only when the
/// copy is complete; a failure leaves nothing behind.
Status copy_session(const std::string& from, const std::string& to, bool overwrite);

}  // namespace pitwall::telemetry
