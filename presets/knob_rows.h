// SPDX-License-Identifier: GPL-3.0-or-later
//
// The rows of the knob table, by group; knob_table() alone joins them.
#pragma once

#include <vector>

#include "presets/knob.h"

namespace pitwall::presets::rows {

void add_scheduling(std::vector<KnobSpec>& table);
void add_cache(std::vector<KnobSpec>& table);
void add_limits(std::vector<KnobSpec>& table);
void add_workload(std::vector<KnobSpec>& table);
void add_view(std::vector<KnobSpec>& table);
void add_speculation(std::vector<KnobSpec>& table);

}  // namespace pitwall::presets::rows
