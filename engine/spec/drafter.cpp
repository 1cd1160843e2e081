// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/drafter.h"

#include "engine/spec/ngram_drafter.h"
#include "engine/spec/suffix_drafter.h"

namespace pitwall::engine {

std::unique_ptr<Drafter> make_drafter(DraftMethod method) {
    switch (method) {
        case DraftMethod::kNgram:
            return std::make_unique<NgramDrafter>();
        case DraftMethod::kSuffix:
            return std::make_unique<SuffixDrafter>();
        case DraftMethod::kNone:
        case DraftMethod::kCount:
            break;
    }
    return nullptr;
}

}  // namespace pitwall::engine
