// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/gguf_model.h"

#include <fmt/format.h>

#include <filesystem>
#include <mutex>
#include <unordered_map>

#include "engine/model/gguf.h"
#include "engine/model/gguf_config.h"
#include "engine/model/metadata.h"
#include "engine/model/printable.h"

namespace pitwall::engine {
namespace {

/// Takes each tensor from the file's directory once, so that what is left over at the end is known.
class TensorTable {
  public:
    TensorTable(const Gguf& file, Metadata& metadata) : metadata_(metadata) {
        for (const GgufTensor& t : file.tensors()) tensors_.emplace(t.name, t);
    }

    bool has(const std::string& name) const { return tensors_.contains(name); }

    TensorView take(const std::string& name, uint64_t rows, uint64_t columns) {
        const auto it = tensors_.find(name);
        if (it == tensors_.end()) {
            metadata_.fail(fmt::format("has no tensor '{}'", name),
                           "the file is damaged or incomplete, fetch it again");
            return {};
        }
        const GgufTensor t = it->second;
        tensors_.erase(it);
        if (t.dims[0] != columns || t.dims[1] != rows || t.dims[2] != 1 || t.dims[3] != 1) {
            metadata_.fail(fmt::format("has its tensor '{}' as {} x {} where its shape asks for {} x {}",
                                       name, t.dims[1], t.dims[0], rows, columns),
                           "the file is damaged, fetch it again");
            return {};
        }
        return {t.type, static_cast<uint32_t>(rows), static_cast<uint32_t>(columns), t.data.data(),
                t.data.size()};
    }

    /// A tensor that nobody asked for would change the answers: biases, experts, rotary factors.
    void refuse_rest() {
        if (tensors_.empty()) return;
        std::string_view first;
        for (const auto& [name, tensor] : tensors_) {
            if (first.empty() || name < first) first = name;
        }
        metadata_.fail(
            fmt::format("has a tensor '{}' that a plain llama model does not have", printable(first)),
            "choose a model without biases, experts or rotary factors");
    }

  private:
    std::unordered_map<std::string_view, GgufTensor> tensors_;
    Metadata& metadata_;
};

Weights take_weights(TensorTable& table, ModelConfig& config, const Metadata& metadata) {
    Weights w;
    w.embedding = table.take("token_embd.weight", config.vocab_size, config.hidden_size);
    w.output_norm = table.take("output_norm.weight", 1, config.hidden_size);
    config.tied_embeddings = !table.has("output.weight");
    w.output_head = config.tied_embeddings
                        ? w.embedding
                        : table.take("output.weight", config.vocab_size, config.hidden_size);
    const std::vector<LayerSlot> slots = layer_slots(config);
    for (uint32_t i = 0; i < config.num_layers && !metadata.error(); ++i) {
        LayerWeights& layer = w.layers.emplace_back();
        for (const LayerSlot& slot : slots) {
            layer.*slot.place =
                table.take(fmt::format("blk.{}.{}.weight", i, slot.name), slot.rows, slot.columns);
        }
    }
    return w;
}

class GgufModel final : public Model {
  public:
    GgufModel(std::unique_ptr<MappedFile> file, std::string path, GgufContents contents)
        : file_(std::move(file)),
          path_(std::move(path)),
          contents_(std::move(contents)),
          bytes_(bytes_by_type(contents_.weights, contents_.config.tied_embeddings)) {}

    const ModelConfig& config() const override { return contents_.config; }
    const TensorView& embedding() const override { return contents_.weights.embedding; }
    const TensorView& output_head() const override { return contents_.weights.output_head; }
    const TensorView& output_norm() const override { return contents_.weights.output_norm; }
    const LayerWeights& layer(uint32_t index) const override { return contents_.weights.layers.at(index); }
    const Vocabulary& vocabulary() const override { return contents_.vocabulary; }
    std::string_view path() const override { return path_; }
    /// On first use, which takes as long as reading the file does.
    std::string_view sha256() const override {
        std::call_once(hashed_, [this] { sha256_ = file_->sha256(); });
        return sha256_;
    }
    uint64_t weight_bytes() const override { return total_bytes(bytes_); }
    std::string format_summary() const override { return engine::format_summary(bytes_); }
    void release_pages() const override { file_->release_pages(); }

  private:
    std::unique_ptr<MappedFile> file_;
    std::string path_;
    GgufContents contents_;
    std::map<TensorType, uint64_t> bytes_;
    mutable std::once_flag hashed_;
    mutable std::string sha256_;
};

}  // namespace

Result<GgufContents> read_gguf(std::span<const std::byte> bytes, std::string_view name) {
    const Result<Gguf> parsed = Gguf::parse(bytes, name);
    if (!parsed.ok()) return parsed.error();
    Metadata metadata(parsed.value(), name);
    GgufContents out;
    out.config = read_config(metadata);
    if (metadata.error()) return *metadata.error();
    out.vocabulary = read_vocabulary(metadata);
    if (metadata.error()) return *metadata.error();
    out.config.vocab_size = static_cast<uint32_t>(out.vocabulary.tokens.size());
    TensorTable table(parsed.value(), metadata);
    out.weights = take_weights(table, out.config, metadata);
    table.refuse_rest();
    if (metadata.error()) return *metadata.error();
    return out;
}

Result<std::unique_ptr<Model>> open_gguf_model(const std::string& path) {
    Result<std::unique_ptr<MappedFile>> file = MappedFile::open(path);
    if (!file.ok()) return file.error();
    Result<GgufContents> contents = read_gguf(file.value()->bytes(), path);
    if (!contents.ok()) return contents.error();
    std::error_code ignored;
    const std::filesystem::path absolute = std::filesystem::absolute(path, ignored);
    std::string shown = absolute.empty() ? path : absolute.lexically_normal().string();
    return std::unique_ptr<Model>(
        std::make_unique<GgufModel>(std::move(file).value(), std::move(shown), std::move(contents).value()));
}

}  // namespace pitwall::engine
