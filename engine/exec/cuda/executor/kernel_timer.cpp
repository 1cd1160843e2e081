// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/kernel_timer.h"

#include <utility>

namespace pitwall::cuda {

void KernelTimer::mark(Kind kind, Stream& stream) {
    if (short_ || (used_ > 0 && marks_[used_ - 1].kind == kind)) return;
    if (used_ == marks_.size()) {
        auto event = Event::create();
        short_ = !event.ok();
        if (short_) return;
        marks_.push_back({std::move(event).value()});
    }
    Mark& mark = marks_[used_++];
    mark.kind = kind;
    stream.record(mark.event);
}

int64_t KernelTimer::add_to(abi::Work* works) const {
    int64_t sampling_ns = 0;
    for (size_t i = 0; !short_ && i + 1 < used_; ++i) {
        const Mark& from = marks_[i];
        const int64_t ns = Event::elapsed_ns(from.event, marks_[i + 1].event);
        if (from.kind == kSampling) sampling_ns += ns;
        if (from.kind < kSampling) works[from.kind].ns += ns;
    }
    return sampling_ns;
}

}  // namespace pitwall::cuda
