// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

class QCPAxis;

namespace pitwall::panels {

/// A strip too low for a scale: labels at zero and at `top` alone (`top` <= 0: at zero alone), no gridlines. The axis
/// reaches a little above `reach`.
void set_end_ticks(QCPAxis& axis, double reach, double top);

/// Counts and rates from zero to a round number at or above `top`, with as many gridlines as `height_px` has room for
/// labels, four at most.
void set_count_axis(QCPAxis& axis, double top, double height_px);

}  // namespace pitwall::panels
