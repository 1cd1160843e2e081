// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "engine/exec/executor.h"

namespace pitwall::engine {

/// Stands where an executor was whose device is gone: tells what that one was, holds no memory, and fails whatever it is
/// asked to do with `why`. Its status() is good: there is nothing left to lose.
std::unique_ptr<Executor> make_lost_executor(const Executor& lost, const Error& why);

}  // namespace pitwall::engine
