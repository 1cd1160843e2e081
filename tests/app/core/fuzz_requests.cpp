// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/core/cli/request_file.h"
#include "engine/model/model.h"

using namespace pitwall;

namespace {

/// The tokenizer is made once: a fuzzer lives from its rate.
const engine::Tokenizer& tokenizer() {
    static const auto made = [] {
        auto model = engine::open_model("synthetic:tiny", 1, false);
        auto created = model.ok() ? engine::Tokenizer::create(model.value()->vocabulary())
                                  : Result<std::unique_ptr<engine::Tokenizer>>(Error{"no model", ""});
        if (!created.ok()) std::abort();
        return std::move(created).value();
    }();
    return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto requests =
        app::parse_requests({reinterpret_cast<const char*>(data), size}, "fuzz.jsonl", tokenizer(), 300);
    if (!requests.ok()) return 0;
    for (const app::FileRequest& request : requests.value())
        if (request.id.empty() || request.request.prompt.empty()) std::abort();
    return 0;
}
