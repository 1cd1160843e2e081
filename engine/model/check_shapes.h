// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/model.h"

namespace pitwall::engine {

/// Whether the configuration makes sense and every tensor is as large as it says: an executor may read them all then. The
/// error names the tensor.
Status check_shapes(const Model& model);

/// The output head is not the embedding.
inline bool has_own_head(const Model& model) { return model.output_head().data != model.embedding().data; }

}  // namespace pitwall::engine
