// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/model/model.h"
#include "telemetry/base/result.h"

namespace pitwall::engine {

/// Whether a model, whose shapes were checked (check_shapes.h), can be shared among so many ranks: whole heads and KV heads for
/// each, and as many neurons, with no group of codes cut in two. The error says what cannot be divided, and into how many it could.
Status check_ranks(const Model& model, uint32_t ranks);

}  // namespace pitwall::engine
