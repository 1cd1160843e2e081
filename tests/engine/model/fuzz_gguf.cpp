// SPDX-License-Identifier: GPL-3.0-or-later
// libFuzzer: model files, down to their tokenizer. An input is either a whole file, or after a first byte 'P' patches
// (offset as three bytes, a value) of a file that is right, which finds its way past the header at once.
#include <span>
#include <string>
#include <vector>

#include "engine/model/gguf_model.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/engine/model/gguf_writer.h"

namespace {

std::string file_of(const uint8_t* data, size_t size) {
    if (size == 0 || data[0] != 'P') return {reinterpret_cast<const char*>(data), size};
    static const std::string whole = pitwall::engine::SmallModel().bytes();
    std::string bytes = whole;
    for (size_t i = 1; i + 4 <= size; i += 4) {
        const size_t offset = data[i] | size_t{data[i + 1]} << 8 | size_t{data[i + 2]} << 16;
        bytes[offset % bytes.size()] = static_cast<char>(data[i + 3]);
    }
    return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace pitwall::engine;
    const std::string bytes = file_of(data, size);
    const auto read = read_gguf(as_span(bytes), "fuzz.gguf");
    if (!read.ok()) return 0;
    std::vector<float> row(read.value().weights.embedding.columns);
    dequantize(read.value().weights.embedding.type, read.value().weights.embedding.data, row.size(),
               row.data());
    const auto tokenizer = Tokenizer::create(read.value().vocabulary);
    if (tokenizer.ok()) (void)tokenizer.value()->encode("Hello, world 123", true);
    return 0;
}
