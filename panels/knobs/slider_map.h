// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "presets/knob.h"

namespace pitwall::panels {

/// Where a knob's value stands on a slider, 0 to 1, and back. Linear or logarithmic as the table says; a
/// logarithmic knob whose range begins at or below zero (0 reads "off") keeps its first twentieth for that
/// one value, because zero has no logarithm.
class SliderMap {
  public:
    explicit SliderMap(const presets::KnobSpec& spec);

    double position(double value) const;
    double value(double position) const;  ///< snapped: a value that the knob can take
    /// The nearest value on the knob's raster of steps, inside its range.
    double snap(double value) const;
    /// `steps` rasters on (negative: back); always moves by at least one where there is room.
    double stepped(double value, int steps) const;

  private:
    bool integral() const;

    const presets::KnobSpec& spec_;
    bool off_zone_;   ///< logarithmic with a minimum that has no logarithm
    double log_low_;  ///< where the logarithmic part begins
};

}  // namespace pitwall::panels
