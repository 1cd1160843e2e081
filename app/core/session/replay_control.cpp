// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/replay_control.h"

namespace pitwall::app {

std::future<telemetry::Answer> RefusingControl::refuse(std::string_view why) {
    std::promise<telemetry::Answer> promise;
    promise.set_value({telemetry::Verdict::kRefused,
                       "a recorded session " + std::string(why) + ": open a live one", 0, kNoRequest});
    return promise.get_future();
}

}  // namespace pitwall::app
