// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer: any bytes as a model file, down to its tokenizer.
#include <span>
#include <vector>

#include "engine/model/gguf_model.h"
#include "engine/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace pitwall::engine;
    const auto read = read_gguf(std::as_bytes(std::span(data, size)), "fuzz.gguf");
    if (!read.ok()) return 0;
    std::vector<float> row(read.value().weights.embedding.columns);
    dequantize(read.value().weights.embedding.type, read.value().weights.embedding.data, row.size(),
               row.data());
    const auto tokenizer = Tokenizer::create(read.value().vocabulary);
    if (tokenizer.ok()) (void)tokenizer.value()->encode("Hello, world 123", true);
    return 0;
}
