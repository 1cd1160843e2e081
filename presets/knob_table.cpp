// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cassert>
#include <cmath>

#include "presets/knob.h"
#include "presets/knob_rows.h"
#include "presets/nearest.h"

namespace pitwall::presets {

namespace {

std::vector<KnobSpec> build_table() {
    std::vector<KnobSpec> table;
    table.reserve(kKnobCount);
    rows::add_scheduling(table);
    rows::add_cache(table);
    rows::add_limits(table);
    rows::add_workload(table);
    rows::add_view(table);
    rows::add_speculation(table);
    assert(table.size() == kKnobCount);
    for (size_t i = 0; i < table.size(); ++i) assert(static_cast<size_t>(table[i].id) == i);
    return table;
}

}  // namespace

std::span<const KnobSpec> knob_table() {
    static const std::vector<KnobSpec> table = build_table();
    return table;
}

const KnobSpec& spec(KnobId id) { return knob_table()[static_cast<size_t>(id)]; }

std::string_view note_of(const Spelling& spelling, double value) {
    const auto& notes = spelling.choice_notes;
    if (notes.empty()) return spelling.note;
    return notes[std::min(static_cast<size_t>(value), notes.size() - 1)];
}

bool has_off(const KnobSpec& knob) { return !std::isnan(knob.off_value); }

const KnobSpec* find_knob(std::string_view name) {
    for (const KnobSpec& row : knob_table())
        if (row.name == name) return &row;
    return nullptr;
}

std::string_view nearest_knob_name(std::string_view name) {
    std::vector<std::string_view> names;
    for (const KnobSpec& row : knob_table()) names.push_back(row.name);
    return nearest(name, names);
}

}  // namespace pitwall::presets
