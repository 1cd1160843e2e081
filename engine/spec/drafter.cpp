// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/spec/drafter.h"

#include "engine/spec/ngram_drafter.h"
#include "engine/spec/suffix_drafter.h"

namespace pitwall::engine {

Result<std::unique_ptr<Drafter>> make_drafter(DraftMethod method) {
    switch (method) {
        case DraftMethod::kNgram:
            return std::unique_ptr<Drafter>(std::make_unique<NgramDrafter>());
        case DraftMethod::kSuffix:
            return std::unique_ptr<Drafter>(std::make_unique<SuffixDrafter>());
        case DraftMethod::kDraft:
            return Error{"there is no draft model",
                         "give one with --draft-model FILE, or in the window with Engine > Draft model"};
        case DraftMethod::kNone:
        case DraftMethod::kCount:
            break;
    }
    return std::unique_ptr<Drafter>();
}

}  // namespace pitwall::engine
