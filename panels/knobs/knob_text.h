// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <string_view>

#include "panels/common/format.h"
#include "presets/knob.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

QString to_qstring(std::string_view text);

/// A knob's value for people, number and unit apart: {"3,072", "blocks"}, {"off", ""}, {"ngram", ""},
/// {"1.00", "GiB"}.
Quantity knob_quantity(const presets::KnobSpec& spec, double value);

/// What a person types for a knob, as parse_value() takes it: without thousands commas and unit; "2 GiB" in
/// bytes.
std::string typed_knob_text(const presets::KnobSpec& spec, QString typed);

/// Which of the bounds holds a knob away from what was asked: "stops at capacity 2,048 blocks"; empty where
/// none does.
QString bound_text(const presets::KnobSpec& spec, telemetry::KnobBound bound, double effective_value);

/// Range, meaning and how the other engines spell it, as rich text for a hover card.
QString knob_hover_text(const presets::KnobSpec& spec);

/// The knobs of a store by the table's rows. A recording may have been made with another order of knobs: its
/// dictionary says which number has which name, and the table's own order holds where it says nothing.
class KnobNumbers {
  public:
    explicit KnobNumbers(const telemetry::Store& store);
    /// The row that an event's knob number means; null for a knob that this version does not know.
    const presets::KnobSpec* spec(uint16_t number) const;
    uint16_t number(presets::KnobId id) const;
    const telemetry::KnobState& state(presets::KnobId id) const { return store_.knob(number(id)); }
    /// The value in force; the default as long as the events told none.
    double value(presets::KnobId id) const;
    /// Its name as the recording has it, also of unknown knobs.
    QString name(uint16_t number) const;

  private:
    const telemetry::Store& store_;
};

}  // namespace pitwall::panels
