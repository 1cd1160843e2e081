// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/executor/kernel_timer.h"

#include <utility>

namespace pitwall::cuda {

KernelTimer::Mark* KernelTimer::record(Stream& stream) {
    if (short_) return nullptr;
    if (used_ == marks_.size()) {
        auto event = Event::create();
        short_ = !event.ok();
        if (short_) return nullptr;
        marks_.push_back({std::move(event).value()});
    }
    Mark& mark = marks_[used_++];
    stream.record(mark.event);
    return &mark;
}

void KernelTimer::next(engine::KernelKind kind, Stream& stream) {
    if (used_ > 0 && marks_[used_ - 1].kind == kind) return;
    if (Mark* mark = record(stream)) mark->kind = kind;
}

void KernelTimer::end(Stream& stream) { next(engine::KernelKind::kCount, stream); }

void KernelTimer::add_to(abi::Work* works) const {
    if (short_) return;
    for (size_t i = 0; i + 1 < used_; ++i) {
        const Mark& from = marks_[i];
        if (from.kind == engine::KernelKind::kCount) continue;  // ended, and begun again
        works[static_cast<size_t>(from.kind)].ns += Event::elapsed_ns(from.event, marks_[i + 1].event);
    }
}

}  // namespace pitwall::cuda
