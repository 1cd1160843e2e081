// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer: a vocabulary, merges and a text, from one input: lines of "merge" until an empty line, then text.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "engine/model/synthetic_model.h"
#include "engine/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace pitwall::engine;
    std::string_view input(reinterpret_cast<const char*>(data), size);
    Vocabulary v = synthetic_vocabulary(260);
    constexpr const char* kRules[] = {"smollm", "gpt-2", "llama-bpe", "qwen2"};
    v.pre = kRules[size % 4];
    while (!input.empty()) {
        const size_t end = std::min(input.find('\n'), input.size());
        const std::string merge(input.substr(0, end));
        input.remove_prefix(std::min(end + 1, input.size()));
        if (merge.empty()) break;
        std::string joined = merge;
        std::erase(joined, ' ');
        v.tokens.push_back(joined);
        v.types.push_back(1 + static_cast<int32_t>(merge.size() % 4));
        v.merges.push_back(merge);
    }
    const auto tokenizer = Tokenizer::create(v);
    if (!tokenizer.ok()) return 0;
    // The synthetic vocabulary has all bytes, so text must come back.
    for (const bool special : {false, true}) {
        if (tokenizer.value()->decode(tokenizer.value()->encode(input, special)) != input) std::abort();
    }
    return 0;
}
