// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>

#include "telemetry/store/store.h"

namespace pitwall::panels {

/// Where steps stand along x: equally wide, or as wide as they took. Positions are counted in whole pixels
/// from the session's start, so that a column keeps its steps while the chart scrolls and nothing shimmers.
class BatchAxis {
  public:
    enum class Mode { kSteps, kTime };
    using Steps = std::deque<telemetry::StepRow>;

    Mode mode() const { return mode_; }
    double pixels_per_step() const;
    int64_t ns_per_pixel() const { return ns_per_pixel_; }
    bool follows() const { return follows_; }  ///< the newest step is at the right edge

    /// Absolute pixels, [begin, end); in true time a step is at least one pixel wide.
    int64_t begin_of(const telemetry::StepRow& step) const;
    int64_t end_of(const telemetry::StepRow& step) const;
    int64_t at_time(int64_t t_ns) const { return t_ns / ns_per_pixel_; }

    /// The absolute pixel at the right edge.
    int64_t right(const Steps& steps) const;
    void set_mode(Mode mode, const Steps& steps, int width);
    void zoom(int levels, int64_t fixed, const Steps& steps,
              int width);                                     ///< positive: closer. `fixed` stays where it is
    void pan(int64_t pixels, const Steps& steps, int width);  ///< positive: towards older steps
    void show(const telemetry::StepRow& step, const Steps& steps, int width);  ///< moves as little as needed
    void follow() { follows_ = true; }
    /// A view of steps that the store has let go moves to the oldest there are.
    void stay_within(const Steps& steps, int width);

  private:
    void hold(int64_t right, const Steps& steps, int width);

    Mode mode_ = Mode::kSteps;
    int level_ = 9;  ///< of kPitches
    int64_t ns_per_pixel_ = 20'000'000;
    bool follows_ = true;
    int64_t right_ = 0;  ///< while it does not follow
};

}  // namespace pitwall::panels
